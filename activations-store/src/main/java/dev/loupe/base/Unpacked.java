package dev.loupe.base;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * The unpacked bytes of a file or of a whole archive, within reason: text and weights shrink to a twentieth, seldom to a
 * hundredth; what grows further was made to fill memory or disk (a bomb).
 */
public final class Unpacked {
    private static final long MOST_GROWTH = 200;
    private static final long ALWAYS = 64L << 20;

    private final long most;
    private long left;

    /** The bytes that may come out of so many packed ones, over all streams together. */
    public Unpacked(long packed) {
        this.most = ALWAYS + MOST_GROWTH * packed;
        this.left = most;
    }

    /** A stream whose bytes count. Reading past what may come out is an {@link IOException} that says so. */
    public InputStream count(InputStream in) {
        return new FilterInputStream(in) {
            @Override
            public int read() throws IOException {
                int b = super.read();
                if (b >= 0) {
                    take(1);
                }
                return b;
            }

            @Override
            public int read(byte[] into, int at, int length) throws IOException {
                int n = super.read(into, at, length);
                if (n > 0) {
                    take(n);
                }
                return n;
            }

            @Override
            public long skip(long n) throws IOException {
                long skipped = super.skip(n);
                take(skipped);
                return skipped;
            }
        };
    }

    /** Counts bytes that are made in another way. */
    public synchronized void take(long bytes) throws IOException {
        left -= bytes;
        if (bytes < 0 || left < 0) {
            throw new IOException("it unpacks to more than " + most + " bytes");
        }
    }
}
