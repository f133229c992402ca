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
    /** Single precision. */
    F32(0, 1, 4),
    /** Half precision. */
    F16(1, 1, 2),
    /** 4 bits; a half-precision scale for each 32. */
    Q4_0(2, 32, 18),
    /** 4 bits; a scale and a minimum for each 32. */
    Q4_1(3, 32, 20),
    /** 5 bits; a scale for each 32. */
    Q5_0(6, 32, 22),
    /** 5 bits; a scale and a minimum for each 32. */
    Q5_1(7, 32, 24),
    /** 8 bits; a scale for each 32. */
    Q8_0(8, 32, 34),
    /** 8 bits; a scale and a sum for each 32; ggml keeps it in memory only. */
    Q8_1(9),
    /** 2 bits, in blocks of 256 with scales of their own. */
    Q2_K(10),
    /** 3 bits, in blocks of 256 with scales of their own. */
    Q3_K(11),
    /** 4 bits; scales and minima of 6 bits for each 32, in blocks of 256. */
    Q4_K(12, 256, 144),
    /** 5 bits; scales and minima of 6 bits for each 32, in blocks of 256. */
    Q5_K(13, 256, 176),
    /** 6 bits; scales of 8 bits for each 16, in blocks of 256. */
    Q6_K(14, 256, 210),
    /** 8 bits, in blocks of 256; ggml keeps it in memory only. */
    Q8_K(15),
    /** A codebook, about 2.06 bits. */
    IQ2_XXS(16),
    /** A codebook, about 2.31 bits. */
    IQ2_XS(17),
    /** A codebook, about 3.06 bits. */
    IQ3_XXS(18),
    /** A codebook, about 1.56 bits. */
    IQ1_S(19),
    /** 4 bits with uneven steps; a scale for each 32. */
    IQ4_NL(20),
    /** A codebook, about 3.44 bits. */
    IQ3_S(21),
    /** A codebook, about 2.56 bits. */
    IQ2_S(22),
    /** 4 bits with uneven steps, in blocks of 256. */
    IQ4_XS(23),
    /** Whole numbers of 8 bits. */
    I8(24),
    /** Whole numbers of 16 bits. */
    I16(25),
    /** Whole numbers of 32 bits. */
    I32(26),
    /** Whole numbers of 64 bits. */
    I64(27),
    /** Double precision. */
    F64(28),
    /** A codebook, about 1.75 bits. */
    IQ1_M(29),
    /** The upper half of single precision. */
    BF16(30, 1, 2),
    /** Three values, about 1.69 bits. */
    TQ1_0(34),
    /** Three values, about 2.06 bits. */
    TQ2_0(35),
    /** Floats of 4 bits; a shared exponent for each 32. */
    MXFP4(39),
    /** Floats of 4 bits; a scale of 8 bits for each 16. */
    NVFP4(40),
    /** 1 bit and scales. */
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
