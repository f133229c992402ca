package dev.loupe.e2e;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The browser of the end-to-end tests: {@code ./loupe test} names it, otherwise the one on the PATH. */
final class Chromium {
    private static final List<String> NAMES =
            List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");

    private Chromium() {}

    /** The program; without one the test fails, since a user interface that nobody looked at is not tested. */
    static Path program() {
        for (String told : List.of(
                System.getProperty("loupe.chromium", ""), System.getenv().getOrDefault("CHROMIUM", ""))) {
            if (!told.isEmpty()) {
                return Path.of(told);
            }
        }
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            for (String name : NAMES) {
                Path program = Path.of(folder, name);
                if (Files.isExecutable(program)) {
                    return program;
                }
            }
        }
        throw new AssertionError("No Chromium for the tests of the web UI: ./loupe test installs one.");
    }
}
