package dev.loupe.bench;

import dev.loupe.base.Progress;
import dev.loupe.corpus.Corpora;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.DiagnosticRun;
import dev.loupe.diagnose.Limits;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.TextSample;
import dev.loupe.diagnose.gallery.Diagnostics;
import dev.loupe.model.LanguageModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** All diagnostics of a model in shared passes against a run for each: how many times longer the latter take. */
final class DiagnoseBench implements Benchmark {
    private static final long TOKENS = 30_000;
    private static final long TRIAL_TOKENS = 512;

    private final Beside beside = new Beside();
    private @Nullable LanguageModel model;
    private @Nullable Subject subject;

    @Override
    public String name() {
        return "diagnose";
    }

    @Override
    public String setting() {
        return "all diagnostics of the embedded model, " + TOKENS + " tokens, changes tried on " + TRIAL_TOKENS
                + ": one run for each / one run for all; a run for all reads each stream once a round";
    }

    @Override
    public String unit() {
        return "times the time of shared passes";
    }

    @Override
    public double tolerance() {
        return Double.POSITIVE_INFINITY; // no peer
    }

    @Override
    public boolean hasPeer() {
        return false;
    }

    @Override
    public void prepare(Path folder) throws Exception {
        LanguageModel opened = Builtin.open(folder, Map.of());
        model = opened;
        subject = Subject.of(
                opened,
                TextSample.of(Corpora.of(Corpora.EUROPARL, ""), opened, 256, TOKENS, 0),
                Limits.standard().withTokens(TOKENS, TRIAL_TOKENS));
    }

    @Override
    public Measured run() {
        Subject all = Objects.requireNonNull(subject);
        List<Diagnostic> diagnostics = DiagnosticRun.possible(Diagnostics.all(), all);
        long start = System.nanoTime();
        DiagnosticRun.Report together = DiagnosticRun.run(diagnostics, all, Progress.silent());
        double shared = (System.nanoTime() - start) / 1e9;
        start = System.nanoTime();
        long tokens = 0;
        for (Diagnostic d : diagnostics) {
            tokens += DiagnosticRun.run(List.of(d), all, Progress.silent())
                    .streams()
                    .tokens();
        }
        double alone = (System.nanoTime() - start) / 1e9;
        System.err.printf(
                Locale.ROOT,
                "  %d diagnostics: %.1f s and %d tokens together, %.1f s and %d tokens each alone%n",
                diagnostics.size(),
                shared,
                together.streams().tokens(),
                alone,
                tokens);
        beside.add("seconds together", shared);
        beside.add("seconds alone", alone);
        beside.add("tokens read together", together.streams().tokens());
        beside.add("tokens read alone", tokens);
        return new Measured(alone, shared, (double) tokens / together.streams().tokens());
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
        }
    }
}
