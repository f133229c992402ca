package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.loupe.kernel.StoredMatrix;
import dev.loupe.tensor.Device;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a model: matrices where they lie in the source, if their layout fits, else in memory of ours; on a device
 * without Loupe's kernels also as float32 tensors. Keeps the source open and closes it.
 */
final class Weights implements AutoCloseable {
    /** One block. What a family does not have is null. */
    record Layer(
            Norm ln1,
            Linear q,
            Linear k,
            Linear v,
            @Nullable Norm qNorm,
            @Nullable Norm kNorm,
            Linear o,
            @Nullable Norm ln1Post,
            Norm ln2,
            Linear mlpIn,
            @Nullable Linear mlpLinear,
            Linear mlpOut,
            @Nullable Norm ln2Post) {}

    private final Arena arena;
    private final TensorSource source;
    final Device device;
    final NDManager manager;
    final StoredMatrix embed; // [d_vocab, d_model]
    final @Nullable NDArray embedTensor; // the same, where there are no kernels
    final @Nullable NDArray positions; // [n_ctx, d_model]
    final List<Layer> layers;
    final Norm finalNorm;
    final Linear unembed;

    /** Reads everything; if that fails, the source is closed. */
    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as the object: close() ends it
    Weights(TensorSource source, ModelSpec spec, Precision precision, Device device) {
        this.source = source;
        this.device = device;
        arena = Arena.ofShared();
        try {
            manager = Torch.newManager(device);
        } catch (RuntimeException e) {
            arena.close();
            source.close();
            throw e;
        }
        try {
            WeightsReader reader = new WeightsReader(source, spec, precision, arena, manager);
            embed = reader.embed();
            Linear tied = reader.linear(embed, null);
            embedTensor = tied.tensor();
            positions = reader.positions();
            layers = reader.layers();
            finalNorm = reader.finalNorm();
            unembed = spec.config().tiedEmbeddings() ? tied : reader.unembed();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Fails if the files were written to since they were opened. */
    void checkUnchanged() {
        source.checkUnchanged();
    }

    /** SHA-256 over the files as they were opened: read from the mapping, which a file of the same name does not replace. */
    String checksum() {
        checkUnchanged();
        String checksum = source.checksum();
        checkUnchanged();
        return checksum;
    }

    /** Bytes of the tensors of a pass; views of a tensor that lives too count again. */
    long bytesIn(NDManager pass) {
        return pass.getManagedArrays().stream().mapToLong(a -> 4 * a.size()).sum();
    }

    @Override
    public void close() {
        manager.close(); // before the memory under its tensors
        arena.close();
        source.close();
    }
}
