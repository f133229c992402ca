package dev.loupe.engine.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;

/**
 * Compiled kernels on disk, by what they were made of: source, architecture and compiler. A file that cannot be read or
 * written only costs the seconds of compiling again.
 */
final class CubinCache {
    private final Path folder;

    CubinCache(Path folder) {
        this.folder = folder;
    }

    /** The user's: {@code $XDG_CACHE_HOME/loupe/kernels}, or the same under {@code ~/.cache}. */
    static CubinCache ofUser(Map<String, String> environment) {
        String base = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path cache = base.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(base);
        return new CubinCache(cache.resolve("loupe").resolve("kernels"));
    }

    /** The machine code of a source, compiled unless it is there. */
    byte[] get(KernelSource source, String architecture, Nvrtc compiler) {
        Path file = folder.resolve(source.file().replace(".cu", "") + "-" + architecture + "-"
                + key(source.text(), architecture, compiler.version()) + ".bin");
        try {
            if (Files.exists(file)) {
                byte[] whole = Files.readAllBytes(file);
                if (whole.length > HASH && sealed(whole)) {
                    return java.util.Arrays.copyOfRange(whole, HASH, whole.length);
                }
            }
        } catch (IOException e) {
            return compiler.compile(source.file(), source.text(), architecture).image();
        }
        byte[] image =
                compiler.compile(source.file(), source.text(), architecture).image();
        keep(file, image);
        return image;
    }

    private static final int HASH = 32;

    private static boolean sealed(byte[] whole) {
        MessageDigest sha = sha();
        sha.update(whole, HASH, whole.length - HASH);
        return java.util.Arrays.equals(sha.digest(), 0, HASH, whole, 0, HASH);
    }

    private void keep(Path file, byte[] image) {
        try {
            Files.createDirectories(folder);
            Path temporary = Files.createTempFile(folder, "kernels", ".tmp");
            byte[] whole = new byte[HASH + image.length];
            System.arraycopy(sha().digest(image), 0, whole, 0, HASH);
            System.arraycopy(image, 0, whole, HASH, image.length);
            Files.write(temporary, whole);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            return; // compiled again next time
        }
    }

    private static String key(String text, String architecture, String version) {
        byte[] all = (version + "\n" + architecture + "\n" + text).getBytes(StandardCharsets.UTF_8);
        return HexFormat.of().formatHex(sha().digest(all), 0, 12);
    }

    private static MessageDigest sha() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
