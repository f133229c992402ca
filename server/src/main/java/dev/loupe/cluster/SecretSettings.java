package dev.loupe.cluster;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Settings of Spark that hold keys. Whoever has an account on this machine can read the arguments of every process, so those
 * go to Spark in a file that only this account reads, and that is gone once Spark has read it. Spark takes such a file in
 * place of a site's {@code spark-defaults.conf}, so it says what that says, too.
 */
final class SecretSettings implements AutoCloseable {
    /** What Spark itself hides ({@code spark.redaction.regex}), and keys of other stores of objects. */
    private static final Pattern SECRET =
            Pattern.compile("(?i)secret|password|passphrase|token|(access|account|private)[._-]?key|credential");

    private final @Nullable Path file;

    private SecretSettings(@Nullable Path file) {
        this.file = file;
    }

    /** Whether a setting must not be seen by others: by its name, or by a name inside of its value. */
    static boolean is(String key, String value) {
        return SECRET.matcher(key).find() || SECRET.matcher(value).find();
    }

    /** Writes the file, if there is anything to hide. */
    static SecretSettings of(Map<String, String> conf, SparkSite site) throws IOException {
        Properties all = new Properties();
        all.putAll(site.defaults());
        boolean any = false;
        for (Map.Entry<String, String> e : conf.entrySet()) {
            if (is(e.getKey(), e.getValue())) {
                any = true;
                all.setProperty(e.getKey(), e.getValue());
            }
        }
        if (!any) {
            return new SecretSettings(null);
        }
        Path file = Files.createTempFile(
                "loupe-spark",
                ".conf",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try (Writer out = Files.newBufferedWriter(file, StandardOpenOption.WRITE)) {
            all.store(out, null);
        } catch (IOException e) {
            Files.deleteIfExists(file);
            throw e;
        }
        return new SecretSettings(file);
    }

    /** The file; null if there is nothing to hide. */
    @Nullable Path file() {
        return file;
    }

    @Override
    public void close() {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // nobody else can read it
        }
    }
}
