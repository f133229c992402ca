package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Event files, read back by the rules of the format; the package of PyPI reads them in tests/python/tensorboard_events.py. */
class TensorBoardTest {
    @TempDir
    Path dir;

    @Test
    void scalarsComeBackBySeriesWithSoundChecksums() throws IOException {
        try (TensorBoard board = new TensorBoard(dir)) {
            board.metric("s0/loss", 0, 1.5);
            board.metric("s0/loss", 300, 0.25);
            board.metric("s1/fvu", 1, Double.NaN);
            board.metric("l0", 2, 24);
        }
        List<byte[]> records = records(dir.resolve("s0"));
        assertThat(records).hasSize(3);
        assertThat(new String(records.getFirst(), StandardCharsets.UTF_8)).contains("brain.Event:2");
        byte[] last = records.get(2);
        // field 2 (step) follows nine bytes of wall time: 300 is the varint AC 02
        assertThat(last[9]).isEqualTo((byte) 0x10);
        assertThat(last[10]).isEqualTo((byte) 0xac);
        assertThat(last[11]).isEqualTo((byte) 0x02);
        assertThat(new String(last, StandardCharsets.UTF_8)).contains("loss");
        ByteBuffer end = ByteBuffer.wrap(last, last.length - 4, 4).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(end.getFloat()).isEqualTo(0.25f);
        assertThat(records(dir.resolve("s1"))).hasSize(2);
        assertThat(records(dir.resolve("train"))).hasSize(2);
    }

    /** The records of a folder's one file, each checksum compared. */
    private static List<byte[]> records(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            ByteBuffer file = ByteBuffer.wrap(
                            Files.readAllBytes(files.findFirst().orElseThrow()))
                    .order(ByteOrder.LITTLE_ENDIAN);
            List<byte[]> records = new ArrayList<>();
            while (file.hasRemaining()) {
                byte[] length = new byte[8];
                file.get(length);
                assertThat(file.getInt()).isEqualTo(masked(length));
                byte[] data = new byte
                        [(int) ByteBuffer.wrap(length)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .getLong()];
                file.get(data);
                assertThat(file.getInt()).isEqualTo(masked(data));
                records.add(data);
            }
            return records;
        }
    }

    private static int masked(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        int c = (int) crc.getValue();
        return ((c >>> 15) | (c << 17)) + 0xa282ead8;
    }
}
