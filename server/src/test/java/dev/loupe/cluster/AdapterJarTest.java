package dev.loupe.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.cluster.spark.SparkDriver;
import dev.loupe.fixtures.ProjectRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What travels to Spark: few classes, all of one package, and fit for the Java of executors. */
class AdapterJarTest {
    private static final String SOURCES = "server/src/main/java/dev/loupe/cluster/spark";

    @TempDir
    Path folder;

    @Test
    void the_jar_holds_the_package_alone_marked_as_java_17() throws Exception {
        Path jar = AdapterJar.in(folder);
        assertThat(AdapterJar.in(folder)).isEqualTo(jar);
        List<String> names = new ArrayList<>();
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                names.add(entry.getName());
                byte[] code = zip.getInputStream(entry).readAllBytes();
                assertThat(code[6] * 256 + code[7]).isEqualTo(61);
            }
        }
        String place = SparkDriver.class.getPackageName().replace('.', '/') + "/";
        assertThat(names)
                .contains(place + "SparkDriver.class", place + "LoupePlugin.class")
                .allMatch(n -> n.startsWith(place));
        assertThat(Files.size(jar)).isLessThan(100_000);
    }

    @Test
    void the_sources_compile_for_java_17() throws Exception {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<String> arguments = new ArrayList<>(List.of(
                "--release",
                "17",
                "-proc:none",
                "-nowarn",
                "-d",
                folder.toString(),
                "-cp",
                System.getProperty("java.class.path")));
        try (Stream<Path> sources = Files.list(ProjectRoot.resolve(SOURCES))) {
            sources.filter(s -> s.toString().endsWith(".java")).forEach(s -> arguments.add(s.toString()));
        }
        java.io.ByteArrayOutputStream errors = new java.io.ByteArrayOutputStream();
        int code = compiler.run(null, null, errors, arguments.toArray(String[]::new));
        assertThat(code)
                .as(errors.toString(java.nio.charset.StandardCharsets.UTF_8))
                .isZero();
    }
}
