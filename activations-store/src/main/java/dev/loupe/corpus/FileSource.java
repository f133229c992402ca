package dev.loupe.corpus;

import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** A file of a kind of {@link TextFile}, or a folder of them (in the order of their paths). */
final class FileSource implements DocumentSource {
    private final Path root;
    private final List<Path> files;
    private final String jsonField;

    private FileSource(Path root, List<Path> files, String jsonField) {
        this.root = root;
        this.files = files;
        this.jsonField = jsonField;
    }

    static FileSource of(Path root, String jsonField) {
        if (!Files.isDirectory(root)) {
            if (TextFile.of(root) == null) {
                throw new UsageException("The text " + root + " is none of " + TextFile.NAMES
                        + "; rename it or convert it to one of them.");
            }
            return new FileSource(root, List.of(root), jsonField);
        }
        try (Stream<Path> tree = Files.walk(root)) {
            List<Path> files = tree.filter(file -> TextFile.of(file) != null)
                    .filter(Files::isRegularFile)
                    .sorted((a, b) -> name(root, a).compareTo(name(root, b)))
                    .toList();
            if (files.isEmpty()) {
                throw new UsageException("The folder " + root + " holds no file named " + TextFile.NAMES + ".");
            }
            return new FileSource(root, files, jsonField);
        } catch (IOException e) {
            throw new LoupeException("The folder " + root + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    @Override
    public String spec() {
        return root.toString();
    }

    @Override
    public String describe() {
        return files.size() == 1 ? "the file " + files.get(0) : files.size() + " files in " + root;
    }

    @Override
    public String fingerprint() {
        MessageDigest digest = Checksums.sha256();
        for (Path file : files) {
            String part = name(root, file) + "\n" + (TextFile.of(file) == TextFile.TEXT ? "" : jsonField) + "\n"
                    + Checksums.sha256(file) + "\n";
            digest.update(part.getBytes(StandardCharsets.UTF_8));
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    @Override
    public Stream<Document> open() {
        return files.stream()
                .flatMap(
                        file -> Objects.requireNonNull(TextFile.of(file)).documents(file, name(root, file), jsonField));
    }

    /** The path inside the folder, with forward slashes on every platform; the file's own name for a single file. */
    private static String name(Path root, Path file) {
        Path relative = root.equals(file) ? file.getFileName() : root.relativize(file);
        return String.valueOf(relative).replace('\\', '/');
    }
}
