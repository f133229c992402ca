package dev.loupe.eval;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Measures an SAE on held-out text. */
public final class Evaluation {
    private static final Recent<PcaBaseline.Measured> PCA = new Recent<>();

    private Evaluation() {}

    /**
     * Measures an SAE and, if it has a folder, writes {@code report.json} there.
     *
     * @param model for the losses; null to leave them out
     * @param text whose documents the losses are measured on, all of them; null for the held-out documents of the store
     * @throws LoupeException if SAE, store and model do not fit together, or nothing is held out
     */
    public static SaeReport run(
            Sae sae,
            ActivationStore store,
            @Nullable LanguageModel model,
            @Nullable DocumentSource text,
            EvalOptions options,
            Progress progress) {
        long start = System.nanoTime();
        sae.requireSae("be evaluated yet");
        check(sae, store);
        SaeNeeds.check(sae, store);
        if (model != null) {
            SaeNeeds.check(sae, model);
        }
        String hook = sae.hookName();
        Rows heldOut = new Rows(store.reader(hook), store.heldOutRowIds(), options.rows());
        progress.stage("evaluate " + sae.name(), heldOut.count(), "tokens");
        ReconstructionMetrics metrics = new ReconstructionMetrics(heldOut.mean(Progress.silent()));
        FiringCounts firing = new FiringCounts(sae.dSae());
        float[] x = new float[sae.dIn()];
        float[] predicted = new float[sae.dOut()];
        heldOut.forEachBlock(progress, block -> {
            SparseCodes codes = sae.encode(block);
            firing.add(codes);
            for (int r = 0; r < codes.rows(); r++) {
                block.copyRow(r, x);
                sae.decode(codes, r, predicted);
                metrics.add(x, predicted);
            }
        });
        int rank = (int) Math.clamp(Math.round(firing.l0()), 1, sae.dIn());
        progress.stage("PCA", -1, "tokens");
        Rows train = new Rows(store.reader(hook), store.trainRowIds(), options.pcaRows());
        double pcaFvu = train.count() == 0
                ? Double.NaN
                : PCA.get(
                                store.fingerprint() + "|" + hook + "|" + options,
                                () -> PcaBaseline.fit(train, progress).measure(heldOut, progress))
                        .fvu(rank, metrics.variance());
        SaeReport.Loss loss = model == null ? null : Losses.measure(sae, store, model, text, options, progress);
        SaeReport report = new SaeReport(
                SaeReport.FORMAT,
                sae.name(),
                sae.architecture().id(),
                sae.dSae(),
                store.name(),
                store.fingerprint(),
                SaeIdentity.checksum(sae),
                sae.modelId(),
                hook,
                metrics.rows(),
                firing.l0(),
                metrics.fvu(),
                metrics.explainedVariance(),
                metrics.mse(),
                metrics.cosine(),
                metrics.l2Ratio(),
                metrics.shrinkage(),
                pcaFvu,
                rank,
                train.count(),
                firing.dead(),
                (double) firing.dead() / sae.dSae(),
                firing.dense(0.1),
                firing.density(),
                loss,
                (System.nanoTime() - start) / 1e9,
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        SaeIdentity.folder(sae).ifPresent(folder -> Json.write(folder.resolve(SaeReport.FILE), report));
        return report;
    }

    /** The report that an earlier evaluation left in the SAE's folder, if there is one of a known format. */
    public static Optional<SaeReport> saved(Path saeFolder) {
        Path file = saeFolder.resolve(SaeReport.FILE);
        if (!Files.isRegularFile(file)
                || !Json.tree(file).path("format").asString("").startsWith("1.")) {
            return Optional.empty();
        }
        return Optional.of(Json.read(file, SaeReport.class));
    }

    /** Whether the SAE's folder holds a report of exactly these weights on exactly this store, losses included. */
    public static boolean isCurrent(Sae sae, ActivationStore store) {
        return SaeIdentity.folder(sae)
                .flatMap(Evaluation::saved)
                .filter(r -> r.loss() != null
                        && r.saeChecksum().equals(SaeIdentity.checksum(sae))
                        && r.storeFingerprint().equals(store.fingerprint()))
                .isPresent();
    }

    private static void check(Sae sae, ActivationStore store) {
        if (store.width(sae.hookName()) != sae.dIn()) {
            throw new LoupeException("The SAE " + sae.name() + " reads " + sae.dIn() + " values per token, but "
                    + sae.hookName() + " of the store " + store.name() + " has " + store.width(sae.hookName())
                    + ": it was trained on another model.");
        }
        if (sae.dIn() != sae.dOut()) {
            throw new LoupeException("The SAE " + sae.name() + " is a transcoder (it reads " + sae.dIn()
                    + " and writes " + sae.dOut() + " values): a report needs an SAE that reconstructs its input.");
        }
        if (store.heldOutRows() == 0) {
            throw new LoupeException("The activation store " + store.name()
                    + " has no held-out row to report on: capture it with --held-out 0.01 or more text.");
        }
    }
}
