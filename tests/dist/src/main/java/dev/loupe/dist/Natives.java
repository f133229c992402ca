package dev.loupe.dist;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * PyTorch's library for one kind of machine. A release holds none of them: the launcher gets the one it needs, by its
 * name in Maven's central repository and its checksum.
 *
 * @param machine system and processor, as the launcher names them
 * @param path the jar in the repository
 * @param sha256 its checksum, in hexadecimal
 * @param bytes its length
 */
record Natives(String machine, String path, String sha256, long bytes) {
    /** The pinned list, as it lies in a release. */
    static String text() {
        try (InputStream in = Natives.class.getResourceAsStream("natives")) {
            if (in == null) {
                throw new LoupeException("The list of native libraries is missing from this build.");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new LoupeException("The list of native libraries cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** The pinned list. */
    static List<Natives> all() {
        List<Natives> all = new ArrayList<>();
        for (String line : text().lines().toList()) {
            String[] words = line.split(" ");
            all.add(new Natives(words[0], words[1], words[2], Long.parseLong(words[3])));
        }
        return List.copyOf(all);
    }

    /** The file's own name. */
    String file() {
        return path.substring(path.lastIndexOf('/') + 1);
    }
}
