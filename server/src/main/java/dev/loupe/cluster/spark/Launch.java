package dev.loupe.cluster.spark;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * How an executor starts Loupe: the launcher of the release archive that Spark unpacked, or Java with the class path that
 * the other side has, where both see the same files.
 *
 * @param archive the folder that the archive was unpacked to, in the executor's own; empty for none
 * @param java the Java of the other side
 * @param flags of its JVM, and its class path
 * @param arguments what follows the main class
 * @param needs a file or folder that the executor must see, of a model outside of the workspace; empty for none
 */
public record Launch(String archive, String java, List<String> flags, List<String> arguments, String needs) {
    /** Names the folder of a JDK for child processes, before any other. */
    public static final String JAVA_HOME = "LOUPE_JAVA_HOME";

    /** The option that names the workspace. */
    public static final String WORKSPACE = "--workspace";

    /** Names the folder of a machine for what a release fetches or makes at its first start there. */
    private static final String RELEASE_CACHE = "LOUPE_RELEASE_CACHE";

    private static final String PROGRAM = "loupe";
    private static final String MAIN = "dev.loupe.cli.Main";

    /** For executors that need nothing more. */
    public Launch(String archive, String java, List<String> flags, List<String> arguments) {
        this(archive, java, flags, arguments, "");
    }

    /** As a value of Spark's configuration. */
    public String text() {
        List<String> lines = new ArrayList<>(List.of(archive, java, needs, Integer.toString(flags.size())));
        lines.addAll(flags);
        lines.addAll(arguments);
        return Base64.getEncoder().encodeToString(String.join("\n", lines).getBytes(StandardCharsets.UTF_8));
    }

    static Launch of(String text) {
        List<String> lines =
                Arrays.asList(new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8).split("\n", -1));
        int flags = Integer.parseInt(lines.get(3));
        return new Launch(
                lines.get(0),
                lines.get(1),
                lines.subList(4, 4 + flags),
                lines.subList(4 + flags, lines.size()),
                lines.get(2));
    }

    /** The same where archives are unpacked into a folder; one that holds a single folder stands for that one. */
    Launch in(String root) {
        if (archive.isEmpty()) {
            return this;
        }
        File folder = new File(root, archive);
        File[] inside = folder.listFiles(File::isDirectory);
        if (!new File(folder, PROGRAM).isFile() && inside != null && inside.length == 1) {
            folder = inside[0];
        }
        return new Launch(folder.getAbsolutePath(), java, flags, arguments, needs);
    }

    /** The same for another workspace. */
    Launch at(String workspace) {
        List<String> changed = new ArrayList<>(arguments);
        int option = changed.indexOf(WORKSPACE);
        if (option >= 0) {
            changed.set(option + 1, workspace);
        }
        return new Launch(archive, java, flags, changed, needs);
    }

    /** The command up to the options that an executor adds. */
    List<String> command() {
        List<String> command = new ArrayList<>();
        if (!archive.isEmpty()) {
            command.add("bash"); // archives may have lost the right to be run
            command.add(new File(archive, PROGRAM).getPath());
        } else {
            command.add(home() + "/bin/java");
            command.addAll(flags);
            command.add(MAIN);
        }
        command.addAll(arguments);
        return command;
    }

    void environment(Map<String, String> environment) {
        environment.put("LOUPE_ON", "local");
        if (!archive.isEmpty()) { // which is unpacked for every application anew, and would fetch its library for each
            String named = environment.getOrDefault("XDG_CACHE_HOME", "");
            File cache = named.isBlank() ? new File(System.getProperty("user.home", "."), ".cache") : new File(named);
            environment.putIfAbsent(RELEASE_CACHE, new File(cache, "loupe/release").getPath());
        }
        environment.putIfAbsent(JAVA_HOME, home());
    }

    /** The JDK that children run on: the one named for it, the executor's own if it fits, the other side's if it is here. */
    String home() {
        String named = System.getenv(JAVA_HOME);
        if (named != null && !named.isBlank()) {
            return named;
        }
        if (Runtime.version().feature() == 25) {
            return System.getProperty("java.home");
        }
        return new File(java, "bin/java").canExecute() ? java : System.getProperty("java.home");
    }
}
