package dev.loupe.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import java.util.List;
import java.util.Objects;

/** Nothing of the old latent is left in the running average of a latent that began anew, in any engine. */
final class RecycledAverage {
    private RecycledAverage() {}

    static void check(SaeEngine engine) {
        for (Kind kind : Kind.values()) {
            if (kind.rule(12, 7, 3, 2, 1).average() > 0) {
                check(engine, kind);
            }
        }
    }

    private static void check(SaeEngine engine, Kind kind) {
        Cases.Random random = Cases.random();
        TrainState start = States.random(random, kind, 12, 7);
        StepRule rule = kind.rule(12, 7, 3, 2, 1e-3);
        int dOut = start.parameters().dOut();
        try (TrainSession fast = engine.open(start);
                TrainSession reference = SaeEngine.scalar().open(start)) {
            Matrix batch = States.batchAwayFromTies(random, start, rule, 40);
            Matrix target = States.target(random, start, kind, batch);
            List<TrainSession.Replacement> fresh =
                    List.of(new TrainSession.Replacement(5, random.floats(7), random.floats(dOut), 0.25f));
            for (TrainSession s : List.of(fast, reference)) {
                s.step(batch, target, rule);
                s.recycle(fresh);
                TrainState after = s.snapshot();
                Parameters mean = Objects.requireNonNull(after.average());
                Parameters now = after.parameters();
                Floats.assertIdentical(
                        mean.encoderRows().row(5), now.encoderRows().row(5));
                Floats.assertIdentical(
                        mean.decoderRows().row(5), now.decoderRows().row(5));
                for (int v : new int[] {0, 2, 3, 4}) { // all but b_dec
                    float[] averaged = mean.vectors().get(v);
                    if (averaged.length > 0) {
                        assertThat(averaged[5]).isEqualTo(now.vectors().get(v)[5]);
                    }
                }
            }
        }
    }
}
