package dev.loupe.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A root folder as a container of Spark's image has it: programs and libraries of the system, a JDK, Spark's jars below
 * {@code /opt/spark}, and the volumes of its pod. Of this machine's other files it sees the built Loupe and its libraries,
 * which stand for what a release holds; no workspace, no temporary folder, no process of others.
 */
final class PodRoot {
    /** Brings in what the image has, then becomes the command in the root; all mounts end with it. */
    private static final String ENTER = """
            set -e
            root=$1 name=$2 user=$3
            shift 3
            hostname "$name" 2> /dev/null || true
            for name in usr bin sbin lib lib32 lib64; do
                if [ -L /$name ]; then cp -P /$name "$root/$name"
                elif [ -d /$name ]; then mkdir -p "$root/$name"; mount --rbind /$name "$root/$name"; fi
            done
            mkdir -p "$root/dev" "$root/proc" "$root/sys"
            mount --rbind /dev "$root/dev"
            mount -t proc proc "$root/proc"
            mount --rbind /sys "$root/sys"
            while [ "$1" != -- ]; do
                mkdir -p "$root$2"
                mount --rbind "$1" "$root$2"
                case $3 in ro) mount -o remount,bind,ro "$root$2" ;; esac
                shift 3
            done
            shift
            cd "$root"
            exec chroot ${user:+--userspec=$user} "$root" "$@"
            """;

    /** What such an image does when it is started with the word executor. */
    private static final String ENTRYPOINT = """
            set -e
            [ "$1" = executor ] || { echo "what is $1?" >&2; exit 64; }
            cd "$SPARK_HOME/work-dir"
            readarray -t options < <(env | grep '^SPARK_JAVA_OPT_' | sort -t_ -k4 -n | sed 's/[^=]*=//')
            exec "$JAVA_HOME/bin/java" "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \\
                -cp "$SPARK_CONF_DIR:$SPARK_HOME/jars/*" \\
                org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \\
                --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \\
                --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \\
                --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
            """;

    private final Path folder;
    private final List<String> mounts = new ArrayList<>();

    /** An image's own choices: its user, and variables. */
    record Image(String user, Map<String, String> variables) {}

    private PodRoot(Path folder) {
        this.folder = folder;
    }

    /** A new one below a folder. */
    static PodRoot below(Path folder, Path spark, String name, String address) throws IOException {
        PodRoot root = new PodRoot(Files.createDirectories(folder.resolve("root")));
        Path etc = Files.createDirectories(root.folder.resolve("etc"));
        Files.writeString(etc.resolve("passwd"), "root:x:0:0::/root:/bin/bash\nspark:x:185:185::/home/spark:/bin/sh\n");
        Files.writeString(etc.resolve("hosts"), "127.0.0.1 localhost\n" + address + " " + name + "\n");
        if (Files.exists(Path.of("/etc/ld.so.cache"))) { // where libraries lie
            Files.copy(Path.of("/etc/ld.so.cache"), etc.resolve("ld.so.cache"));
        }
        root.open("tmp");
        root.open("opt/spark/work-dir");
        Files.createDirectories(root.folder.resolve("root"));
        Files.writeString(root.folder.resolve("opt/entrypoint.sh"), ENTRYPOINT);
        root.mount(spark.resolve("jars"), "/opt/spark/jars", false);
        for (Path lent : lent()) {
            root.mount(lent, lent.toString(), true);
        }
        return root;
    }

    /** What stands for a release: JDKs, the built classes and the libraries of this test. */
    private static List<Path> lent() {
        List<Path> all = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"))));
        Path built = Path.of(System.getProperty("loupe.root"));
        Stream.of(System.getProperty("java.class.path").split(java.io.File.pathSeparator))
                .map(p -> Path.of(p).toAbsolutePath())
                .map(p -> p.startsWith(built) ? built : repository(p))
                .distinct()
                .forEach(all::add);
        return all;
    }

    private static Path repository(Path jar) {
        for (Path p = jar.getParent(); p != null; p = p.getParent()) {
            if (p.endsWith(".m2/repository")) {
                return p;
            }
        }
        return jar.getParent();
    }

    private Path open(String name) throws IOException {
        return opened(folder.resolve(name));
    }

    /** A folder that everybody may write, as an {@code emptyDir} is. */
    static Path opened(Path path) throws IOException {
        Files.createDirectories(path);
        Files.setPosixFilePermissions(path, java.nio.file.attribute.PosixFilePermissions.fromString("rwxrwxrwx"));
        return path;
    }

    void mount(Path from, String to, boolean readOnly) {
        mounts.addAll(List.of(from.toString(), to, readOnly ? "ro" : "rw"));
    }

    /** The process of a container: the first one of a world of its own, whose end ends all others in it. */
    ProcessBuilder start(String name, Image image, Map<String, String> variables, List<String> arguments) {
        List<String> command =
                new ArrayList<>(List.of("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child"));
        if (!System.getProperty("user.name").equals("root")) {
            command.addAll(List.of("--user", "--map-root-user"));
        }
        command.addAll(List.of("bash", "-c", ENTER, "enter", folder.toString(), name, image.user()));
        command.addAll(mounts);
        command.addAll(List.of("--", "/bin/bash", "/opt/entrypoint.sh"));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command);
        Map<String, String> all = new LinkedHashMap<>();
        all.put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        all.put("HOME", image.user().isEmpty() ? "/root" : "/");
        all.put("SPARK_HOME", "/opt/spark");
        all.put("JAVA_HOME", System.getProperty("java.home"));
        all.putAll(image.variables());
        all.putAll(variables);
        builder.environment().clear();
        builder.environment().putAll(all);
        return builder;
    }

    /** Why no such root can be entered on this machine; empty if it can. */
    static String obstacle() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("unshare", "--mount", "--uts", "--pid", "--fork"));
        if (!System.getProperty("user.name").equals("root")) {
            command.addAll(List.of("--user", "--map-root-user"));
        }
        command.addAll(List.of("bash", "-c", "mount -t proc proc /proc && chroot / /bin/true"));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        return process.waitFor() == 0 ? "" : "unshare, mount or chroot: " + said.strip();
    }
}
