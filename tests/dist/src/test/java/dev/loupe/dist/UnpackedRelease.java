package dev.loupe.dist;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.ProjectRoot;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** A release of what was just built, packed once for all tests and unpacked where each wants it. */
final class UnpackedRelease {
    private static final List<Path> CLASS_PATH = classPath();

    private UnpackedRelease() {}

    /** Unpacks it into a folder; answers its launcher. */
    static Path into(Path folder) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        Process tar = new ProcessBuilder("tar", "xzf", Archive.FILE.toString(), "-C", folder.toString())
                .inheritIO()
                .start();
        assertThat(tar.waitFor()).isZero();
        return folder.resolve("loupe-1/loupe");
    }

    /** The library of PyTorch for this machine, as the build got it. */
    static Path nativeLibrary() {
        return CLASS_PATH.stream()
                .filter(p -> p.getFileName().toString().startsWith("pytorch-native"))
                .findFirst()
                .orElseThrow();
    }

    /** Lays the library of PyTorch where a first start looks below {@code LOUPE_MAVEN_URL}. */
    static void repository(Path folder) throws IOException {
        Path from = nativeLibrary();
        Path below = from.getRoot().relativize(from);
        // ai/djl/pytorch/NAME/VERSION/FILE
        Path to = folder.resolve(below.subpath(below.getNameCount() - 6, below.getNameCount()));
        Files.createDirectories(to.getParent());
        Files.copy(from, to);
    }

    private static List<Path> classPath() {
        try {
            List<Path> all = Arrays.stream(Files.readString(ProjectRoot.resolve("tests/dist/target/classpath"))
                            .strip()
                            .split(File.pathSeparator))
                    .map(Path::of)
                    .toList();
            assertThat(all)
                    .as("the product is packaged first: run the tests with verify")
                    .allMatch(Files::isRegularFile);
            return all;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The archive, made when first asked for. */
    private static final class Archive {
        static final Path FILE = make();

        private static Path make() {
            try {
                Path file = ProjectRoot.resolve("tests/dist/target/loupe-1.tar.gz");
                Release release = new Release(
                        ProjectRoot.path(),
                        CLASS_PATH,
                        Bom.read(ProjectRoot.resolve("tests/dist/target/bom.json")),
                        "1",
                        "");
                try (OutputStream out = Files.newOutputStream(file)) {
                    release.files().write(out, release.name(), 1_700_000_000);
                }
                return file;
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }
}
