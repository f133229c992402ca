package dev.loupe.cli;

import dev.loupe.service.Settings;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A copy of the workspace that version 1 has written ({@link GoldenFolders}), for each test one of its own. */
abstract class GoldenWorkspace {
    static final Path GOLDEN = Path.of("src/test/resources/golden/v1");

    @TempDir
    Path folder;

    Path root;
    Workbench bench;

    @BeforeEach
    void aWorkspaceOfVersionOne() throws IOException {
        root = folder.resolve("w");
        copy(GOLDEN, root);
        bench = bench(root);
    }

    @AfterEach
    void close() {
        bench.close();
    }

    static Workbench bench(Path root) {
        return new Workbench(
                Workspace.create(root), Settings.load(Map.of(Settings.Key.WORKSPACE, root.toString()), Map.of()));
    }

    static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path p : all.toList()) {
                Path target = to.resolve(from.relativize(p).toString());
                if (Files.isDirectory(p)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(p, target, StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
    }
}
