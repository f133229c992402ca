package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.loupe.base.LoupeException;
import dev.loupe.kernel.Storage;
import dev.loupe.kernel.StoredMatrix;
import dev.loupe.model.gguf.GgufFile;
import dev.loupe.model.gguf.GgufTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a GGUF file, under the names and in the layout of the family's own checkpoint. What llama.cpp's
 * converter changed is undone: it interleaves the rows of Llama's queries and keys, and stores Gemma's norms with the 1
 * added. (That it transposes GPT-2's matrices and stacks GPT-NeoX's heads is in the description instead:
 * {@link TensorNames#inGguf}.)
 */
final class GgufCheckpoint implements TensorSource {
    private final GgufFile file;
    private final GgufNames names;
    private final ModelSpec spec;
    private final boolean interleaved;
    private final FileState state;
    private final Arena rearranged;

    /** Takes the file over: closing this closes it. */
    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as the object: close() ends it
    GgufCheckpoint(GgufFile file, ModelSpec spec) {
        this.file = file;
        this.spec = spec;
        this.rearranged = Arena.ofShared();
        names = new GgufNames(spec.architecture().tensors());
        try {
            state = FileState.of(file.path());
        } catch (IOException e) {
            throw new LoupeException("The GGUF file " + file.path() + " cannot be read (" + e.getMessage() + ").", e);
        }
        interleaved = GgufConfig.interleavesQueriesAndKeys(file.metadata());
    }

    @Override
    public boolean has(String tensor) {
        String name = names.inFile(tensor);
        return name != null && file.has(name);
    }

    @Override
    public void check(String tensor, long... shape) {
        stored(tensor, shape);
    }

    /** The name in the file of a tensor of exactly this shape. */
    private String stored(String tensor, long... shape) {
        String name = names.inFile(tensor);
        if (name == null || !file.has(name)) {
            throw new LoupeException("The GGUF file " + file.path() + " lacks the tensor "
                    + (name == null ? tensor : name) + " that its metadata asks for: convert the model again.");
        }
        GgufTensor found = file.tensor(name);
        if (!found.hasShape(shape)) {
            throw new LoupeException("The tensor " + name + " of " + file.path() + " has the shape " + found.shape()
                    + " where its metadata asks for " + Arrays.toString(shape) + ": convert the model again.");
        }
        return name;
    }

    @Override
    public void read(String tensor, MemorySegment target, long... shape) {
        String name = stored(tensor, shape);
        if (interleaved && names.isQueryOrKey(tensor)) {
            try (Arena own = Arena.ofConfined()) {
                MemorySegment rows = own.allocate(target.byteSize(), 64);
                file.readFloats(name, rows);
                apart(rows, target, shape[0]);
            }
            return;
        }
        file.readFloats(name, target);
        if (spec.architecture().norm() == NormKind.RMS_LESS_ONE && names.isNorm(tensor)) {
            for (long i = 0; i < shape[0]; i++) {
                target.setAtIndex(JAVA_FLOAT, i, target.getAtIndex(JAVA_FLOAT, i) - 1);
            }
        }
    }

    /** Queries and keys of interleaved files are copied, whole rows of whatever type in another order. */
    @Override
    public @Nullable StoredMatrix matrix(String tensor, long... shape) {
        String name = stored(tensor, shape);
        Storage storage = switch (file.tensor(name).type()) {
            case F32 -> Storage.FLOAT32;
            case BF16 -> Storage.BFLOAT16;
            case Q8_0 -> Storage.Q8_0;
            case Q4_0 -> Storage.Q4_0;
            case Q4_1 -> Storage.Q4_1;
            default -> null;
        };
        if (storage == null || ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            return null;
        }
        MemorySegment rows = file.bytes(name);
        if (interleaved && names.isQueryOrKey(tensor)) {
            MemorySegment copy = rearranged.allocate(rows.byteSize(), 64);
            apart(rows, copy, shape[0]);
            rows = copy;
        }
        return new StoredMatrix(rows, storage, shape[0], shape[1]);
    }

    @Override
    public void checkUnchanged() {
        state.check();
    }

    /**
     * Rows of each head in the order (pair, side), as rotation in place wants them, to the order (side, pair) of Hugging
     * Face's checkpoints.
     */
    private void apart(MemorySegment from, MemorySegment to, long rows) {
        long width = from.byteSize() / rows;
        int half = spec.config().dHead() / 2;
        for (long head = 0; head < rows; head += 2L * half) {
            for (int side = 0; side < 2; side++) {
                for (int pair = 0; pair < half; pair++) {
                    MemorySegment.copy(
                            from,
                            (head + 2L * pair + side) * width,
                            to,
                            (head + (long) side * half + pair) * width,
                            width);
                }
            }
        }
    }

    @Override
    public String checksum() {
        return file.sha256();
    }

    @Override
    public void close() {
        rearranged.close();
        file.close();
    }
}
