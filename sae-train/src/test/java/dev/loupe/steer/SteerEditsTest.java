package dev.loupe.steer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Editor;
import dev.loupe.model.HookPoint;
import dev.loupe.model.Taps;
import dev.loupe.patch.ToyModel;
import dev.loupe.patch.ToySae;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.lang.foreign.Arena;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What each edit does to the numbers at its hook. */
class SteerEditsTest {
    private static final String HOOK = "blocks.1.hook_resid_post";
    private static final int[] PROMPT = {0, 1, 2, 3}; // id 0 is special
    private static final int WIDTH = ToyModel.WIDTH;

    private final ToyModel model = new ToyModel(1, true);
    private Sae sae = ToySae.random("s", Architecture.TOPK, WIDTH, 30, 5, HOOK);
    private final SteeringContext context = new SteeringContext() {
        @Override
        public Sae sae(String name) {
            if (name.equals("axes")) {
                return ToySae.axes("axes", WIDTH, HOOK);
            }
            if (name.equals("late")) {
                return ToySae.axes("late", WIDTH, "blocks.2.hook_resid_post");
            }
            if (!name.equals("s")) {
                throw new NotFoundException("There is no SAE " + name + ".");
            }
            return sae;
        }

        @Override
        public OptionalDouble maxActivation(String name, int id) {
            return name.equals("axes") ? OptionalDouble.empty() : OptionalDouble.of(id == 29 ? 0 : 8);
        }

        @Override
        public SteeringVector vector(String name) {
            float[] v = Cases.Random.of(5).floats(WIDTH);
            return new SteeringVector("1.0", name, null, HOOK, name.equals("zero") ? new float[WIDTH] : v);
        }
    };

    /** The hook's values after the variant, from random ones before. */
    private float[][] edited(Variant v, float[][] before, int start) {
        Activation a = activation(before, start, HOOK);
        apply(v, a);
        return rows(a);
    }

    private void apply(Variant v, Activation a) {
        Taps taps = Steering.taps(v, model, context, PROMPT);
        assertThat(taps.edited()).containsExactly(a.hook());
        for (Editor e : taps.editors(a.hook())) {
            e.edit(a);
        }
    }

    private static Activation activation(float[][] rows, int start, String hook) {
        Activation a = Activation.of(
                HookPoint.of(hook),
                Arena.ofAuto().allocate(4L * rows.length * rows[0].length, 64),
                rows.length,
                rows[0].length,
                start,
                rows.length);
        for (int p = 0; p < rows.length; p++) {
            a.setRow(0, p, rows[p]);
        }
        return a;
    }

    private static float[][] rows(Activation a) {
        float[][] rows = new float[a.positions()][];
        for (int p = 0; p < rows.length; p++) {
            rows[p] = a.row(0, p);
        }
        return rows;
    }

    private static float[][] some(int n) {
        float[][] m = Cases.Random.of(7).matrix(n, WIDTH);
        for (float[] row : m) {
            for (int i = 0; i < WIDTH; i++) {
                row[i] *= 2;
            }
        }
        return m;
    }

    private static Edit edit(int id, EditOp op, Double strength) {
        Edit e = Edit.feature("s", id, op, strength);
        return op == EditOp.ADD || op == EditOp.SET || op == EditOp.CAP ? e.withUnit(Unit.ABSOLUTE) : e;
    }

    private int activeIn(float[] row) {
        SparseCodes c = sae.encode(Matrix.copyOf(new float[][] {row}));
        return c.ids()[c.start(0)];
    }

    private float valueIn(float[] row, int id) {
        return sae.reader(id).read(row)[0];
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void settingALatentToWhatItIsAndScalingItByOneChangeNoBit(Architecture architecture) {
        sae = ToySae.random("s", architecture, WIDTH, 30, 5, HOOK);
        float[][] h = some(2);
        int id = activeIn(h[1]);
        double now = valueIn(h[1], id);
        Floats.assertIdentical(edited(Variant.of(edit(id, EditOp.SET, now)), h, 1)[1], h[1]);
        Floats.assertIdentical(edited(Variant.of(edit(id, EditOp.SCALE, 1.0)), h, 1)[1], h[1]);
        Floats.assertIdentical(edited(Variant.of(edit(id, EditOp.CAP, now + 1)), h, 1)[1], h[1]);
        Floats.assertIdentical(edited(Variant.of(edit(id, EditOp.ADD, 0.0)), h, 1)[1], h[1]);
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void ablatingRemovesExactlyTheLatentsContributionAndKeepsTheError(Architecture architecture) {
        sae = ToySae.random("s", architecture, WIDTH, 30, 5, HOOK);
        float[][] h = some(3);
        for (int p = 0; p < 3; p++) {
            int id = activeIn(h[p]);
            float a = valueIn(h[p], id);
            float[] d = sae.decoderRows().row(id);
            float[] expected = new float[WIDTH];
            for (int i = 0; i < WIDTH; i++) {
                expected[i] = h[p][i] - a * d[i];
            }
            assertThat(a).isPositive();
            Floats.assertClose(edited(Variant.of(edit(id, EditOp.ABLATE, null)), h, 1)[p], expected, 1e-6);
            float[] halved = edited(Variant.of(edit(id, EditOp.SCALE, 0.5)), h, 1)[p];
            float[] capped = edited(Variant.of(edit(id, EditOp.CAP, a / 2.0)), h, 1)[p];
            Floats.assertClose(halved, capped, 1e-6);
        }
    }

    @Test
    void settingReachesItsValueWhenEncodedAgain() {
        float[][] h = some(3);
        for (double value : new double[] {0.25, 3, 40}) {
            Edit e = Edit.feature("axes", 4, EditOp.SET, value).withUnit(Unit.ABSOLUTE);
            float[][] after = edited(Variant.of(e), h, 1);
            SparseCodes c = ToySae.axes("axes", WIDTH, HOOK).encode(Matrix.copyOf(after));
            for (int p = 0; p < 3; p++) {
                // where the coordinate was negative the latent was 0, and the negative rest is the SAE's error: it
                // stays
                double error = Math.min(0, h[p][4]);
                assertThat((double) after[p][4]).isCloseTo(value + error, within(1e-5));
                assertThat((double) c.value(p, 4)).isCloseTo(Math.max(0, value + error), within(1e-5));
            }
        }
    }

    @Test
    void addingTakesMultiplesOfTheMaximumOfTheIndex() {
        float[][] h = some(1);
        float[] d = sae.decoderRows().row(3);
        float[] expected = new float[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            expected[i] = (float) (h[0][i] + 1.5 * 8 * d[i]);
        }
        Floats.assertClose(edited(Variant.of(Edit.feature("s", 3, EditOp.ADD, 1.5)), h, 1)[0], expected, 1e-6);
        CompiledVariant c = Steering.compile(Variant.of(Edit.feature("s", 3, EditOp.ADD, 1.5)), model, context);
        assertThat(c.words()).singleElement().asString().contains("1.500 x its largest activation = 12.00", HOOK);
    }

    @Test
    void theUnitNormCountsInSizesOfTheValueAtThatPosition() {
        float[][] h = some(2);
        Edit e = Edit.vector("up", EditOp.ADD, 0.5).withUnit(Unit.NORM);
        float[][] after = edited(Variant.of(e), h, 1);
        for (int p = 0; p < 2; p++) {
            double change = 0;
            for (int i = 0; i < WIDTH; i++) {
                change += Math.pow(after[p][i] - h[p][i], 2);
            }
            assertThat(Math.sqrt(change)).isCloseTo(0.5 * Direction.norm(h[p]), within(1e-4));
        }
    }

    @Test
    void projectingLeavesNothingAlongTheDirection() {
        float[][] h = some(2);
        for (Edit e : new Edit[] {
            Edit.feature("s", 3, EditOp.PROJECT, null), Edit.vector("up", EditOp.PROJECT, null),
            Edit.vector("up", EditOp.ABLATE, null), Edit.vector("up", EditOp.SET, 0.0)
        }) {
            float[] d = e.feature() != null
                    ? sae.decoderRows().row(3)
                    : context.vector("up").values();
            float[] after = edited(Variant.of(e), h, 1)[1];
            double dot = 0;
            for (int i = 0; i < WIDTH; i++) {
                dot += (double) after[i] * d[i];
            }
            assertThat(dot).as(e.toString()).isCloseTo(0, within(1e-5));
            assertThat(after).isNotEqualTo(h[1]);
        }
    }

    @Test
    void aNeuronIsItsOwnAxis() {
        float[][] h = Cases.Random.of(9).matrix(2, ToyModel.MLP);
        String hook = "blocks.2.mlp.hook_post";
        Activation a = activation(h, 1, hook);
        apply(Variant.of(Edit.neuron(2, 7, EditOp.SET, 3.25), Edit.neuron(2, 1, EditOp.ABLATE, null)), a);
        for (int p = 0; p < 2; p++) {
            float[] expected = h[p].clone();
            expected[7] = 3.25f;
            expected[1] = 0;
            Floats.assertClose(a.row(0, p), expected, 1e-7);
        }
    }

    @Test
    void severalEditsOfOneHookAllStartFromTheValueBefore() {
        float[][] h = some(1);
        int id = activeIn(h[0]);
        int other = (id + 1) % 30;
        Edit big = edit(other, EditOp.ADD, 100.0); // would change which latents are active
        Edit ablate = edit(id, EditOp.ABLATE, null);
        float[] one = edited(Variant.of(big, ablate), h, 1)[0];
        float[] two = edited(Variant.of(ablate, big), h, 1)[0];
        Floats.assertClose(one, two, 1e-7);
        float[] d = sae.decoderRows().row(id);
        float[] e = sae.decoderRows().row(other);
        float a = valueIn(h[0], id);
        for (int i = 0; i < WIDTH; i++) {
            assertThat((double) one[i]).isCloseTo(h[0][i] - a * d[i] + 100.0 * e[i], within(1e-4));
        }
        float[] chained = edited(Variant.of(edit(id, EditOp.ADD, 2.0), edit(id, EditOp.SCALE, 3.0)), h, 1)[0];
        for (int i = 0; i < WIDTH; i++) {
            assertThat((double) chained[i]).isCloseTo(h[0][i] + (3 * (a + 2) - a) * d[i], within(1e-4));
        }
    }

    @Test
    void positionsAndSpecialTokensAreRespected() {
        float[][] h = some(6); // positions 0 to 5, of which 4 and 5 are generated
        Edit e = edit(3, EditOp.ADD, 5.0);
        assertThat(changedPositions(e, h)).containsExactly(1, 2, 3, 4, 5); // position 0 is special
        assertThat(changedPositions(e.withSpecials(true), h)).containsExactly(0, 1, 2, 3, 4, 5);
        assertThat(changedPositions(e.withPositions("prompt"), h)).containsExactly(1, 2, 3);
        assertThat(changedPositions(e.withPositions("generated"), h)).containsExactly(4, 5);
        assertThat(changedPositions(e.withPositions("0-2"), h)).containsExactly(1, 2);
        assertThat(changedPositions(e.withPositions("3-9"), h)).containsExactly(3, 4, 5);
    }

    private java.util.List<Integer> changedPositions(Edit e, float[][] h) {
        float[][] whole = edited(Variant.of(e), h, 0);
        java.util.List<Integer> changed = new java.util.ArrayList<>();
        for (int p = 0; p < h.length; p++) {
            if (!java.util.Arrays.equals(whole[p], h[p])) {
                changed.add(p);
            }
            // one token at a time, as with a cache: the same
            float[][] single = edited(Variant.of(e), new float[][] {h[p]}, p);
            Floats.assertIdentical(single[0], whole[p]);
        }
        return changed;
    }

    @Test
    void aGeneratedSpecialTokenIsLeftAloneToo() {
        CompiledVariant.Run run = Steering.compile(Variant.of(edit(3, EditOp.ADD, 5.0)), model, context)
                .on(PROMPT, PROMPT.length);
        Taps taps = run.taps();
        var listener = run.listening((id, text, logProb) -> true);
        for (int id : new int[] {5, 0, 6}) {
            listener.token(id, "", 0);
        }
        float[][] h = some(7);
        Activation a = activation(h, 0, HOOK);
        taps.editors(HookPoint.of(HOOK)).forEach(e -> e.edit(a));
        assertThat(a.row(0, 4)).isNotEqualTo(h[4]);
        assertThat(a.row(0, 5)).isEqualTo(h[5]);
        assertThat(a.row(0, 6)).isNotEqualTo(h[6]);
    }

    @Test
    void aConditionDecidesAtEachPositionAndSeenRemembers() {
        float[][] h = new float[6][WIDTH];
        h[2][4] = 3; // latent 4 of "axes" is 3 at position 2 only
        h[0][4] = 3; // ... and at the special token, which never counts
        Edit e = Edit.feature("axes", 1, EditOp.ADD, 1.0).withUnit(Unit.ABSOLUTE);
        assertThat(changed(e, "feature axes:4 > 2", h)).containsExactly(2);
        assertThat(changed(e, "feature axes:4 > 4", h)).isEmpty();
        assertThat(changed(e, "seen feature axes:4 > 2", h)).containsExactly(2, 3, 4, 5);
        assertThat(changed(e, "feature axes:4 < 2", h)).containsExactly(1, 3, 4, 5);
        assertThat(changed(e, "seen feature axes:4 > 2 and feature axes:4 < 2", h))
                .containsExactly(3, 4, 5);
        assertThat(changed(e, "feature axes:4 > 2 or feature s:0 < -1", h)).containsExactly(2);
    }

    private java.util.List<Integer> changed(Edit e, String when, float[][] h) {
        Variant v = Variant.of(e).when(when);
        float[][] whole = edited(v, h, 0);
        Taps taps = Steering.taps(v, model, context, PROMPT);
        java.util.List<Integer> changed = new java.util.ArrayList<>();
        for (int p = 0; p < h.length; p++) {
            Activation one = activation(new float[][] {h[p]}, p, HOOK);
            taps.editors(HookPoint.of(HOOK)).forEach(x -> x.edit(one));
            Floats.assertIdentical(one.row(0, 0), whole[p]); // one token at a time: the same
            if (!java.util.Arrays.equals(whole[p], h[p])) {
                changed.add(p);
            }
        }
        return changed;
    }

    @Test
    void whatCannotBeAppliedIsRefusedInOneSentence() {
        refused(Variant.of(Edit.feature("nobody", 1, EditOp.ABLATE, null)), "no SAE nobody");
        refused(Variant.of(Edit.feature("s", 30, EditOp.ABLATE, null)), "latents 0 to 29");
        refused(Variant.of(Edit.feature("axes", 3, EditOp.ADD, 2.0)), "loupe index axes");
        refused(Variant.of(Edit.feature("s", 29, EditOp.ADD, 2.0)), "never active");
        refused(Variant.of(Edit.neuron(3, 1, EditOp.ABLATE, null)), "layers 0 to 2");
        refused(Variant.of(Edit.neuron(1, 10, EditOp.ABLATE, null)), "neurons 0 to 9");
        refused(Variant.of(Edit.vector("zero", EditOp.ADD, 1.0)), "size 0");
        refused(Variant.of(edit(3, EditOp.ADD, 1.0)).when("feature late:1 > 0.5"), "comes after the edit at " + HOOK);
        Steering.compile(Variant.of(edit(3, EditOp.ADD, 1.0)).when("neuron 1:1 > 0.5"), model, context);
    }

    private void refused(Variant v, String words) {
        assertThatThrownBy(() -> Steering.compile(v, model, context))
                .isInstanceOfAny(UsageException.class, NotFoundException.class)
                .hasMessageContaining(words);
    }
}
