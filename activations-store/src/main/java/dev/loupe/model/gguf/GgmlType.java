package dev.loupe.model.gguf;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The types of numbers that ggml stores (github.com/ggml-org/ggml, {@code enum ggml_type} and {@code ggml-common.h}).
 * A row is cut into blocks of a fixed number of elements and bytes. Only types with a known block can be read; the
 * others are here so that a message can name them.
 */
public enum GgmlType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q8_1(9),
    Q2_K(10),
    Q3_K(11),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    Q8_K(15),
    IQ2_XXS(16),
    IQ2_XS(17),
    IQ3_XXS(18),
    IQ1_S(19),
    IQ4_NL(20),
    IQ3_S(21),
    IQ2_S(22),
    IQ4_XS(23),
    I8(24),
    I16(25),
    I32(26),
    I64(27),
    F64(28),
    IQ1_M(29),
    BF16(30, 1, 2),
    TQ1_0(34),
    TQ2_0(35),
    MXFP4(39),
    NVFP4(40),
    Q1_0(41);

    private final int id;
    private final int blockElements;
    private final int blockBytes;

    GgmlType(int id) {
        this(id, 0, 0);
    }

    GgmlType(int id, int blockElements, int blockBytes) {
        this.id = id;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /** Elements in a block; a row holds whole blocks only. */
    public int blockElements() {
        return blockElements;
    }

    /** Bytes of a block. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Whether its numbers can be read. */
    public boolean readable() {
        return blockElements > 0;
    }

    /** The type of a number in a file; null if there is none. */
    static @Nullable GgmlType of(int id) {
        for (GgmlType type : values()) {
            if (type.id == id) {
                return type;
            }
        }
        return null;
    }

    /** The names of all types that can be read. */
    public static List<String> supported() {
        return Arrays.stream(values())
                .filter(GgmlType::readable)
                .map(Enum::name)
                .toList();
    }
}
