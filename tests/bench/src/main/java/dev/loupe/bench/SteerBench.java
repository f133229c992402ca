package dev.loupe.bench;

import dev.loupe.base.NotFoundException;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import dev.loupe.sae.Sae;
import dev.loupe.steer.CompiledVariant;
import dev.loupe.steer.Edit;
import dev.loupe.steer.EditOp;
import dev.loupe.steer.Steering;
import dev.loupe.steer.SteeringContext;
import dev.loupe.steer.SteeringVector;
import dev.loupe.steer.Unit;
import dev.loupe.steer.Variant;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** Writing with eight edited features on one layer against writing without edits, in turns. */
final class SteerBench implements Benchmark {
    private static final int TOKENS = 96;
    private static final int PAIRS = 4;

    private final EditOp op;
    private @Nullable LanguageModel model;
    private @Nullable CompiledVariant variant;

    /** @param op what is done: add needs no activations of the SAE, set does */
    SteerBench(EditOp op) {
        this.op = op;
    }

    @Override
    public String name() {
        return "steer-" + op.key();
    }

    @Override
    public String setting() {
        return "8 features of a TopK SAE of " + SaeData.LATENTS + " latents, " + op.key()
                + ", one layer of the embedded" + " model; tokens/s with / without edits, " + TOKENS
                + " tokens, one stream";
    }

    @Override
    public String unit() {
        return "of unsteered speed";
    }

    @Override
    public double tolerance() {
        return Double.POSITIVE_INFINITY; // no peer
    }

    @Override
    public void prepare(Path folder) throws Exception {
        LanguageModel m = Builtin.open(folder, Map.of());
        model = m;
        float[][] rows = SaeData.directions(5, SaeData.LATENTS, 0.1);
        Sae sae = SaeData.topk("bench", rows, rows);
        List<Edit> edits = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            edits.add(Edit.feature("bench", 100 * i, op, 0.02).withUnit(Unit.ABSOLUTE));
        }
        variant = Steering.compile(new Variant(null, edits, null), m, new SteeringContext() {
            @Override
            public Sae sae(String name) {
                return sae;
            }

            @Override
            public OptionalDouble maxActivation(String name, int id) {
                return OptionalDouble.empty();
            }

            @Override
            public SteeringVector vector(String name) {
                throw new NotFoundException("There are no vectors.");
            }
        });
    }

    @Override
    public Measured run() {
        double with = 0;
        double without = 0;
        for (int i = 0; i < PAIRS; i++) {
            without += seconds(false);
            with += seconds(true);
        }
        double tokens = PAIRS * TOKENS;
        System.err.printf(
                Locale.ROOT, "  without %.1f tokens/s, with %.1f tokens/s%n", tokens / without, tokens / with);
        return new Measured(without, with, with / without);
    }

    private double seconds(boolean edited) {
        LanguageModel m = Objects.requireNonNull(model);
        int[] prompt = m.tokenizer().encode("The European Parliament");
        Taps taps = edited
                ? Objects.requireNonNull(variant).on(prompt, prompt.length).taps()
                : Taps.none();
        long start = System.nanoTime();
        int n = m.generate(prompt, Sampling.greedy(TOKENS), taps, TokenListener.silent())
                .tokens()
                .length;
        return (System.nanoTime() - start) / 1e9 * TOKENS / n; // a text may end early
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
