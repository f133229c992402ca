package dev.loupe.cluster;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.cluster.spark.SparkDriver;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The jar that travels to Spark: the classes of {@code dev.loupe.cluster.spark} alone, cut out of where Loupe was started
 * from. They use nothing newer than Java 17 and are marked so, because executors may run on any Java that Spark does.
 */
final class AdapterJar {
    private static final String PACKAGE = SparkDriver.class.getPackageName().replace('.', '/') + "/";
    private static final int JAVA_17 = 61;

    private AdapterJar() {}

    /** Writes the jar into a folder, unless it is there; its name holds a checksum of its content. */
    static Path in(Path folder) {
        try {
            byte[] bytes = bytes();
            Path jar = folder.resolve("loupe-spark-" + Checksums.sha256(bytes).substring(0, 12) + ".jar");
            if (!Files.isRegularFile(jar)) {
                AtomicFiles.write(jar, bytes);
            }
            return jar;
        } catch (IOException | URISyntaxException e) {
            throw new LoupeException("Loupe's classes for Spark cannot be read (" + e.getMessage() + ").", e);
        }
    }

    private static byte[] bytes() throws IOException, URISyntaxException {
        URI source = SparkDriver.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI();
        Path path = Path.of(source);
        if (Files.isDirectory(path)) {
            return bytes(path);
        }
        try (FileSystem jar = FileSystems.newFileSystem(path, Map.of())) {
            return bytes(jar.getPath("/"));
        }
    }

    private static byte[] bytes(Path root) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes);
                Stream<Path> files = Files.list(root.resolve(PACKAGE))) {
            List<Path> sorted = files.filter(f -> f.toString().endsWith(".class"))
                    .sorted(java.util.Comparator.comparing(Path::toString))
                    .toList();
            for (Path file : sorted) {
                ZipEntry entry = new ZipEntry(PACKAGE + file.getFileName());
                entry.setTime(0);
                zip.putNextEntry(entry);
                try (InputStream in = Files.newInputStream(file)) {
                    byte[] code = in.readAllBytes();
                    code[6] = 0; // major version of the class file, big-endian
                    code[7] = JAVA_17;
                    zip.write(code);
                }
                zip.closeEntry();
            }
        }
        return bytes.toByteArray();
    }
}
