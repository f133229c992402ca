package dev.loupe.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.Names;
import dev.loupe.base.UsageException;

/**
 * One SAE to train, complete in itself: any executor with the store at hand (this process, a child process, another
 * machine) makes the same SAE of it. Serialisable; {@code loupe task} takes it as a request of kind {@code train-task}.
 *
 * @param name of the SAE
 * @param store name of the activation store
 * @param storeFingerprint its content; empty to take the store as it is
 * @param hook the hook point
 * @param hookOut the hook point that a transcoder reconstructs; empty for an SAE
 * @param config every setting
 * @param seed of the initial weights
 */
public record TrainTask(
        String name,
        String store,
        @JsonProperty("store_fingerprint") String storeFingerprint,
        String hook,
        @JsonProperty("hook_out") String hookOut,
        TrainConfig config,
        long seed) {

    /** Fills in what JSON may leave out. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public TrainTask {
        if (name == null || store == null || hook == null || config == null) {
            throw new UsageException("A training task needs a name, a store, a hook point and its config.");
        }
        Names.check(name);
        Names.check(store);
        storeFingerprint = storeFingerprint == null ? "" : storeFingerprint;
        hookOut = hookOut == null || hookOut.equals(hook) ? "" : hookOut;
    }

    /**
     * What two tasks must have in common to be stepped together: the same rows at the same step, at any hook points.
     *
     * @param store name of the store
     * @param batch rows a step
     * @param dataSeed of the order of the rows
     */
    public record Data(String store, int batch, long dataSeed) {}

    /** The rows that it is trained on, wherever in the model they are taken. */
    public Data data() {
        return new Data(store, config.batch(), config.dataSeed());
    }

    /**
     * What two tasks must have in common to be stepped on the same batches of one hook point.
     *
     * @param store name of the store
     * @param hook the place that is read
     * @param hookOut the place that is reconstructed; empty for the same
     * @param batch rows a step
     * @param dataSeed of the order of the rows
     */
    public record Stream(String store, String hook, String hookOut, int batch, long dataSeed) {}

    /** The stream of batches that it is trained on. */
    public Stream stream() {
        return new Stream(store, hook, hookOut, config.batch(), config.dataSeed());
    }
}
