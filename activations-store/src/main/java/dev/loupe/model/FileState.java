package dev.loupe.model;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;

/**
 * What a mapped file was like when it was opened. A file that is replaced by renaming another one onto its name goes on
 * living below the mapping; one that is written to in place changes under it.
 */
record FileState(Path path, Object key, long size, FileTime modified) {
    static FileState of(Path path) throws IOException {
        BasicFileAttributes a = Files.readAttributes(path, BasicFileAttributes.class);
        return new FileState(path, String.valueOf(a.fileKey()), a.size(), a.lastModifiedTime());
    }

    /** Fails if the same file has another size or time of change. */
    void check() {
        FileState now;
        try {
            now = of(path);
        } catch (IOException e) {
            return; // deleted or out of reach: the mapping keeps what was there
        }
        if (now.key.equals(key) && (now.size != size || !now.modified.equals(modified))) {
            throw new LoupeException(
                    "The weights file " + path + " was written to while the model was open: open the model again.");
        }
    }
}
