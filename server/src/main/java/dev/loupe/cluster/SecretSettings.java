package dev.loupe.cluster;

import dev.loupe.base.UsageException;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Settings of Spark that hold keys. Whoever has an account on this machine can read the arguments of every process, so those
 * go to Spark in a file that only this account reads, and that is gone once Spark has read it. Spark takes such a file in
 * place of a site's {@code spark-defaults.conf}, so it says what that says, too. Options of JVMs are arguments of the
 * processes that they are for: keys among those of the driver are refused, those of executors are seen on their machines.
 */
final class SecretSettings implements AutoCloseable {
    /** What Spark itself hides ({@code spark.redaction.regex}), and keys of other stores of objects. */
    private static final Pattern SECRET =
            Pattern.compile("(?i)secret|password|passphrase|token|(access|account|private)[._-]?key|credential");

    /** Options of the driver's JVM, which are arguments of its process whatever file they come from. */
    private static final List<String> ARGUMENTS =
            List.of("spark.driver.extraJavaOptions", "spark.driver.defaultJavaOptions");

    private final @Nullable Path file;
    private final Set<String> keys;

    private SecretSettings(@Nullable Path file, Set<String> keys) {
        this.file = file;
        this.keys = Set.copyOf(keys);
    }

    /** Where there is nothing to hide. */
    static SecretSettings none() {
        return new SecretSettings(null, Set.of());
    }

    /**
     * Refuses keys where no file hides them.
     *
     * @throws UsageException if an option {@code -DNAME=VALUE} of the driver's JVM has the name of a key
     */
    static void refuseArguments(Map<String, String> conf) {
        for (String setting : ARGUMENTS) {
            for (String word : SparkCommand.words(conf.getOrDefault(setting, ""))) {
                String name = word.split("=", 2)[0];
                if (name.startsWith("-D") && SECRET.matcher(name).find()) {
                    throw new UsageException("The option " + name + " of " + setting
                            + " would be an argument of Spark's driver, which everybody on this machine can read: leave"
                            + " it out, and give the key as a setting of Spark (such as spark.hadoop.NAME) or in a file"
                            + " that the option names.");
                }
            }
        }
    }

    /** Whether a setting must not be seen by others: by its name, or by a name inside of its value. */
    private static boolean is(String key, String value) {
        return SECRET.matcher(key).find() || SECRET.matcher(value).find();
    }

    /** Writes the file, if there is anything to hide. */
    static SecretSettings of(Map<String, String> conf, SparkSite site) throws IOException {
        Properties all = new Properties();
        all.putAll(site.defaults());
        Set<String> keys = new HashSet<>();
        for (Map.Entry<String, String> e : conf.entrySet()) {
            if (is(e.getKey(), e.getValue())) {
                keys.add(e.getKey());
                all.setProperty(e.getKey(), e.getValue());
            }
        }
        if (keys.isEmpty()) {
            return none();
        }
        Path file = Files.createTempFile(
                "loupe-spark",
                ".conf",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        file.toFile().deleteOnExit(); // a signal ends this process without close()
        try (Writer out = Files.newBufferedWriter(file, StandardOpenOption.WRITE)) {
            all.store(out, null);
        } catch (IOException e) {
            Files.deleteIfExists(file);
            throw e;
        }
        return new SecretSettings(file, keys);
    }

    /** The file; null if there is nothing to hide. */
    @Nullable Path file() {
        return file;
    }

    /** Names of the settings that are in the file because they hold keys. */
    Set<String> keys() {
        return keys;
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
