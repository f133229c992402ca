package dev.loupe.feature;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NewerFormatException;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.eval.SaeIdentity;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import dev.loupe.store.StoreManifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Builds the feature index of an SAE: one pass over the store, all latents at once. */
public final class FeatureIndexer {
    private FeatureIndexer() {}

    /**
     * Builds {@code featuresDir/<name of the SAE>/} (or replaces it); it appears whole or not at all.
     *
     * @param model the model that the store was captured from: its tokenizer and unembedding
     * @throws LoupeException if SAE, store and model do not fit together, or another process indexes this SAE
     * @throws dev.loupe.base.CancelledException if the progress says so; what was encoded so far is kept beside the
     *     index, and the next call for the same SAE and store goes on from there
     */
    public static FeatureIndex build(
            Sae sae,
            ActivationStore store,
            LanguageModel model,
            IndexOptions options,
            Path featuresDir,
            Progress progress) {
        return build(sae, store, store.reader(sae.hookName()), model, options, featuresDir, progress);
    }

    /** The same with the rows of the store encoded elsewhere; the index has the same bytes but for the time that it took. */
    public static FeatureIndex build(
            Sae sae,
            ActivationStore store,
            LanguageModel model,
            IndexOptions options,
            Path featuresDir,
            TaskExecutor executor,
            Progress progress) {
        return build(sae, store, store.reader(sae.hookName()), model, options, featuresDir, executor, progress);
    }

    /**
     * The same over rows that lie elsewhere than in the store.
     *
     * @param store the tokens, sequences and documents behind the rows
     * @param rows of the SAE's hook point, in the order of the store
     */
    public static FeatureIndex build(
            Sae sae,
            ActivationStore store,
            RowReader rows,
            LanguageModel model,
            IndexOptions options,
            Path featuresDir,
            Progress progress) {
        return build(sae, store, rows, model, options, featuresDir, TaskExecutor.local(), progress);
    }

    private static FeatureIndex build(
            Sae sae,
            ActivationStore store,
            RowReader rows,
            LanguageModel model,
            IndexOptions options,
            Path featuresDir,
            TaskExecutor executor,
            Progress progress) {
        check(sae, store, rows, model);
        SaeNeeds.check(sae, store);
        SaeNeeds.check(sae, model);
        Path folder = folder(sae, featuresDir);
        IndexManifest.checkReplaceable(folder);
        try (ArtifactLock lock = ArtifactLock.acquire(folder, "loupe index " + sae.name())) {
            Path temporary = AtomicFiles.temporary(folder);
            try {
                Files.createDirectories(temporary);
                spoolAndWrite(sae, store, rows, model, options, temporary, folder, executor, progress);
            } catch (IOException e) {
                throw AtomicFiles.failure(folder, e);
            } finally {
                delete(temporary);
            }
            return FeatureIndex.open(folder);
        }
    }

    private static void spoolAndWrite(
            Sae sae,
            ActivationStore store,
            RowReader rows,
            LanguageModel model,
            IndexOptions options,
            Path temporary,
            Path folder,
            TaskExecutor executor,
            Progress progress) {
        String checksum = SaeIdentity.checksum(sae);
        Path file = folder.resolveSibling("." + folder.getFileName() + ".codes");
        // an SAE in memory has no identity that a later run could know it by
        String identity = checksum.isEmpty()
                ? UUID.randomUUID().toString()
                : identity(checksum, store.fingerprint(), sae.hookName());
        try (CodeSpool spool = new CodeSpool(file, identity, sae.dSae())) {
            if (executor.remote() && !checksum.isEmpty()) {
                new CodeShards(sae, store, spool, file, identity).fill(executor, progress);
            }
            write(sae, store, rows, model, options, spool, temporary, progress);
            progress.stage("search index of " + sae.name(), -1, "latents");
            SearchFolder.write(temporary, FeatureIndex.open(temporary));
            AtomicFiles.publishFolder(temporary, folder);
            spool.delete();
        } finally {
            if (checksum.isEmpty()) {
                delete(file); // nobody could use it
            }
        }
    }

    /** What codes belong to. */
    static String identity(String saeChecksum, String storeFingerprint, String hook) {
        return saeChecksum + " " + storeFingerprint + " " + hook;
    }

    private static void write(
            Sae sae,
            ActivationStore store,
            RowReader rows,
            LanguageModel model,
            IndexOptions options,
            CodeSpool spool,
            Path folder,
            Progress progress) {
        long start = System.nanoTime();
        progress.stage("prepare the index of " + sae.name(), -1, "latents");
        Neighbours neighbours = Neighbours.of(sae.decoderRows(), options.neighbours());
        Optional<LogitLens> lens = LogitLens.of(sae, model);
        Vocabulary vocabulary = new Vocabulary(model.tokenizer(), model.config().dVocab());
        IndexPass pass = new IndexPass(sae, store, rows, vocabulary.size(), options, neighbours, spool).run(progress);
        CoactivePairs pairs = CoactivePairs.count(spool.map(), pass.sketches(), progress, sae.name());
        Map<String, IndexManifest.TableFile> files;
        try (IndexWriter writer =
                new IndexWriter(folder, sae, store, options, neighbours, pass, pairs, spool, vocabulary)) {
            files = writer.write(lens, model.tokenizer(), progress);
        }
        int dead = 0;
        int heldOutDead = 0;
        for (int i = 0; i < sae.dSae(); i++) {
            LatentStats s = pass.stats(i);
            dead += s == null ? 1 : 0;
            heldOutDead += s == null || s.heldOutFired == 0 ? 1 : 0;
        }
        Totals totals = pass.totals();
        Json.write(
                folder.resolve(IndexManifest.FILE),
                new IndexManifest(
                        IndexManifest.FORMAT,
                        sae.name(),
                        SaeIdentity.checksum(sae),
                        store.name(),
                        store.fingerprint(),
                        model.id(),
                        sae.hookName(),
                        sae.dSae(),
                        totals.rows,
                        totals.heldOutRows,
                        dead,
                        heldOutDead,
                        (double) totals.active / totals.rows,
                        options,
                        lens.isPresent() ? LogitLens.DESCRIPTION : LogitLens.NONE,
                        (System.nanoTime() - start) / 1e9,
                        files));
    }

    /**
     * Whether there is an index of exactly this SAE on exactly this store with these options, so that none need be built.
     *
     * @throws NewerFormatException if a later Loupe built it
     */
    public static boolean isCurrent(Sae sae, ActivationStore store, IndexOptions options, Path featuresDir) {
        Path folder = folder(sae, featuresDir);
        if (!Files.isRegularFile(folder.resolve(IndexManifest.FILE))) {
            return false;
        }
        try {
            IndexManifest m = FeatureIndex.open(folder).manifest();
            return !m.saeChecksum().isEmpty()
                    && m.saeChecksum().equals(SaeIdentity.checksum(sae))
                    && m.storeFingerprint().equals(store.fingerprint())
                    && IndexManifest.FORMAT.equals(m.format())
                    && m.options().equals(options);
        } catch (NewerFormatException e) {
            throw e; // not ours to build over
        } catch (LoupeException damaged) {
            return false;
        }
    }

    private static Path folder(Sae sae, Path featuresDir) {
        return featuresDir.resolve(Names.check(sae.name()));
    }

    private static void check(Sae sae, ActivationStore store, RowReader rows, LanguageModel model) {
        if (rows.width() != sae.dIn()) {
            throw new LoupeException("The SAE " + sae.name() + " reads " + sae.dIn() + " values per token, but "
                    + sae.hookName() + " of the store " + store.name() + " has " + rows.width()
                    + ": it was trained on another model.");
        }
        StoreManifest.Model captured = store.manifest().content().model();
        if (!captured.weightsChecksum().equals(model.weightsChecksum())) {
            throw new LoupeException("The store " + store.name() + " was captured from the model " + captured.id()
                    + ", but the model " + model.id() + " has other weights: index with the same model.");
        }
    }

    private static void delete(Path temporary) {
        try {
            AtomicFiles.deleteTree(temporary); // gone already unless something failed
        } catch (IOException ignored) {
            // its name says that it is half-written
        }
    }
}
