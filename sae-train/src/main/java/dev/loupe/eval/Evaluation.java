package dev.loupe.eval;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NewerFormatException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.base.VersionedJson;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.store.ActivationStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
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
        SaeReport report = measure(sae, store, model, text, options, progress);
        SaeIdentity.folder(sae).ifPresent(folder -> save(report, folder, folder.resolve(SaeReport.FILE)));
        return report;
    }

    /** Writes a report of the SAE of a folder, whole or not at all. */
    static void save(SaeReport report, Path saeFolder, Path file) {
        VersionedJson.write(file, what(saeFolder), report);
    }

    /** The same as {@link #run} without writing. */
    static SaeReport measure(
            Sae sae,
            ActivationStore store,
            @Nullable LanguageModel model,
            @Nullable DocumentSource text,
            EvalOptions options,
            Progress progress) {
        // long: one report field by field, in the order of the record
        long start = System.nanoTime();
        check(sae, store);
        SaeNeeds.check(sae, store);
        SaeIdentity.folder(sae)
                .ifPresent(folder -> VersionedJson.checkReplaceable(folder.resolve(SaeReport.FILE), what(folder)));
        if (model != null) {
            SaeNeeds.check(sae, model);
        }
        String hook = sae.hookNameOut();
        Rows heldOut = new Rows(store.reader(hook), store.heldOutRowIds(), options.rows());
        Rows inputs = hook.equals(sae.hookName())
                ? heldOut
                : new Rows(store.reader(sae.hookName()), store.heldOutRowIds(), options.rows());
        progress.stage("evaluate " + sae.name(), heldOut.count(), "tokens");
        ReconstructionMetrics metrics = new ReconstructionMetrics(heldOut.mean(Progress.silent()));
        FiringCounts firing = new FiringCounts(sae.dSae());
        float[] x = new float[sae.dIn()];
        float[] y = new float[sae.dOut()];
        float[] predicted = new float[sae.dOut()];
        inputs.forEachPair(heldOut, progress, (block, wanted) -> {
            SparseCodes codes = sae.encode(block);
            firing.add(codes);
            for (int r = 0; r < codes.rows(); r++) {
                block.copyRow(r, x);
                wanted.copyRow(r, y);
                sae.decode(codes, r, predicted);
                sae.addSkip(x, predicted);
                metrics.add(y, predicted);
            }
        });
        int rank = (int) Math.clamp(Math.round(firing.l0()), 1, sae.dOut());
        progress.stage("PCA", -1, "tokens");
        Rows train = new Rows(store.reader(hook), store.trainRowIds(), options.pcaRows());
        double pcaFvu = train.count() == 0
                ? Double.NaN
                : PCA.get(
                                store.fingerprint() + "|" + hook + "|" + options,
                                () -> PcaBaseline.fit(train, progress).measure(heldOut, progress))
                        .fvu(rank, metrics.variance());
        SaeReport.Loss loss = null;
        List<SaeReport.Place> places = new ArrayList<>();
        int at = 0;
        for (String place : sae.hooksOut()) {
            loss = model == null ? null : Losses.measure(sae, place, store, model, text, options, progress);
            int width = store.width(place);
            places.add(new SaeReport.Place(
                    place, metrics.fvu(at, at + width), loss == null ? null : (Double) loss.deltaCe()));
            at += width;
        }
        ReportCard card = card(sae, store, model, text, options, metrics, firing, progress);
        return new SaeReport(
                SaeReport.FORMAT,
                sae.name(),
                sae.config().kind(),
                sae.dSae(),
                store.name(),
                store.fingerprint(),
                SaeIdentity.checksum(sae),
                sae.modelId(),
                sae.hookName(),
                sae.isTranscoder() ? hook : null,
                places.size() == 1 ? null : places,
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
                card,
                (System.nanoTime() - start) / 1e9,
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    }

    private static ReportCard card(
            Sae sae,
            ActivationStore store,
            @Nullable LanguageModel model,
            @Nullable DocumentSource text,
            EvalOptions options,
            ReconstructionMetrics metrics,
            FiringCounts firing,
            Progress progress) {
        ReportCard.Kl kl = model == null
                ? null
                : KlScore.measure(sae, sae.hooksOut().getLast(), store, model, text, options, progress);
        boolean probing = options.probeDocuments() > 0;
        List<ReportCard.Probe> probes = List.of();
        List<ReportCard.Absorbed> absorbed = List.of();
        String absorption = Absorption.NONE;
        if (probing) {
            probes = new Probing(sae, store, model, options.probeDocuments()).run(progress);
            // the decoder must write where the encoder reads, or the probe's projection says nothing
            if (!sae.isTranscoder()) {
                Absorption tasks = new Absorption(sae, store, model == null ? null : model.tokenizer());
                absorbed = tasks.run(progress);
                absorption = tasks.nothing();
            }
        }
        return new ReportCard(
                metrics.fvuOfTokens(),
                firing.dormant(0.025),
                kl,
                probes,
                !probing ? "not asked for" : probes.isEmpty() ? Probing.NONE : null,
                absorbed,
                !probing
                        ? "not asked for"
                        : sae.isTranscoder()
                                ? "no measure for transcoders, which write elsewhere than they read"
                                : absorbed.isEmpty() ? absorption : null);
    }

    /**
     * The report that an earlier evaluation left in the SAE's folder, if there is one.
     *
     * @throws NewerFormatException if a later Loupe made it
     * @throws LoupeException if it is damaged; the sentence says how to make it again
     */
    public static Optional<SaeReport> saved(Path saeFolder) {
        Path file = saeFolder.resolve(SaeReport.FILE);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(VersionedJson.read(file, what(saeFolder), SaeReport.class));
        } catch (NewerFormatException e) {
            throw e;
        } catch (LoupeException e) {
            throw new LoupeException(e.getMessage() + " Make it again: loupe eval " + name(saeFolder) + ".", e);
        }
    }

    /**
     * The same for whoever makes it again where it is missing: nothing of a damaged one.
     *
     * @throws NewerFormatException if a later Loupe made it
     */
    public static Optional<SaeReport> usable(Path saeFolder) {
        try {
            return saved(saeFolder);
        } catch (NewerFormatException e) {
            throw e;
        } catch (LoupeException damaged) {
            return Optional.empty();
        }
    }

    private static String what(Path saeFolder) {
        return "report of the SAE " + name(saeFolder);
    }

    private static String name(Path saeFolder) {
        return String.valueOf(saeFolder.toAbsolutePath().normalize().getFileName());
    }

    /** Whether the SAE's folder holds a report of exactly these weights on exactly this store, losses included. */
    public static boolean isCurrent(Sae sae, ActivationStore store) {
        return SaeIdentity.folder(sae)
                .flatMap(Evaluation::usable)
                .filter(r -> r.loss() != null
                        && r.saeChecksum().equals(SaeIdentity.checksum(sae))
                        && r.storeFingerprint().equals(store.fingerprint()))
                .isPresent();
    }

    private static void check(Sae sae, ActivationStore store) {
        if (sae.isTranscoder() && sae.hooksOut().size() > 1) {
            String set = TranscoderSet.setOf(sae.name());
            throw new UsageException(
                    sae.name() + " is one layer of a cross-layer transcoder, whose layers write together:"
                            + " evaluate all of it with `loupe eval " + set + "`.");
        }
        if (store.width(sae.hookName()) != sae.dIn()) {
            throw new LoupeException("The SAE " + sae.name() + " reads " + sae.dIn() + " values per token, but "
                    + sae.hookName() + " of the store " + store.name() + " has " + store.width(sae.hookName())
                    + ": it was trained on another model.");
        }
        if (store.width(sae.hookNameOut()) != sae.dOut()) {
            throw new LoupeException("The SAE " + sae.name() + " writes " + sae.dOut() + " values per token, but "
                    + sae.hookNameOut() + " of the store " + store.name() + " has " + store.width(sae.hookNameOut())
                    + ": it was trained on another model.");
        }
        if (store.heldOutRows() == 0) {
            throw new LoupeException("The activation store " + store.name()
                    + " has no held-out row to report on: capture it with --held-out 0.01 or more text.");
        }
    }
}
