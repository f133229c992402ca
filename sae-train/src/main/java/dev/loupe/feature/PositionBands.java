package dev.loupe.feature;

/** Positions in a sequence in bands that double: 0, 1, 2, 3 to 4, 5 to 8, 9 to 16 and so on. */
final class PositionBands {
    /** Enough for positions below two to the thirtieth. */
    static final int COUNT = 32;

    private PositionBands() {}

    static int of(int position) {
        return position < 2 ? position : 33 - Integer.numberOfLeadingZeros(position - 1);
    }

    /** First position of a band. */
    static int first(int band) {
        return band < 3 ? band : (1 << band - 2) + 1;
    }

    /** Last position of a band. */
    static int last(int band) {
        return band < 2 ? band : band == COUNT - 1 ? 1 << 30 : 1 << band - 1;
    }
}
