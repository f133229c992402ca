package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The parameters of a model as float32 tensors over memory of ours. */
final class Weights implements AutoCloseable {
    /**
     * One block. What a family does not have is null.
     *
     * @param oByHead the output projection's weight as {@code [head, d_head, d_model]}
     */
    record Layer(
            Norm ln1,
            Linear q,
            Linear k,
            Linear v,
            @Nullable Norm qNorm,
            @Nullable Norm kNorm,
            Linear o,
            NDArray oByHead,
            @Nullable Norm ln1Post,
            Norm ln2,
            Linear mlpIn,
            @Nullable Linear mlpLinear,
            Linear mlpOut,
            @Nullable Norm ln2Post) {}

    private final Arena arena;
    final NDManager manager;
    final NDArray embed;
    final @Nullable NDArray positions; // [n_ctx, d_model]
    final List<Layer> layers;
    final Norm finalNorm;
    final Linear unembed;

    /** Reads everything; the source is not needed afterwards. */
    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as the object: close() ends it
    Weights(TensorSource source, ModelSpec spec) {
        arena = Arena.ofShared();
        manager = Torch.newManager();
        try {
            WeightsReader reader = new WeightsReader(source, spec, arena, manager);
            embed = reader.embed();
            positions = reader.positions();
            layers = reader.layers();
            finalNorm = reader.finalNorm();
            unembed = spec.config().tiedEmbeddings() ? new Linear(embed, null) : reader.unembed();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    @Override
    public void close() {
        manager.close(); // before the memory under its tensors
        arena.close();
    }
}
