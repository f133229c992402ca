package dev.loupe.math;

/**
 * A random permutation of {@code 0 .. size - 1} that needs no memory: a balanced Feistel network over the next even
 * number of bits, walked until the value is inside (Black and Rogaway, "Ciphers with Arbitrary Finite Domains",
 * CT-RSA 2002, the generalised Feistel and cycle-walking constructions). The round function is SplitMix64's finaliser
 * (Steele, Lea and Flood, OOPSLA 2014); six rounds.
 */
public final class Permutation {
    private static final int ROUNDS = 6;

    private final long size;
    private final int halfBits;
    private final long mask;
    private final long[] keys = new long[ROUNDS];

    /** The permutation of a seed and a stream number (such as the epoch). */
    public Permutation(long size, long seed, long stream) {
        if (size < 1) {
            throw new IllegalArgumentException("a permutation of " + size + " things");
        }
        this.size = size;
        int bits = 64 - Long.numberOfLeadingZeros(Math.max(1, size - 1));
        this.halfBits = Math.max(1, (bits + 1) / 2);
        this.mask = (1L << halfBits) - 1;
        long state = mix(seed + 0x9e3779b97f4a7c15L) ^ stream * 0xd1342543de82ef95L;
        for (int r = 0; r < ROUNDS; r++) {
            state += 0x9e3779b97f4a7c15L;
            keys[r] = mix(state);
        }
    }

    /** How many things are permuted. */
    public long size() {
        return size;
    }

    /** The thing at a place. */
    public long at(long index) {
        if (index < 0 || index >= size) {
            throw new IndexOutOfBoundsException(index + " of " + size);
        }
        long x = index;
        do { // the domain is at most four times the size, so a few turns suffice
            long left = x >>> halfBits;
            long right = x & mask;
            for (long key : keys) {
                long next = left ^ (mix(right ^ key) & mask);
                left = right;
                right = next;
            }
            x = left << halfBits | right;
        } while (x >= size);
        return x;
    }

    /** SplitMix64's finaliser: every bit of the input reaches every bit of the output. */
    static long mix(long z) {
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
