package dev.loupe.dist;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A root folder as a new container has it: the system's programs and libraries, a JDK, an empty home, and what is laid into it.
 * Commands in it see no other file, no network and no process of the machine, and of the programs only those that a release uses.
 */
final class EmptyRoot {
    /** All that a release asks of the system, the JDK aside. No Maven, no git, no curl. */
    private static final List<String> PROGRAMS = List.of(
            "bash",
            "sh",
            "env",
            "cat",
            "cksum",
            "cut",
            "dirname",
            "grep",
            "head",
            "ln",
            "mkdir",
            "mv",
            "nice",
            "readlink",
            "rm",
            "sed",
            "sleep",
            "stty",
            "tr",
            "uname");

    private static final List<String> WALLS =
            List.of("unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork");

    /** Brings in what the machine lends, then runs the command in the root; all mounts end with it. */
    private static final String ENTER = """
            set -e
            root=$1 jdk=$2
            shift 2
            for name in usr bin sbin lib lib32 lib64; do
                if [ -L /$name ]; then
                    [ -L "$root/$name" ] || cp -P /$name "$root/$name"
                elif [ -d /$name ]; then
                    mkdir -p "$root/$name"
                    mount --rbind /$name "$root/$name"
                fi
            done
            mkdir -p "$root/dev" "$root/proc" "$root/jdk" "$root/tmp"
            mount --rbind /dev "$root/dev"
            mount --rbind "$jdk" "$root/jdk"
            mount -t proc proc "$root/proc" 2> /dev/null || mount --rbind /proc "$root/proc"
            code=0
            chroot "$root" /programs/env PATH=/programs "$@" || code=$?
            # the first process of its world takes all others with it: what a command left at work must end before
            while kill -0 -1 2> /dev/null; do sleep 0.05; done
            exit $code
            """;

    private final Path root;
    private final Path logs;

    /** What a command did. */
    record Outcome(int code, String out, String err) {}

    private EmptyRoot(Path root, Path logs) {
        this.root = root;
        this.logs = logs;
    }

    /** Makes one below a folder. */
    static EmptyRoot below(Path folder) throws IOException {
        Path root = Files.createDirectories(folder.resolve("root"));
        Files.createDirectories(root.resolve("home"));
        Path etc = Files.createDirectories(root.resolve("etc"));
        Files.writeString(etc.resolve("passwd"), "somebody:x:0:0::/home:/bin/sh\n");
        if (Files.exists(Path.of("/etc/ld.so.cache"))) { // where libraries lie
            Files.copy(Path.of("/etc/ld.so.cache"), etc.resolve("ld.so.cache"));
        }
        Path programs = Files.createDirectories(root.resolve("programs"));
        for (String name : PROGRAMS) {
            Path usr = Path.of("/usr/bin", name);
            Files.copy(
                    Files.exists(usr) ? usr : Path.of("/bin", name),
                    programs.resolve(name),
                    StandardCopyOption.COPY_ATTRIBUTES);
        }
        return new EmptyRoot(root, Files.createDirectories(folder.resolve("logs")));
    }

    /** Its folder on this machine. */
    Path path() {
        return root;
    }

    /** Why no such root can be entered on this machine; empty if it can. */
    String obstacle() throws InterruptedException {
        try {
            Outcome outcome = run(Map.of(), "/programs/sh", "-c", "test -x /jdk/bin/java && test ! -e " + logs);
            return outcome.code() == 0
                    ? ""
                    : "unshare, mount or chroot: " + outcome.err().strip();
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Runs a command in it, with no variables but the usual three and those given. */
    Outcome run(Map<String, String> variables, String... command) throws IOException, InterruptedException {
        List<String> whole = new ArrayList<>(WALLS);
        whole.addAll(List.of("bash", "-c", ENTER, "enter", root.toString(), System.getProperty("java.home")));
        whole.addAll(List.of(command));
        ProcessBuilder builder = new ProcessBuilder(whole).directory(root.toFile());
        Map<String, String> environment = builder.environment();
        String path = environment.getOrDefault("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"; // for mount and chroot
        environment.clear();
        environment.putAll(Map.of("PATH", path, "HOME", "/home", "JAVA_HOME", "/jdk"));
        environment.putAll(variables);
        Path out = Files.createTempFile(logs, "out", "");
        Path err = Files.createTempFile(logs, "err", "");
        Process process =
                builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        process.getOutputStream().close();
        if (!process.waitFor(10, TimeUnit.MINUTES)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            throw new AssertionError("no end after ten minutes: " + String.join(" ", command) + "\n" + text(err));
        }
        return new Outcome(process.exitValue(), text(out), text(err));
    }

    private static String text(Path file) throws IOException {
        return Files.readString(file, StandardCharsets.UTF_8);
    }
}
