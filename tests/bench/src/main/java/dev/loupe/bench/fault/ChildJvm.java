package dev.loupe.bench.fault;

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

    /** Packs what must be packed into the folder. */
    ChildJvm(Path folder) throws IOException {
        this.folder = folder;
        List<String> entries = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            Path path = Path.of(entry);
            if (Files.isDirectory(path)) {
                Path jar = folder.resolve("classes-" + entries.size() + ".jar");
                pack(path, jar);
                entries.add(jar.toString());
            } else if (Files.exists(path)) {
                entries.add(entry);
            }
        }
        this.classPath = String.join(File.pathSeparator, entries);
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
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        for (String f : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (!f.startsWith("-agentlib") && !f.startsWith("-javaagent") && !f.startsWith("-XX:AOT")) {
                command.add(f);
            }
        }
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:-CreateCoredumpOnCrash"));
        command.addAll(List.of("-Xlog:disable", "-Xlog:all=warning:stderr", "-Xlog:aot*=off", "-Xlog:cds*=off"));
        Path cache = cache(stage);
        if (Files.exists(cache)) {
            command.add("-XX:AOTCache=" + cache);
        }
        command.addAll(flags);
        command.addAll(List.of("-cp", classPath, main.getName()));
        return command;
    }

    /** The flag with which a run of the stage leaves its cache. */
    String learning(Stage stage) {
        return "-XX:AOTCacheOutput=" + cache(stage);
    }

    private Path cache(Stage stage) {
        return folder.resolve(stage.name() + ".aot");
    }
}
