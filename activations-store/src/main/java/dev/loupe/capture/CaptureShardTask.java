package dev.loupe.capture;

import dev.loupe.base.Task;
import dev.loupe.model.LanguageModels;
import dev.loupe.store.ShardFiles;
import dev.loupe.store.ShardPlan;
import dev.loupe.store.ShardWorker;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * The activations of one shard of a store in the making: its sequences lie there already, the model is run over them.
 * Serialisable; {@code loupe task} takes it as a request of kind {@value #KIND}.
 *
 * @param store where the finished store will lie
 * @param model what opens the model
 * @param plan the shard
 * @param batchTokens tokens of one forward pass, padding included
 * @param rowBytes bytes of the activations of a row, all hook points
 */
@JsonNaming(SnakeCaseStrategy.class)
public record CaptureShardTask(Path store, String model, ShardPlan plan, int batchTokens, long rowBytes)
        implements Task<ShardFiles> {
    /** The kind of work. */
    public static final String KIND = "capture-shard";

    @Override
    public String kind() {
        return KIND;
    }

    @Override
    public String title() {
        return "Capture shard " + plan.shard() + " of " + store.getFileName();
    }

    @Override
    public long size() {
        return plan.rows();
    }

    /** Its tables, what the store will be, and the model if it lies in the workspace. */
    @Override
    public List<Path> inputs() {
        List<Path> inputs = new ArrayList<>(ShardWorker.inputs(store, plan));
        Path models = store.resolveSibling("..").resolve("models").normalize();
        Path own = LanguageModels.named(models, model.replaceAll("@.*", ""));
        if (own != null) {
            inputs.add(own);
        }
        return inputs;
    }

    @Override
    public List<Path> outputs(ShardFiles made) {
        return ShardWorker.outputs(store, made);
    }

    @Override
    public long memoryBytes() {
        return rowBytes * plan.rows();
    }
}
