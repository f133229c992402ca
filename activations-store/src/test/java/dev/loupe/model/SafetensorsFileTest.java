package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.fixtures.Cases;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
    @TempDir
    Path folder;

    private Path write(String header, byte[] data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        Path path = folder.resolve("model.safetensors");
        Files.write(path, file.putLong(json.length).put(json).put(data).array());
        return path;
    }

    @Test
    void each_type_of_number_is_read_at_any_alignment() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(1 + 2 * 2 + 2 * 2 + 2 * 4 + 8).order(ByteOrder.LITTLE_ENDIAN);
        data.put((byte) 7); // everything after it is unaligned
        data.putShort((short) 0x3FC0).putShort((short) 0xC049); // bf16 1.5, -3.140625
        data.putShort((short) 0x3E00).putShort((short) 0xFBFF); // f16 1.5, -65504
        data.putFloat(1.25f).putFloat(Float.MIN_VALUE).putDouble(-0.1);
        Path path = write(
                "{\"__metadata__\":{\"format\":\"pt\"},\"flag\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                        + "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[1,5]},"
                        + "\"h\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[5,9]},"
                        + "\"f\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[9,17]},"
                        + "\"d\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[17,25]},"
                        + "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[25,25]}}  ",
                data.array());
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.floats("b")).containsExactly(1.5f, -3.140625f);
            assertThat(file.floats("h")).containsExactly(1.5f, -65504f);
            assertThat(file.floats("f")).containsExactly(1.25f, Float.MIN_VALUE);
            assertThat(file.floats("d")).containsExactly(-0.1f);
            assertThat(file.floats("none")).isEmpty();
            assertThat(file.metadata()).containsEntry("format", "pt");
            assertThat(file.tensor("h").hasShape(2, 1)).isTrue();
            assertThat(file.bytes("b").isReadOnly()).isTrue();
            assertThatThrownBy(() -> file.floats("flag"))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("U8");
            assertThatThrownBy(() -> file.tensor("x")).isInstanceOf(NotFoundException.class);
        }
    }

    @Test
    void every_bfloat16_is_the_upper_half_of_a_float() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bits = arena.allocate(2 * 65536);
            MemorySegment floats = arena.allocate(4 * 65536);
            for (int i = 0; i < 65536; i++) {
                bits.set(
                        java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN),
                        2L * i,
                        (short) i);
            }
            assertThat(FloatConversion.toFloats("BF16", bits, floats)).isTrue();
            for (int i = 0; i < 65536; i++) {
                assertThat(Float.floatToRawIntBits(floats.getAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i))
                                >>> 16)
                        .isEqualTo(i);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}                                   | needs 8 bytes
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}                                   | only 4
            {"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}                                   | unknown type
            {"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}                                  | where a size or offset should be
            {"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}                                 | where a size or offset should be
            {"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}               | larger than any file
            {"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}             | larger than any file
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}                                   | needs 4 bytes
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}                                     | two data offsets
            {"a":{"dtype":"F32","data_offsets":[0,4]}}                                               | lacks a shape
            {"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}} | overlap
            {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}} | hole
            {"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}                                    | describes 3 bytes
            {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} | not valid JSON
            {"a":{"dtype":"U8","shape":[4],                                                          | not valid JSON
            [1,2]                                                                                    | not a JSON object
            """)
    void lying_headers_are_refused_with_the_reason(String header, String reason) throws IOException {
        Path path = write(header, new byte[4]);
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("model.safetensors")
                .hasMessageContaining(reason);
    }

    @Test
    void truncated_files_and_impossible_header_lengths_are_refused() throws IOException {
        Path path = write("{\"a\":{\"dtype\":\"F32\",\"shape\":[64],\"data_offsets\":[0,256]}}", new byte[256]);
        byte[] whole = Files.readAllBytes(path);
        for (int n : new int[] {0, 7, 8, 9, 30, whole.length - 1}) {
            Files.write(path, Arrays.copyOf(whole, n));
            assertThatThrownBy(() -> SafetensorsFile.open(path))
                    .as(n + " bytes")
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("damaged or incomplete");
        }
        for (long length : new long[] {-1, Long.MIN_VALUE, 0, 1, 100_000_001L, Long.MAX_VALUE}) {
            byte[] lying = whole.clone();
            ByteBuffer.wrap(lying).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
            Files.write(path, lying);
            assertThatThrownBy(() -> SafetensorsFile.open(path))
                    .as("header of " + length)
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("claims a header");
        }
        assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("no.safetensors")))
                .isInstanceOf(NotFoundException.class);
    }

    /** Whatever is done to a file: it opens and every tensor can be read, or it is refused with a sentence. */
    @Test
    void damaged_files_never_do_anything_but_fail_in_one_sentence() throws IOException {
        Path path = write(
                "{\"a\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[0,12]},"
                        + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]}}",
                new byte[20]);
        byte[] whole = Files.readAllBytes(path);
        int[] refused = new int[1];
        Cases.check(2000, random -> {
            byte[] bytes = whole.clone();
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                int at = random.nextInt(bytes.length);
                switch (random.nextInt(4)) {
                    case 0 -> bytes[at] = (byte) random.nextInt(256);
                    case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                    case 2 -> bytes[at] = (byte) "09-\"}".charAt(random.nextInt(5));
                    default -> bytes = Arrays.copyOf(bytes, at + 1);
                }
            }
            Files.write(path, bytes);
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                for (TensorEntry tensor : file.tensors().values()) {
                    assertThat(file.bytes(tensor.name()).byteSize()).isEqualTo(tensor.end() - tensor.begin());
                    if (tensor.dtype().equals("BF16") || tensor.dtype().equals("F32")) {
                        assertThat(file.floats(tensor.name())).hasSize((int) tensor.elements());
                    }
                }
            } catch (LoupeException e) {
                refused[0]++;
                assertThat(e).hasMessageContaining("model.safetensors");
            }
        });
        if (System.getProperty("seed", "").isEmpty()) {
            assertThat(refused[0]).isBetween(500, 1999);
        }
    }
}
