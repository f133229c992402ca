package dev.loupe.bench.fault;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/**
 * The JVM of the children: hundreds are started, so each stage gets a cache of loaded classes from its first undisturbed run.
 * Such caches want jars, so folders of classes are packed first.
 */
final class ChildJvm {
    private final Path folder;
    private final String classPath;
    private final boolean known;

    /** Packs what must be packed into the folder; what others than these classes left there goes. */
    ChildJvm(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
        List<String> parts = List.of(System.getProperty("java.class.path").split(File.pathSeparator)).stream()
                .filter(p -> Files.exists(Path.of(p)))
                .toList();
        this.known = isKnown(parts);
        List<String> entries = new ArrayList<>();
        for (String part : parts) {
            Path jar = folder.resolve("classes-" + entries.size() + ".jar");
            boolean classes = Files.isDirectory(Path.of(part));
            if (classes && !known) {
                pack(Path.of(part), jar);
            }
            entries.add(classes ? jar.toString() : part);
        }
        this.classPath = String.join(File.pathSeparator, entries);
    }

    /** Whether an earlier run left jars, caches and results of these very classes; else those of others go. */
    private boolean isKnown(List<String> parts) throws IOException {
        StringBuilder key = new StringBuilder();
        for (String part : parts) {
            try (Stream<Path> all = Files.walk(Path.of(part))) {
                long newest = 0;
                long bytes = 0;
                for (Path p : all.toList()) {
                    newest = Math.max(newest, Files.getLastModifiedTime(p).toMillis());
                    bytes += Files.isRegularFile(p) ? Files.size(p) : 0;
                }
                key.append(part + " " + newest + " " + bytes + "\n");
            }
        }
        Path file = folder.resolve("classes.txt");
        if (Files.exists(file) && Files.readString(file).contentEquals(key)) {
            return true;
        }
        try (Stream<Path> there = Files.list(folder)) {
            if (!Files.exists(file) && there.findAny().isPresent()) {
                throw new LoupeException("The folder " + folder + " holds other things: give an empty one.");
            }
        }
        AtomicFiles.deleteTree(folder);
        AtomicFiles.writeString(file, key.toString());
        return false;
    }

    private static void pack(Path classes, Path jar) throws IOException {
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream zip = new JarOutputStream(out);
                Stream<Path> all = Files.walk(classes)) {
            zip.setLevel(0);
            for (Path p : all.filter(Files::isRegularFile).sorted().toList()) {
                zip.putNextEntry(new JarEntry(classes.relativize(p).toString().replace(File.separatorChar, '/')));
                Files.copy(p, zip);
                zip.closeEntry();
            }
        }
    }

    /** The command of a child up to its arguments; {@code flags} go to the JVM. */
    List<String> command(Stage stage, List<String> flags, Class<?> main) {
        // crashes shall not leave the memory of the process on the disk; the JVM's own flag for that would hide the
        // signal
        List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", "ulimit -c 0; exec \"$@\"", "sh"));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String f : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (!f.startsWith("-agentlib") && !f.startsWith("-javaagent") && !f.startsWith("-XX:AOT")) {
                command.add(f);
            }
        }
        command.addAll(List.of("-Xlog:disable", "-Xlog:all=warning:stderr", "-Xlog:aot*=off", "-Xlog:cds*=off"));
        Path cache = cache(stage);
        if (Files.exists(cache)) {
            command.add("-XX:AOTCache=" + cache);
        }
        command.addAll(flags);
        command.addAll(List.of("-cp", classPath, main.getName()));
        return command;
    }

    /** Whether a run of the stage left its cache already. */
    boolean hasLearned(Stage stage) {
        return Files.exists(cache(stage));
    }

    /** The flag with which a run of the stage leaves its cache. */
    String learning(Stage stage) {
        return "-XX:AOTCacheOutput=" + cache(stage);
    }

    private Path cache(Stage stage) {
        return folder.resolve(stage.name() + ".aot");
    }
}
