package dev.loupe.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Unpacked;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Archives of a few hundred kilobytes that unpack to gigabytes. */
class ArchiveAttackTest {
    @TempDir
    Path folder;

    private static void zeros(OutputStream out, long bytes) throws IOException {
        byte[] some = new byte[1 << 20];
        for (long left = bytes; left > 0; left -= some.length) {
            out.write(some, 0, (int) Math.min(left, some.length));
        }
    }

    @Test
    void anNpzArchiveThatUnpacksToGigabytesIsRefusedBeforeItFillsMemory() throws IOException {
        Path file = folder.resolve("bomb.npz");
        int elements = 1 << 26; // 256 MiB of zeros: a quarter of a megabyte packed
        String header =
                "{'descr': '<f4', 'fortran_order': False, 'shape': (" + elements + ",), }" + " ".repeat(20) + "\n";
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.putNextEntry(new ZipEntry("W_enc.npy"));
            zip.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) header.length(), 0});
            zip.write(header.getBytes(StandardCharsets.ISO_8859_1));
            zeros(zip, 4L * elements);
        }
        assertThat(Files.size(file)).isLessThan(1_000_000);
        assertThatThrownBy(() -> NpzFile.read(file))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("bomb.npz")
                .hasMessageContaining("unpacks to more than");
    }

    @Test
    void gzipInGzipIsCountedAsItIsUnpacked() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(bytes)) {
            zeros(gz, 200L << 20);
        }
        try (InputStream in =
                new Unpacked(bytes.size()).count(new GZIPInputStream(new ByteArrayInputStream(bytes.toByteArray())))) {
            assertThatThrownBy(in::readAllBytes)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("unpacks to more");
        }
        try (InputStream in =
                new Unpacked(bytes.size()).count(new GZIPInputStream(new ByteArrayInputStream(bytes.toByteArray())))) {
            assertThatThrownBy(() -> in.skipNBytes(200L << 20)).hasMessageContaining("unpacks to more");
        }
    }

    @Test
    void whatShrinksAsWeightsAndTextsDoIsRead() throws IOException {
        Unpacked usual = new Unpacked(1 << 20);
        byte[] text = "The debate is closed. ".repeat(100_000).getBytes(StandardCharsets.UTF_8);
        try (InputStream in = usual.count(new ByteArrayInputStream(text))) {
            assertThat(in.readAllBytes()).hasSize(text.length);
        }
    }
}
