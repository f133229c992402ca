package dev.loupe.kernel;

import java.io.ByteArrayOutputStream;

/**
 * Writes the few x86-64 instructions that a product kernel is made of (Intel SDM volume 2, section 2.7: EVEX encoding of
 * 512-bit vectors). Registers are numbers: zmm0 … zmm31 and, for addresses, rax = 0, rcx = 1, rdx = 2, rsi = 6, rdi = 7,
 * r8 … r11. Memory operands are a base register, perhaps an index register times 1, 2, 4 or 8, and a displacement.
 */
final class Evex {
    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RSI = 6;
    static final int RDI = 7;
    static final int R8 = 8;
    static final int R9 = 9;
    static final int R10 = 10;
    static final int R11 = 11;

    private static final int NO_INDEX = -1;

    private static final int MAP_0F = 1;
    private static final int MAP_0F38 = 2;
    private static final int MAP_0F3A = 3;
    private static final int NONE = 0;
    private static final int P66 = 1;
    private static final int PF3 = 2;
    private static final int PF2 = 3;
    private static final int W1 = 0x80; // with a prefix: 64-bit elements

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** The bytes so far. */
    byte[] bytes() {
        return out.toByteArray();
    }

    /** The place of the next instruction, for {@link #jumpIfNotZero}. */
    int here() {
        return out.size();
    }

    /** zmm = 0. */
    void zero(int zmm) {
        registers(MAP_0F, P66, 0xEF, zmm, zmm, zmm); // vpxord
    }

    /** zmm = 16 floats at [base + disp]; disp is a multiple of 64. */
    void load(int zmm, int base, int disp) {
        memory(MAP_0F, NONE, 0x10, zmm, base, disp, 64); // vmovups
    }

    /** 16 floats at [base + disp] = zmm. */
    void store(int zmm, int base, int disp) {
        memory(MAP_0F, NONE, 0x11, zmm, base, disp, 64); // vmovups
    }

    /** Every 32-bit lane of zmm = the one at [base + disp]; disp is a multiple of 4. */
    void broadcast(int zmm, int base, int disp) {
        memory(MAP_0F38, P66, 0x58, zmm, base, disp, 4); // vpbroadcastd
    }

    /** sum += a · b, lane by lane, in what the type's lanes hold. */
    void multiplyAdd(PanelType type, int sum, int a, int b) {
        switch (type) {
            case FLOAT32 -> registers(MAP_0F38, P66, 0xB8, sum, a, b); // vfmadd231ps
            case BFLOAT16 -> registers(MAP_0F38, PF3, 0x52, sum, a, b); // vdpbf16ps
            case INT16 -> registers(MAP_0F38, P66, 0x52, sum, a, b); // vpdpwssd
            case INT8 -> registers(MAP_0F38, P66, 0x50, sum, a, b); // vpdpbusd, a without a sign
        }
    }

    /** As {@link #load} from [base + index · times]. */
    void load(int zmm, int base, int index, int times) {
        load(zmm, base, index, times, 0);
    }

    /** As {@link #load} from [base + index · times + disp]. */
    void load(int zmm, int base, int index, int times, int disp) {
        memory(MAP_0F, NONE, 0x10, zmm, base, index, times, disp, 64);
    }

    /** From now on {@link #storeLower} writes so many lanes; overwrites rax. */
    void lowerLanes(int count) {
        write(0xB8); // mov eax, mask
        little((1 << count) - 1);
        write(0xC5, 0xF8, 0x92, 0xC8); // kmovw k1, eax
    }

    /** The lower lanes at [base] = those of zmm. */
    void storeLower(int zmm, int base) {
        prefix(MAP_0F, NONE, zmm, 0, base & 8, 0, 1);
        write(0x11, (zmm & 7) << 3 | base & 7); // vmovups with k1
    }

    /** to = 32 bfloat16: 16 floats of {@code low}, then 16 of {@code high}, rounded; subnormals become zero. */
    void roundPairs(int to, int low, int high) {
        registers(MAP_0F38, PF2, 0x72, to, high, low); // vcvtne2ps2bf16
    }

    /** to = a + b, floats lane by lane. */
    void addFloats(int to, int a, int b) {
        registers(MAP_0F, NONE, 0x58, to, a, b); // vaddps
    }

    /** to = two quarters of a, then two of b; two bits of {@code which} choose each. */
    void quarters(int to, int a, int b, int which) {
        registers(MAP_0F3A, P66, 0x43, to, a, b); // vshufi32x4
        write(which);
    }

    /** Of every quarter: the lower halves of a and b, or the upper ones. */
    void halvesOfQuarters(int to, int a, int b, boolean upper) {
        registers(MAP_0F, P66 | W1, upper ? 0x15 : 0x14, to, a, b); // vunpckhpd, vunpcklpd
    }

    /** Of every quarter: lanes 0 of a and b, then lanes 1; or lanes 2 and lanes 3. */
    void lanesOfQuarters(int to, int a, int b, boolean upper) {
        registers(MAP_0F, NONE, upper ? 0x15 : 0x14, to, a, b); // vunpckhps, vunpcklps
    }

    /** to = from with each odd lane in the even lane before it, too. */
    void oddLanes(int to, int from) {
        registers(MAP_0F, PF3, 0x16, to, 0, from); // vmovshdup
    }

    /** to = base + index · times. */
    void address(int to, int base, int index, int times) {
        write(0x48 | to >> 3 << 2 | index >> 3 << 1 | base >> 3, 0x8D, 0x44 | (to & 7) << 3);
        write(sib(base, index, times), 0);
    }

    /** Puts rdi or rsi (or another of the first eight registers) on the stack. */
    void push(int register) {
        write(0x50 | register);
    }

    /** Takes back what was put there last. */
    void pop(int register) {
        write(0x58 | register);
    }

    /** to = from. */
    void move(int to, int from) {
        general(0x89, from, to);
    }

    /** to += from. */
    void add(int to, int from) {
        general(0x01, from, to);
    }

    /** to += value. */
    void addValue(int to, int value) {
        general(0x81, 0, to);
        little(value);
    }

    /** register −= 1; sets the zero flag. */
    void decrement(int register) {
        general(0xFF, 1, register);
    }

    /** Goes on at {@code place} unless the last decrement reached zero. */
    void jumpIfNotZero(int place) {
        write(0x0F, 0x85);
        little(place - (here() + 4));
    }

    /** Back to the caller; upper halves are cleared, as the calling convention wants them. */
    void ret() {
        write(0xC5, 0xF8, 0x77, 0xC3); // vzeroupper, ret
    }

    private void registers(int map, int prefix, int opcode, int reg, int second, int rm) {
        prefix(map, prefix, reg, second, rm & 8, rm & 16);
        write(opcode, 0xC0 | (reg & 7) << 3 | rm & 7);
    }

    private void memory(int map, int prefix, int opcode, int reg, int base, int disp, int unit) {
        memory(map, prefix, opcode, reg, base, NO_INDEX, 1, disp, unit);
    }

    private void memory(int map, int prefix, int opcode, int reg, int base, int index, int times, int disp, int unit) {
        int scaled = disp / unit; // EVEX displacements of one byte count operands
        if (scaled * unit != disp || scaled < -128 || scaled > 127 || (base & 7) == 4) {
            throw new IllegalArgumentException("no short address: register " + base + " + " + disp);
        }
        if (index == NO_INDEX) {
            prefix(map, prefix, reg, 0, base & 8, 0);
            write(opcode, 0x40 | (reg & 7) << 3 | base & 7, scaled);
        } else {
            prefix(map, prefix, reg, 0, base & 8, index & 8);
            write(opcode, 0x44 | (reg & 7) << 3, sib(base, index, times), scaled);
        }
    }

    private static int sib(int base, int index, int times) {
        return Integer.numberOfTrailingZeros(times) << 6 | (index & 7) << 3 | base & 7;
    }

    private void prefix(int map, int prefix, int reg, int second, int b, int x) {
        prefix(map, prefix, reg, second, b, x, 0);
    }

    private void prefix(int map, int prefix, int reg, int second, int b, int x, int mask) {
        int p0 = map
                | ((reg & 8) == 0 ? 0x80 : 0)
                | (x == 0 ? 0x40 : 0)
                | (b == 0 ? 0x20 : 0)
                | ((reg & 16) == 0 ? 0x10 : 0);
        int p1 = (~second & 15) << 3 | 4 | prefix;
        int p2 = 0x40 | ((second & 16) == 0 ? 8 : 0) | mask; // 512 bits
        write(0x62, p0, p1, p2);
    }

    private void general(int opcode, int reg, int rm) {
        write(0x48 | reg >> 3 << 2 | rm >> 3, opcode, 0xC0 | (reg & 7) << 3 | rm & 7);
    }

    private void little(int value) {
        write(value, value >> 8, value >> 16, value >> 24);
    }

    private void write(int... values) {
        for (int v : values) {
            out.write(v);
        }
    }
}
