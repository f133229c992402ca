package dev.loupe.train;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.LiveBatches;
import dev.loupe.model.Precision;
import dev.loupe.model.WeightRegime;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Shuffle;
import dev.loupe.store.StoreManifest;
import dev.loupe.train.TrainJob.Origin;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/**
 * What a request trains on, opened: a store, or a model with a text.
 *
 * @param origin where the rows come from, for the files
 * @param hooks all hook points that there are rows of
 * @param width floats a row, by hook point
 * @param source opens the rows of a hook point
 * @param secondsPerRow how long a model took for a row so far, all hook points together; 0 where rows are stored
 * @param closing closes the store or the stream
 */
record TrainingRows(
        Origin origin,
        List<String> hooks,
        ToIntFunction<String> width,
        Function<String, BatchSource> source,
        DoubleSupplier secondsPerRow,
        Runnable closing)
        implements AutoCloseable {
    /** Opens the rows of a request. */
    static TrainingRows open(TrainRequest request, Progress progress) {
        return switch (request.rows()) {
            case TrainRequest.Rows.Stored stored -> {
                ActivationStore store = ActivationStore.open(stored.folder());
                yield closedOnFailure(store::close, () -> stored(request, store, stored.shuffle()));
            }
            case TrainRequest.Rows.Live live -> {
                CaptureRequest capture =
                        live.capture().withSeed(request.config().dataSeed());
                LiveBatches stream = LiveBatches.open(capture, live.model().get(), progress);
                yield closedOnFailure(stream::close, () -> live(request, capture, stream));
            }
        };
    }

    private static TrainingRows closedOnFailure(Runnable close, java.util.function.Supplier<TrainingRows> rows) {
        try {
            return rows.get();
        } catch (RuntimeException e) {
            close.run();
            throw e;
        }
    }

    private static TrainingRows stored(TrainRequest request, ActivationStore store, Shuffle shuffle) {
        String hook = hook(request, "The store " + store.name(), store.hooks());
        TrainConfig config = request.config();
        Origin origin = origin(store, shuffle, hook, hookOut(request, hook));
        return new TrainingRows(
                origin,
                store.hooks(),
                store::width,
                h -> new StoreSource(store, h, shuffle, config.dataSeed(), config.batch()),
                () -> 0,
                store::close);
    }

    static Origin origin(ActivationStore store, Shuffle shuffle, String hook, String hookOut) {
        StoreManifest.Content content = store.manifest().content();
        return new Origin(
                store.name(),
                store.fingerprint(),
                hook,
                hookOut,
                shuffle.description(),
                content.model(),
                saeLensMetadata(content.model(), content.sequence(), content.corpus()),
                Map.of());
    }

    private static TrainingRows live(TrainRequest request, CaptureRequest capture, LiveBatches stream) {
        String hook = hook(request, "The training", stream.hooks());
        Map<String, Object> asked = new LinkedHashMap<>();
        asked.put("model", capture.model());
        asked.put("text", capture.text());
        asked.put("hooks", capture.hooks());
        asked.put("sequence", stream.spec().sequence());
        asked.put("corpus", stream.spec().corpus());
        Origin origin = new Origin(
                Origin.NO_STORE,
                stream.fingerprint(),
                hook,
                hookOut(request, hook),
                LiveBatches.DESCRIPTION,
                stream.spec().model(),
                saeLensMetadata(
                        stream.spec().model(),
                        stream.spec().sequence(),
                        stream.spec().corpus()),
                asked);
        return new TrainingRows(
                origin,
                stream.hooks(),
                stream::width,
                h -> new LiveSource(stream, h, request.config().batch()),
                stream::secondsPerRow,
                stream::close);
    }

    private static String hook(TrainRequest request, String what, List<String> hooks) {
        if (request.hook().isEmpty()) {
            if (hooks.size() != 1) {
                throw new UsageException(
                        what + " has several hook points: choose one of " + String.join(", ", hooks) + ".");
            }
            return hooks.getFirst();
        }
        return request.hook();
    }

    private static String hookOut(TrainRequest request, String hook) {
        return request.hookOut().equals(hook) ? "" : request.hookOut();
    }

    private static Map<String, Object> saeLensMetadata(
            StoreManifest.Model model, StoreManifest.Sequence sequence, StoreManifest.Corpus corpus) {
        Map<String, Object> metadata = new LinkedHashMap<>();
        metadata.put("context_size", sequence.context());
        metadata.put("prepend_bos", sequence.prependBos());
        metadata.putAll(
                SaeNeeds.metadata(WeightRegime.parse(model.weightRegime()), Precision.ofManifest(model.precision())));
        metadata.put("dataset_path", corpus.spec());
        metadata.put("exclude_special_tokens", sequence.excludedTokens());
        return metadata;
    }

    /** The larger width of input and output. */
    int widest() {
        return Math.max(
                width.applyAsInt(origin.hook()), origin.hookOut().isEmpty() ? 0 : width.applyAsInt(origin.hookOut()));
    }

    /**
     * Refuses a training beside whose SAE lies the checkpoint of another one; nothing is opened where there is none.
     *
     * @param hookOut what is reconstructed; empty for an SAE
     */
    void refuseOtherRun(Path saesDir, String name, TrainConfig config, long seed, String hook, String hookOut) {
        Checkpoint.check(Checkpoint.file(saesDir, name), () -> identity(saesDir, config, seed, hook, hookOut));
    }

    /** What a training on these rows is. */
    Checkpoint.Identity identity(Path saesDir, TrainConfig config, long seed, String hook, String hookOut) {
        try (BatchSource data = source.apply(hook);
                BatchSource other = hookOut.isEmpty() ? null : source.apply(hookOut)) {
            return Checkpoint.Identity.of(
                    config, seed, data, other == null ? data : other, InitFrom.of(config, saesDir));
        }
    }

    @Override
    public void close() {
        closing.run();
    }
}
