package dev.loupe.train;

import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.Shuffle;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/**
 * One order to train: one SAE per seed, on the same rows in the same order.
 *
 * @param name of the SAE; with several seeds NAME-s0, NAME-s1, ...
 * @param rows what it trains on
 * @param saesDir where SAE folders lie
 * @param hook the hook point; empty if there is only one
 * @param hookOut the hook point that a transcoder reconstructs; empty for an SAE
 * @param config every setting
 * @param seeds of the initial weights, all different
 */
public record TrainRequest(
        String name, Rows rows, Path saesDir, String hook, String hookOut, TrainConfig config, List<Long> seeds) {

    /** What an order trains on. */
    public sealed interface Rows {
        /** An activation store. */
        record Stored(Path folder, Shuffle shuffle) implements Rows {}

        /**
         * Rows straight from a model that reads a text; nothing is stored.
         *
         * @param capture model, text, hook points and rules; its name, dtype and number of tokens do not matter
         * @param model opens the model, which stays open
         */
        record Live(CaptureRequest capture, Supplier<LanguageModel> model) implements Rows {}
    }

    /** An order for SAEs on all rows of a store in one permutation. */
    public TrainRequest(
            String name, Path storeFolder, Path saesDir, String hook, TrainConfig config, List<Long> seeds) {
        this(name, new Rows.Stored(storeFolder, Shuffle.FULL), saesDir, hook, "", config, seeds);
    }

    /** Checks the name and the seeds. */
    public TrainRequest {
        Names.check(name);
        seeds = List.copyOf(seeds);
        if (hookOut.isEmpty() ? config.skip() : config.applyBDecToInput()) {
            throw new UsageException(
                    hookOut.isEmpty()
                            ? "The setting skip belongs to transcoders: name the hook point that it shall reconstruct."
                            : "A transcoder cannot subtract b_dec, which belongs to its output, from its input:"
                                    + " set apply_b_dec_to_input to false.");
        }
        if (seeds.isEmpty() || seeds.stream().distinct().count() != seeds.size()) {
            throw new UsageException("Training needs at least one seed, each only once.");
        }
        for (long seed : seeds) {
            Names.check(name + "-s" + seed);
        }
    }

    /** The name of the SAE of a seed. */
    public String nameOf(long seed) {
        return seeds.size() == 1 ? name : name + "-s" + seed;
    }
}
