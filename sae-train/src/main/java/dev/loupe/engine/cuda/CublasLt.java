package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.loupe.base.LoupeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Dense products on the card. Matrices are row-major here; cuBLAS counts columns first, so what it is told is the product of
 * the transposes: with {@code D = A · B} row-major it computes {@code Dᵀ = Bᵀ · Aᵀ}.
 */
final class CublasLt implements AutoCloseable {
    /** Bytes of scratch memory that a product may use. */
    static final long WORKSPACE = 32L << 20;

    private static final int FLOAT32 = 0;
    private static final int BFLOAT16 = 14;
    private static final int TRANS_A = 3;
    private static final int TRANS_B = 4;
    private static final int MOST_WORKSPACE = 1;
    private static final int REDUCTIONS = 3;

    /** The least alignment of A, B, C and D, which follow one another. */
    private static final int ALIGNMENT_A = 5;

    /** Bytes to which all addresses are aligned: rows of a tile begin at a multiple of sixteen rows of four bytes. */
    private static final int ALIGNMENT = 16;

    private static final int RESULT_BYTES = 96;
    private static final int NOT_SUPPORTED = 15;

    private final MethodHandle destroy;
    private final MethodHandle descCreate;
    private final MethodHandle descSet;
    private final MethodHandle layoutCreate;
    private final MethodHandle preferenceCreate;
    private final MethodHandle preferenceSet;
    private final MethodHandle preferenceDestroy;
    private final MethodHandle heuristic;
    private final MethodHandle matmul;
    private final Path path;
    private final Arena arena = Arena.ofShared();
    private final long handle;
    private final Map<Shape, Plan> plans = new HashMap<>();

    /** What the arithmetic is done in; sums always in float32. */
    enum Type {
        FLOAT32(68),
        /** float32 in memory, ten bits of fraction in the product. */
        TF32(77),
        /** bfloat16 in memory. */
        BFLOAT16(68);

        private final int compute;

        Type(int compute) {
            this.compute = compute;
        }
    }

    /** Which of the two matrices lie turned. */
    enum Form {
        /** A · Bᵀ of A [rows, inner] and B [cols, inner]. */
        ROWS,
        /** Aᵀ · B of A [inner, rows] and B [inner, cols]. */
        COLUMNS,
        /** A · B of A [rows, inner] and B [inner, cols]. */
        PLAIN
    }

    /** A product into D [rows, cols], to which beta · D is added. Strides are those of rows in memory. */
    record Shape(
            Type type, Form form, int rows, int cols, int inner, int strideA, int strideB, int strideD, float beta) {}

    private record Plan(
            MemorySegment desc, MemorySegment first, MemorySegment second, MemorySegment d, MemorySegment algorithm) {}

    CublasLt(Path path) {
        this.path = path;
        NativeLibrary l = new NativeLibrary(path.toString());
        MethodHandle create = l.function("cublasLtCreate", ADDRESS);
        destroy = l.function("cublasLtDestroy", JAVA_LONG);
        descCreate = l.function("cublasLtMatmulDescCreate", ADDRESS, JAVA_INT, JAVA_INT);
        descSet = l.function("cublasLtMatmulDescSetAttribute", ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
        layoutCreate = l.function("cublasLtMatrixLayoutCreate", ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
        preferenceCreate = l.function("cublasLtMatmulPreferenceCreate", ADDRESS);
        preferenceSet = l.function("cublasLtMatmulPreferenceSetAttribute", ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
        preferenceDestroy = l.function("cublasLtMatmulPreferenceDestroy", ADDRESS);
        heuristic = l.function(
                "cublasLtMatmulAlgoGetHeuristic",
                JAVA_LONG,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                JAVA_INT,
                ADDRESS,
                ADDRESS);
        matmul = l.function(
                "cublasLtMatmul",
                JAVA_LONG,
                ADDRESS,
                ADDRESS,
                JAVA_LONG,
                ADDRESS,
                JAVA_LONG,
                ADDRESS,
                ADDRESS,
                JAVA_LONG,
                ADDRESS,
                JAVA_LONG,
                ADDRESS,
                ADDRESS,
                JAVA_LONG,
                JAVA_LONG,
                JAVA_LONG);
        MemorySegment at = arena.allocate(JAVA_LONG);
        check("cublasLtCreate", () -> (int) create.invokeExact(at));
        handle = at.get(JAVA_LONG, 0);
    }

    private void check(String what, NativeLibrary.Call call) {
        int code = NativeLibrary.status(call);
        if (code != 0) {
            throw new LoupeException("cuBLASLt (" + path + ") failed in " + what + " with status " + code
                    + ": see whether its CUDA version fits the driver (nvidia-smi), or train with --device cpu.");
        }
    }

    /**
     * Starts a product.
     *
     * @param a address of A
     * @param b address of B
     * @param d address of D
     * @param workspace address of {@link #WORKSPACE} bytes that nothing else uses meanwhile
     */
    void multiply(Shape shape, long a, long b, long d, long workspace, long stream) {
        Plan p = plan(shape);
        try (Arena own = Arena.ofConfined()) {
            MemorySegment alpha = own.allocateFrom(JAVA_FLOAT, 1f);
            MemorySegment beta = own.allocateFrom(JAVA_FLOAT, shape.beta);
            check("cublasLtMatmul of " + shape, () -> (int) matmul.invokeExact(
                    handle,
                    p.desc,
                    alpha,
                    b,
                    p.first,
                    a,
                    p.second,
                    beta,
                    d,
                    p.d,
                    d,
                    p.d,
                    p.algorithm,
                    workspace,
                    WORKSPACE,
                    stream));
        }
    }

    private synchronized Plan plan(Shape s) {
        return plans.computeIfAbsent(s, this::make);
    }

    private Plan make(Shape s) {
        int type = s.type == Type.BFLOAT16 ? BFLOAT16 : FLOAT32;
        // told as columns first, a row-major [r, c] is [c, r]
        boolean turnedA = s.form == Form.COLUMNS;
        boolean turnedB = s.form == Form.ROWS;
        MemorySegment first =
                turnedB ? layout(type, s.inner, s.cols, s.strideB) : layout(type, s.cols, s.inner, s.strideB);
        MemorySegment second =
                turnedA ? layout(type, s.rows, s.inner, s.strideA) : layout(type, s.inner, s.rows, s.strideA);
        MemorySegment d = layout(FLOAT32, s.cols, s.rows, s.strideD);
        // tensor cores want rows of whole sixteen bytes; where they refuse, more exact arithmetic does as well
        List<Type> ways = s.type == Type.TF32 ? List.of(Type.TF32, Type.FLOAT32) : List.of(s.type);
        for (Type way : ways) {
            MemorySegment desc =
                    object("cublasLtMatmulDescCreate", at -> (int) descCreate.invokeExact(at, way.compute, FLOAT32));
            set(desc, TRANS_A, turnedB ? 1 : 0);
            set(desc, TRANS_B, turnedA ? 1 : 0);
            MemorySegment algorithm = algorithm(desc, first, second, d);
            if (algorithm != null) {
                return new Plan(desc, first, second, d, algorithm);
            }
        }
        throw new LoupeException("cuBLASLt (" + path + ") knows no way to make the product " + s
                + ": train with precision fp32, or with --device cpu.");
    }

    /** How the library would do it; null if it knows no way. */
    private @Nullable MemorySegment algorithm(
            MemorySegment desc, MemorySegment first, MemorySegment second, MemorySegment d) {
        MemorySegment preference =
                object("cublasLtMatmulPreferenceCreate", at -> (int) preferenceCreate.invokeExact(at));
        try (Arena own = Arena.ofConfined()) {
            prefer(preference, MOST_WORKSPACE, own.allocateFrom(JAVA_LONG, WORKSPACE));
            prefer(preference, REDUCTIONS, own.allocateFrom(JAVA_INT, 6)); // no sums in place, whose order may vary
            for (int matrix = 0; matrix < 4; matrix++) {
                prefer(preference, ALIGNMENT_A + matrix, own.allocateFrom(JAVA_INT, ALIGNMENT));
            }
            MemorySegment result = arena.allocate(RESULT_BYTES, 8);
            MemorySegment found = own.allocate(JAVA_INT);
            int code = NativeLibrary.status(
                    () -> (int) heuristic.invokeExact(handle, desc, first, second, d, d, preference, 1, result, found));
            if (code == NOT_SUPPORTED || (code == 0 && found.get(JAVA_INT, 0) < 1)) {
                return null;
            }
            check("cublasLtMatmulAlgoGetHeuristic", () -> code);
            return result; // begins with the algorithm
        } finally {
            check("cublasLtMatmulPreferenceDestroy", () -> (int) preferenceDestroy.invokeExact(preference));
        }
    }

    private void prefer(MemorySegment preference, int attribute, MemorySegment value) {
        check("cublasLtMatmulPreferenceSetAttribute", () ->
                (int) preferenceSet.invokeExact(preference, attribute, value, value.byteSize()));
    }

    private interface Fill {
        int into(MemorySegment at) throws Throwable;
    }

    private MemorySegment object(String what, Fill call) {
        MemorySegment at = arena.allocate(ADDRESS);
        check(what, () -> call.into(at));
        return at.get(ADDRESS, 0);
    }

    private MemorySegment layout(int type, long rows, long cols, long stride) {
        return object("cublasLtMatrixLayoutCreate", at -> (int) layoutCreate.invokeExact(at, type, rows, cols, stride));
    }

    private void set(MemorySegment desc, int attribute, int value) {
        try (Arena own = Arena.ofConfined()) {
            MemorySegment at = own.allocateFrom(JAVA_INT, value);
            check("cublasLtMatmulDescSetAttribute", () -> (int) descSet.invokeExact(desc, attribute, at, 4L));
        }
    }

    @Override
    public void close() {
        check("cublasLtDestroy", () -> (int) destroy.invokeExact(handle));
        arena.close();
    }
}
