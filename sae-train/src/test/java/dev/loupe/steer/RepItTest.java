package dev.loupe.steer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The algebra of isolation, on planted concepts that overlap. */
class RepItTest {
    private static final int D = 48;

    /** A target that shares a planted amount with each of some others. */
    private static List<float[]> planted(Cases.Random r, int others, double overlap) {
        float[][] axes = r.matrix(others + 1, D);
        List<float[]> all = new ArrayList<>();
        float[] target = axes[others].clone();
        for (int j = 0; j < others; j++) {
            all.add(axes[j]);
            for (int i = 0; i < D; i++) {
                target[i] += (float) (overlap * axes[j][i]);
            }
        }
        all.addFirst(target);
        return all;
    }

    @Test
    void aShareOfNothingChangesNothingAndAShareOfOneLeavesNothingInCommon() {
        Cases.check(20, r -> {
            List<float[]> all = planted(r, 1 + r.nextInt(6), r.nextDouble());
            RepIt repit = RepIt.of(all.getFirst(), all.subList(1, all.size()));
            Floats.assertIdentical(repit.isolate(0).values(), all.getFirst());
            assertThat(repit.common(repit.isolate(1).values())).isLessThan(1e-5);
        });
    }

    @Test
    void theSideEffectFallsAsMoreIsRemoved() {
        List<float[]> all = planted(Cases.Random.of(4), 4, 0.6);
        RepIt repit = RepIt.of(all.getFirst(), all.subList(1, all.size()));
        double before = euclidean(all.getFirst(), all.subList(1, 5));
        assertThat(before).isGreaterThan(0.3);
        for (double rho = 0.1; rho < 1; rho += 0.1) {
            float[] isolated = repit.isolate(rho).values();
            assertThat(repit.left(isolated)).isCloseTo(1 - rho, within(1e-3)); // float32 values
            double now = euclidean(isolated, all.subList(1, 5));
            assertThat(now).isLessThan(before);
            before = now;
        }
    }

    /** Mean absolute cosine with the others: what a read-out along them would notice. */
    private static double euclidean(float[] v, List<float[]> others) {
        double sum = 0;
        for (float[] o : others) {
            double dot = 0;
            for (int i = 0; i < D; i++) {
                dot += (double) v[i] * o[i];
            }
            sum += Math.abs(dot) / Direction.norm(v) / Direction.norm(o) / others.size();
        }
        return sum;
    }

    @Test
    void aDirectionThatTheOthersHaveAlreadyIsDropped() {
        Cases.Random r = Cases.Random.of(8);
        float[][] m = r.matrix(3, D);
        float[] copy = m[1].clone();
        copy[0] += 1e-4f;
        RepIt repit = RepIt.of(m[0], List.of(m[1], m[2], copy));
        assertThat(repit.isolate(0.5).dropped()).containsExactly(2);
        assertThat(repit.isolate(0.5).coordinates()).isNotEmpty();
    }

    @Test
    void theShareWithTheLargestEffectWithinTheLimitIsChosen() {
        List<float[]> all = planted(Cases.Random.of(4), 3, 0.5);
        RepIt repit = RepIt.of(all.getFirst(), all.subList(1, all.size()));
        double[] grid = {0, 0.25, 0.5, 0.75, 0.9, 1};
        // the effect falls with rho, the side effect too: 0.2 of the energy that is left
        RepIt.Isolated chosen = repit.choose(grid, repit::left, v -> 0.2 * repit.left(v));
        assertThat(chosen.rho()).isEqualTo(0.5);
        assertThat(repit.choose(grid, v -> 1, v -> 1).rho()).isEqualTo(1);
    }

    @Test
    void whatCannotBeIsolatedIsRefused() {
        float[] v = Cases.Random.of(1).floats(D);
        assertThatThrownBy(() -> RepIt.of(v, List.of())).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> RepIt.of(v, List.of(new float[3]))).hasMessageContaining("48 and 3 numbers");
        float[] bad = v.clone();
        bad[2] = Float.NaN;
        assertThatThrownBy(() -> RepIt.of(v, List.of(bad))).hasMessageContaining("NaN");
        assertThatThrownBy(() -> RepIt.of(v, List.of(v)).isolate(1.5)).hasMessageContaining("0 to 1");
    }
}
