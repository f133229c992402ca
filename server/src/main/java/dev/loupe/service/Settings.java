package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.tensor.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Every setting with its origin. A flag wins over a {@code LOUPE_*} variable, that over the workspace's
 * {@code loupe.yaml}, that over the default.
 */
public final class Settings {
    /** A setting's name, default and meaning. */
    public enum Key {
        /** The folder of everything. */
        WORKSPACE("workspace", "~/.loupe", "folder of models, stores, SAEs and results"),
        /** Where tensors live. */
        DEVICE("device", "auto", "auto, cpu or cuda:0: where models run and SAEs are trained"),
        /** Threads of numeric work. */
        THREADS("threads", "0", "threads of numeric work; 0 for all cores"),
        /** Where long work is done. */
        ON("on", "local", "where long work is done: local, or a Spark cluster by the name of its master"),
        /** Settings of Spark. */
        SPARK_CONF("spark-conf", "", "settings of Spark, KEY=VALUE, separated by semicolons"),
        /** What executors unpack. */
        ARCHIVE("archive", "", "release archive that the executors of a cluster unpack; empty if they see these files"),
        /** Where machines that share no folder keep things. */
        STORAGE(
                "storage",
                "",
                "folder of a Hadoop file system (s3a://, hdfs://) for what a cluster works on; empty if its machines share the"
                        + " workspace"),
        /** The server's port. */
        PORT("port", "7070", "port of the server; 0 for any free one"),
        /** The server's address. */
        HOST("host", "127.0.0.1", "address the server listens on"),
        /** A file with the access token. */
        TOKEN_FILE(
                "token-file",
                "",
                "file with access tokens, one a line, one of which requests must carry; empty for none"),
        /** Names of a proxy. */
        ALLOWED_HOSTS(
                "allowed-hosts",
                "",
                "more names that the server answers to, joined by commas, as that of a proxy in front of it"),
        /** Proxies whose word is taken. */
        TRUSTED_PROXIES(
                "trusted-proxies",
                "",
                "addresses and networks (10.0.0.0/8) of proxies in front of the server, joined by commas: where a request"
                        + " came from is read from their X-Forwarded-For"),
        /** Work that a client may ask for. */
        RATE_LIMIT(
                "rate-limit",
                "600",
                "requests a minute that make the server work, for each access token; 0 for no limit"),
        /** Processes that a server starts. */
        MAX_JOBS("max-jobs", "8", "jobs that a server runs at a time; 0 for none"),
        /** How the log is written. */
        LOG_FORMAT("log-format", "text", "text, or json: one JSON object a line in the log and on stderr"),
        /** Who writes labels in prose. */
        LABEL_URL(
                "label-url",
                "",
                "base address of an OpenAI-compatible service that writes labels in prose; empty for none. Its key is read"
                        + " from LOUPE_LABEL_KEY alone"),
        /** The model there. */
        LABEL_MODEL("label-model", "", "the model of that service"),
        /** Where it may be. */
        LABEL_PRIVATE(
                "label-private",
                "false",
                "true if that service is at a private address (10.*, 192.168.*, ...) of another machine");

        private final String text;
        private final String fallback;
        private final String meaning;

        Key(String text, String fallback, String meaning) {
            this.text = text;
            this.fallback = fallback;
            this.meaning = meaning;
        }

        /** The name in {@code loupe.yaml} and, with two hyphens in front, on the command line. */
        public String text() {
            return text;
        }

        /** The name of the environment variable. */
        public String variable() {
            return "LOUPE_" + name();
        }
    }

    /** Where a value came from. */
    public enum Origin {
        /** A flag of the command. */
        FLAG,
        /** An environment variable. */
        ENVIRONMENT,
        /** The workspace's {@code loupe.yaml}. */
        FILE,
        /** Nobody said anything. */
        DEFAULT
    }

    /**
     * One setting as it stands.
     *
     * @param name as in flags and files
     * @param value what holds
     * @param origin where the value came from
     * @param source the flag, variable or file in words
     * @param meaning what it is for, in one line
     */
    public record Setting(String name, String value, Origin origin, String source, String meaning) {}

    private final Map<Key, Setting> values = new LinkedHashMap<>();

    private Settings() {}

    /**
     * Finds every setting.
     *
     * @param flags what the command line said, by setting; absent ones are left out
     * @param environment the environment variables
     * @throws UsageException if {@code loupe.yaml} holds an unknown setting
     */
    public static Settings load(Map<Key, String> flags, Map<String, String> environment) {
        Settings settings = new Settings();
        settings.put(Key.WORKSPACE, flags, environment, Map.of(), "");
        Path file = settings.workspace().resolve("loupe.yaml");
        Map<String, String> yaml = yaml(file);
        for (Key key : Key.values()) {
            if (key != Key.WORKSPACE) {
                settings.put(key, flags, environment, yaml, file.toString());
            }
        }
        settings.check();
        return settings;
    }

    /** All settings, for {@code loupe doctor}. */
    public List<Setting> all() {
        return new ArrayList<>(values.values());
    }

    /** The value of one setting. */
    public String get(Key key) {
        return setting(key).value();
    }

    /** A setting of several, joined by commas; empty for none. */
    public List<String> list(Key key) {
        return Stream.of(get(key).split(",", -1))
                .map(String::strip)
                .filter(entry -> !entry.isEmpty())
                .toList();
    }

    /** A whole number setting. */
    public int number(Key key) {
        Setting s = setting(key);
        try {
            return Integer.parseInt(s.value());
        } catch (NumberFormatException e) {
            throw new UsageException(
                    "The setting " + s.name() + " is \"" + s.value() + "\" (" + s.source() + "); it must be a number.");
        }
    }

    /** A setting that is true or false. */
    public boolean flag(Key key) {
        Setting s = setting(key);
        return switch (s.value().toLowerCase(java.util.Locale.ROOT)) {
            case "true" -> true;
            case "false" -> false;
            default ->
                throw new UsageException("The setting " + s.name() + " is \"" + s.value() + "\" (" + s.source()
                        + "); it must be true or false.");
        };
    }

    /** Where models run; {@code auto} is the processor. Whether this machine has the device is not asked. */
    public Device device() {
        return Device.parse(get(Key.DEVICE));
    }

    /** Whether nobody said where models run. */
    public boolean deviceIsAuto() {
        return get(Key.DEVICE).strip().equalsIgnoreCase("auto");
    }

    /** The workspace folder, absolute. */
    public Path workspace() {
        String text = get(Key.WORKSPACE);
        if (text.equals("~") || text.startsWith("~/")) {
            text = System.getProperty("user.home") + text.substring(1);
        }
        return Path.of(text).toAbsolutePath().normalize();
    }

    private Setting setting(Key key) {
        Setting s = values.get(key);
        if (s == null) {
            throw new IllegalStateException("setting " + key + " asked for too early");
        }
        return s;
    }

    private void put(
            Key key, Map<Key, String> flags, Map<String, String> environment, Map<String, String> yaml, String file) {
        String flag = flags.get(key);
        String variable = environment.get(key.variable());
        String line = yaml.get(key.text);
        Setting s;
        if (flag != null) {
            s = new Setting(key.text, flag, Origin.FLAG, "--" + key.text, key.meaning);
        } else if (variable != null && !variable.isBlank()) {
            s = new Setting(key.text, variable.strip(), Origin.ENVIRONMENT, key.variable(), key.meaning);
        } else if (line != null) {
            s = new Setting(key.text, line, Origin.FILE, file, key.meaning);
        } else {
            s = new Setting(key.text, key.fallback, Origin.DEFAULT, "default", key.meaning);
        }
        values.put(key, s);
    }

    private void check() {
        int threads = number(Key.THREADS);
        if (threads < 0) {
            throw new UsageException("The setting threads is " + threads + "; it must be 0 (all cores) or more.");
        }
        int port = number(Key.PORT);
        if (port < 0 || port > 65_535) {
            throw new UsageException("The port is " + port + "; it must be from 0 (any free one) to 65535.");
        }
        if (number(Key.MAX_JOBS) < 0) {
            throw new UsageException("The setting max-jobs is " + number(Key.MAX_JOBS) + "; it must be 0 or more.");
        }
        if (number(Key.RATE_LIMIT) < 0) {
            throw new UsageException("The rate limit is " + number(Key.RATE_LIMIT) + "; it must be 0 (none) or more.");
        }
        String format = get(Key.LOG_FORMAT);
        if (!format.equals("text") && !format.equals("json")) {
            throw new UsageException("The log format is \"" + format + "\"; it must be text or json.");
        }
        device();
    }

    private static Map<String, String> yaml(Path file) {
        if (!Files.isRegularFile(file)) {
            return Map.of();
        }
        Object tree = SafeYaml.read(file);
        if (tree == null) {
            return Map.of();
        }
        if (!(tree instanceof Map<?, ?> map)) {
            throw new UsageException("The file " + file + " must hold lines of the form \"port: 7070\".");
        }
        Map<String, String> values = new LinkedHashMap<>();
        for (Map.Entry<?, ?> e : map.entrySet()) {
            String name = String.valueOf(e.getKey());
            if (key(name) == null || name.equals(Key.WORKSPACE.text)) {
                throw new UsageException(
                        "The file " + file + " holds the unknown setting \"" + name + "\"; known are " + known() + ".");
            }
            values.put(name, String.valueOf(e.getValue()));
        }
        return values;
    }

    private static @Nullable Key key(String name) {
        for (Key k : Key.values()) {
            if (k.text.equals(name)) {
                return k;
            }
        }
        return null;
    }

    private static String known() {
        List<String> names = new ArrayList<>();
        for (Key k : Key.values()) {
            if (k != Key.WORKSPACE) {
                names.add(k.text);
            }
        }
        return String.join(", ", names);
    }
}
