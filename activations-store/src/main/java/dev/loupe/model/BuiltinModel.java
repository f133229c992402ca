package dev.loupe.model;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The language model that ships as resources (its card is {@code builtin/README.md}), unpacked to a folder because the
 * checkpoint is mapped into memory. {@code builtin/checksums.txt} lists its files with their SHA-256.
 */
final class BuiltinModel {
    static final String NAME = "builtin";
    private static final String RESOURCES = NAME + "/";

    private BuiltinModel() {}

    /** The model's folder below {@code cacheDir}; whole, whatever happened there before. */
    static Path unpack(Path cacheDir) {
        Path folder = cacheDir.toAbsolutePath().resolve(NAME);
        Map<String, String> checksums = checksums();
        if (isWhole(folder, checksums)) {
            return folder;
        }
        Path temporary = AtomicFiles.temporary(folder);
        try {
            Files.createDirectories(temporary);
            for (String file : checksums.keySet()) {
                try (InputStream in = resource(file)) {
                    Files.copy(in, temporary.resolve(file));
                }
            }
            if (!isWhole(temporary, checksums)) {
                throw new LoupeException("The embedded model inside this installation is damaged: install it again.");
            }
            AtomicFiles.publishFolder(temporary, folder);
        } catch (IOException | LoupeException e) {
            delete(temporary);
            if (isWhole(folder, checksums)) { // another process was faster
                return folder;
            }
            throw e instanceof LoupeException sentence ? sentence : AtomicFiles.failure(folder, e);
        }
        return folder;
    }

    /** File names with their SHA-256, in the order of the list. */
    static Map<String, String> checksums() {
        Map<String, String> sums = new LinkedHashMap<>();
        try (InputStream in = resource("checksums.txt")) {
            new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(line -> line.split(" +", 2))
                    .forEach(parts -> sums.put(parts[1], parts[0]));
        } catch (IOException e) {
            throw new LoupeException("The embedded model's list of files cannot be read: install Loupe again.", e);
        }
        return sums;
    }

    private static boolean isWhole(Path folder, Map<String, String> checksums) {
        return checksums.entrySet().stream().allMatch(e -> {
            Path file = folder.resolve(e.getKey());
            return Files.isRegularFile(file) && Checksums.sha256(file).equals(e.getValue());
        });
    }

    private static InputStream resource(String file) throws IOException {
        InputStream in = BuiltinModel.class.getResourceAsStream(RESOURCES + file);
        if (in == null) {
            throw new IOException("no resource " + RESOURCES + file);
        }
        return in;
    }

    private static void delete(Path folder) {
        try {
            AtomicFiles.deleteTree(folder);
        } catch (IOException ignored) {
            // its name says that it is temporary
        }
    }
}
