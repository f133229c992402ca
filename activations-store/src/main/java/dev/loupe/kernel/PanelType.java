package dev.loupe.kernel;

/** What a lane of 32 bits holds in packed operands of a product, and what is summed. */
public enum PanelType {
    /** One float32; sums in float32, one fused multiply-add after the other. */
    FLOAT32(1),
    /**
     * Two bfloat16; sums in float32, the odd value of a pair before the even one, as the instruction {@code vdpbf16ps}
     * does. Products are exact, every addition is rounded.
     */
    BFLOAT16(2),
    /** Two 16-bit integers; sums in 32-bit integers, exact as long as they fit. */
    INT16(2),
    /**
     * Four 8-bit integers; sums in 32-bit integers, exact up to d = 66,000. The instruction {@code vpdpbusd} wants one side
     * without a sign, so weights are stored plus 128 and all sums of a row are too large by what {@link PackedPanels#packRow}
     * returns.
     */
    INT8(4);

    private final int perLane;

    PanelType(int perLane) {
        this.perLane = perLane;
    }

    /** Whether it stands for values that were scaled and rounded. */
    public boolean isInteger() {
        return this == INT16 || this == INT8;
    }

    /** Values per lane. */
    public int perLane() {
        return perLane;
    }

    /** Lanes that so many values take. */
    public int steps(int inner) {
        return Math.ceilDiv(inner, perLane);
    }
}
