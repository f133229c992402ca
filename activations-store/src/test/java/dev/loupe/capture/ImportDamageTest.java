package dev.loupe.capture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Mutation;
import dev.loupe.math.Matrix;
import dev.loupe.model.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged matrices of other programs: read, or refused in a sentence that names the file. */
class ImportDamageTest {
    private static final int ROWS = 40;
    private static final int WIDTH = 6;

    @TempDir
    Path folder;

    private static byte[] npy(String type, String shape, ByteBuffer data) {
        String header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }\n";
        ByteBuffer all = ByteBuffer.allocate(10 + header.length() + data.capacity())
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0})
                .putShort((short) header.length())
                .put(header.getBytes(StandardCharsets.US_ASCII));
        return all.put(data.clear()).array();
    }

    private void damage(Path file, byte[] whole, Supplier<MatrixSource> open) throws IOException {
        Files.write(file, whole);
        assertThat(read(open.get())).isEqualTo(ROWS);
        List<LoupeException> refused = new ArrayList<>();
        Cases.checkSame(400, random -> {
            Files.write(file, Mutation.bytes(whole, random));
            try {
                read(open.get());
            } catch (LoupeException e) {
                assertThat(e.getMessage())
                        .contains(String.valueOf(file.getFileName()))
                        .endsWith(".")
                        .hasSizeLessThan(2000);
                refused.add(e);
            }
        });
        assertThat(refused).hasSizeBetween(40, 399);
        Files.write(file, whole);
    }

    private static int read(MatrixSource source) {
        int rows = 0;
        try (source) {
            for (ImportSource.Item item; (item = source.next()) != null; ) {
                int count = item.tokens().length;
                try (Arena arena = Arena.ofConfined()) {
                    item.rows().into(Matrix.allocate(arena, count, source.width()), 0);
                }
                rows += count;
            }
        }
        return rows;
    }

    @Test
    void npy_with_token_ids_beside_it() throws IOException {
        ByteBuffer values = ByteBuffer.allocate(4 * ROWS * WIDTH).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer ids = ByteBuffer.allocate(8 * ROWS).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < ROWS * WIDTH; i++) {
            values.putFloat(i);
        }
        for (int i = 0; i < ROWS; i++) {
            ids.putLong(3L * i);
        }
        Path file = folder.resolve("rows.npy");
        Path tokens = folder.resolve("ids.npy");
        Files.write(tokens, npy("<i8", ROWS + ",", ids));
        damage(file, npy("<f4", ROWS + ", " + WIDTH, values), () -> MatrixSource.npy(file, tokens));
    }

    @Test
    void safetensors() throws IOException {
        Path file = folder.resolve("rows.safetensors");
        new SafetensorsWriter()
                .add("rows", new float[ROWS * WIDTH], ROWS, WIDTH)
                .write(file);
        damage(file, Files.readAllBytes(file), () -> MatrixSource.safetensors(file, ""));
    }
}
