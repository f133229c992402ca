package dev.loupe.model;

import dev.loupe.kernel.StoredMatrix;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Where a model's weights come from, by the tensor names of the Hugging Face checkpoint of its family. Numbers are
 * converted to float32 on the way.
 */
interface TensorSource extends AutoCloseable {
    /** Whether there is such a tensor. */
    boolean has(String tensor);

    /**
     * Checks a tensor before memory is taken for it: what a description asks for may be larger than any file.
     *
     * @throws dev.loupe.base.LoupeException if there is no such tensor or it has another shape
     */
    void check(String tensor, long... shape);

    /**
     * Reads a whole tensor in row-major order.
     *
     * @param target native memory of four bytes per element, overwritten
     * @param shape what the model's description asks for
     * @throws dev.loupe.base.LoupeException if there is no such tensor or it has another shape
     */
    void read(String tensor, MemorySegment target, long... shape);

    /**
     * A matrix where it lies in the source, without a copy: valid until {@link #close}. Null if its type is none that
     * products read; then it has to be {@link #read}.
     *
     * @param shape two dimensions, what the model's description asks for
     * @throws dev.loupe.base.LoupeException if there is no such tensor or it has another shape
     */
    default @Nullable StoredMatrix matrix(String tensor, long... shape) {
        return null;
    }

    /**
     * Fails if the files were written to since they were opened: what was read from them in place would be neither the
     * old weights nor the new ones. Cheap enough for every pass.
     *
     * @throws dev.loupe.base.LoupeException if so
     */
    default void checkUnchanged() {}

    /** SHA-256 over the files that were read from, in hexadecimal. */
    String checksum();

    @Override
    void close();
}
