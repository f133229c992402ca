package dev.loupe.compare;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Progress;
import dev.loupe.engine.cuda.ChosenCard;
import dev.loupe.engine.cuda.FakeCuda;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The candidates of matching, found on a GPU of paper, have the bits of those found on the processor. */
class CardCandidatesTest {
    private static final int CARD = 9;

    @AfterEach
    void onTheProcessorAgain() {
        ChosenCard.use(-1);
        System.clearProperty("loupe.cuda.least");
        assertThat(FakeCuda.damaged()).isZero();
        assertThat(FakeCuda.used()).isZero();
    }

    private static void onTheCard() {
        FakeCuda.install(CARD);
        choose(CARD);
    }

    private static void choose(int card) {
        ChosenCard.use(card);
        System.setProperty("loupe.cuda.least", "1");
    }

    private static List<String> content(TopLists lists) {
        List<String> all = new ArrayList<>();
        for (int l = 0; l < lists.lists(); l++) {
            List<String> list = new ArrayList<>();
            for (int e = 0; e < lists.size(l); e++) {
                list.add(lists.id(l, e) + "=" + Float.floatToIntBits(lists.value(l, e) + 0f));
            }
            Collections.sort(list);
            all.add(list.toString());
        }
        return all;
    }

    private static void same(float[][] a, float[][] b, int listed) {
        FakeCuda.install(CARD);
        long before = FakeCuda.launches();
        same(CARD, a, b, listed);
        assertThat(FakeCuda.launches()).isGreaterThan(before);
    }

    static void same(int card, float[][] a, float[][] b, int listed) {
        UnitRows x = UnitRows.of(Matrix.copyOf(a));
        UnitRows y = UnitRows.of(Matrix.copyOf(b));
        ChosenCard.use(-1);
        Candidates expected = Candidates.of(x, y, listed, CandidateFile.NONE, Progress.silent());
        choose(card);
        Candidates found = Candidates.of(x, y, listed, CandidateFile.NONE, Progress.silent());
        assertThat(content(found.byRow)).isEqualTo(content(expected.byRow));
        assertThat(content(found.byColumn)).isEqualTo(content(expected.byColumn));
    }

    @Test
    void listsOfRandomRowsHaveTheBitsOfTheProcessor() {
        Cases.check(
                4,
                random -> same(
                        random.matrix(1 + random.nextInt(150), 24),
                        random.matrix(1 + random.nextInt(150), 24),
                        1 + random.nextInt(32)));
    }

    @Test
    void equalRowsDeadRowsAndOppositeOnesAreInTheSameOrderOnBoth() {
        FakeCuda.install(CARD);
        equalRows(CARD);
    }

    static void equalRows(int card) {
        Cases.Random random = Cases.random();
        float[][] few = random.matrix(3, 5);
        float[][] a = new float[90][];
        float[][] b = new float[110][];
        for (int i = 0; i < a.length; i++) {
            a[i] = i % 7 == 0 ? new float[5] : few[i % 3].clone();
        }
        for (int j = 0; j < b.length; j++) {
            b[j] = j % 11 == 0 ? new float[5] : few[j % 3].clone();
            if (j % 5 == 0) {
                b[j][0] = Float.NaN;
            }
        }
        same(card, a, b, 8);
    }

    @Test
    void severalBlocksOfColumns() {
        Cases.Random random = Cases.random();
        same(random.matrix(40, 4), random.matrix(2100, 4), 5);
    }

    /** With rows that differ nothing is done twice: the card's lists settle which cosines are the largest. */
    @Test
    void rowsThatDifferAreNotDoneAgain() {
        Cases.Random random = Cases.random();
        UnitRows x = UnitRows.of(Matrix.copyOf(random.matrix(200, 16)));
        UnitRows y = UnitRows.of(Matrix.copyOf(random.matrix(300, 16)));
        onTheCard();
        int redone = CardCandidates.fill(x, y, 0, new TopLists(200, 8), new TopLists(300, 8), Progress.silent());
        assertThat(redone).isZero();
    }

    @Test
    void aMatchingIsThatOfTheProcessor() {
        Cases.Random random = Cases.random();
        Matrix a = Matrix.copyOf(random.matrix(120, 10));
        Matrix b = Matrix.copyOf(random.matrix(140, 10));
        Side expected = Side.certified(a, b, 0, CandidateFile.NONE, Progress.silent());
        onTheCard();
        Side found = Side.certified(a, b, 0, CandidateFile.NONE, Progress.silent());
        assertThat(found.match()).isEqualTo(expected.match());
        assertThat(found.cosine()).isEqualTo(expected.cosine());
        assertThat(found.nearestB()).isEqualTo(expected.nearestB());
    }
}
