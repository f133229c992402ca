package dev.loupe.http;

import dev.loupe.base.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The token file of a running server, looked at again at most every second: a token that is taken out of it is void from
 * then on, and so are its cookies. While the file cannot be read the tokens that it held last are good.
 */
final class TokenFile {
    private static final Logger LOG = LoggerFactory.getLogger(TokenFile.class);
    private static final long PAUSE_NS = 1_000_000_000L;

    private final Path file;
    private final LongSupplier clock;
    private final boolean again;
    private AccessTokens tokens;
    private byte[] read;
    private long looked;
    private String problem = "";

    /**
     * Reads a file.
     *
     * @throws UsageException if it cannot be read or holds no token, in one sentence
     */
    TokenFile(Path file) {
        this(file, System::nanoTime);
    }

    /** @param clock the time in nanoseconds */
    TokenFile(Path file, LongSupplier clock) {
        this.file = file;
        this.clock = clock;
        this.again = Files.isRegularFile(file); // what a pipe said it says once
        this.read = AccessTokens.bytes(file);
        this.tokens = AccessTokens.of(file, read);
        this.looked = clock.getAsLong();
    }

    /** The tokens that are good now. */
    synchronized AccessTokens tokens() {
        long now = clock.getAsLong();
        if (again && now - looked >= PAUSE_NS) {
            looked = now;
            look();
        }
        return tokens;
    }

    private void look() {
        try {
            // the bytes themselves: size and time of a file can be the same after a change
            byte[] bytes = AccessTokens.bytes(file);
            if (!Arrays.equals(bytes, read)) {
                tokens = AccessTokens.of(file, bytes);
                read = bytes;
                LOG.info("The token file {} was read again.", file);
            }
            problem = "";
        } catch (UsageException e) {
            if (!problem.equals(e.getMessage())) {
                problem = String.valueOf(e.getMessage());
                LOG.warn("{} The tokens that it held before stay good until it can be read.", problem);
            }
        }
    }
}
