package dev.loupe.store;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.loupe.base.UsageException;

/** How activations lie in a file. Readers always get float32. */
public enum Dtype {
    /** IEEE 754 single precision, exact. */
    FLOAT32("float32", 4),
    /** IEEE 754 half precision: 11 significant bits, at most 65,504. */
    FLOAT16("float16", 2),
    /** The upper half of a single: 8 significant bits, the full range. Arrow has no such type: stored as uint16. */
    BF16("bf16", 2);

    private final String id;
    private final int bytes;

    Dtype(String id, int bytes) {
        this.id = id;
        this.bytes = bytes;
    }

    /** The name in manifests and on the command line. */
    @JsonValue
    public String id() {
        return id;
    }

    /** Bytes of one number. */
    public int bytes() {
        return bytes;
    }

    /**
     * The dtype of a name.
     *
     * @throws UsageException naming the valid ones
     */
    @JsonCreator
    public static Dtype of(String id) {
        for (Dtype dtype : values()) {
            if (dtype.id.equals(id) || (dtype == BF16 && id.equals("bfloat16"))) {
                return dtype;
            }
        }
        throw new UsageException("There is no activation dtype \"" + id + "\"; choose float32, float16 or bf16.");
    }
}
