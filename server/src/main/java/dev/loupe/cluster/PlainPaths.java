package dev.loupe.cluster;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Names of files as Spark takes them. In its lists a comma ends a file and {@code #} begins the name of a folder, it looks for
 * files that match {@code * ? [ {}, and takes some names for addresses and others not: a file with such a character in its
 * path is given to it under a harmless one: by a hard link, or a copy where there can be none.
 */
final class PlainPaths implements AutoCloseable {
    private static final Pattern PLAIN = Pattern.compile("[\\w/.~+=@-]+");

    private @Nullable Path links;

    /** The file itself, or another name of it that lasts until this is closed. */
    Path of(Path file) {
        Path absolute = file.toAbsolutePath().normalize();
        if (PLAIN.matcher(absolute.toString()).matches()) {
            return absolute;
        }
        try {
            Path folder = links;
            if (folder == null) {
                folder = Files.createTempDirectory("loupe-links");
                links = folder;
            }
            if (!PLAIN.matcher(folder.toString()).matches()) {
                throw new LoupeException("Spark cannot take the path " + absolute
                        + ", which has other characters than letters, digits and / . _ ~ + = @ -, and so has the folder"
                        + " for temporary files: set TMPDIR to one with a plain path, or move the file.");
            }
            String name =
                    String.valueOf(absolute.getFileName()).replaceAll("[^\\w.-]", "_"); // the ending says what it is
            Path link = Files.createTempDirectory(folder, "").resolve(name);
            return linked(link, absolute);
        } catch (IOException e) {
            throw new LoupeException(
                    "Spark cannot take the path " + absolute + ", and no link to it can be made (" + e.getMessage()
                            + "): move the file to a path of letters and digits.",
                    e);
        }
    }

    private static Path linked(Path link, Path file) throws IOException {
        try {
            return Files.createLink(link, file);
        } catch (IOException | UnsupportedOperationException e) { // another disk
            return Files.copy(file, link, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    @Override
    public void close() {
        Path folder = links;
        if (folder != null) {
            try {
                AtomicFiles.deleteTree(folder);
            } catch (IOException e) {
                // links in the folder for temporary files
            }
        }
    }
}
