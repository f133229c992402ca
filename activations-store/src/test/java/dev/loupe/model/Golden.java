package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** Golden values that tests/python/golden_model.py wrote, and the models they belong to. */
final class Golden implements AutoCloseable {
    private final SafetensorsFile file;

    Golden(Path folder, String resource) {
        file = SafetensorsFile.open(unpack(resource, folder.resolve("golden.safetensors")));
    }

    /** A folder with the embedded model. */
    static Path builtin(Path temporary) {
        return LanguageModels.builtin(temporary);
    }

    /** A folder with a tiny random model (and the embedded model's tokenizer, which it never uses). */
    static Path tiny(String name, Path temporary) {
        Path folder = temporary.resolve(name);
        unpack("golden/" + name + "/config.json", folder.resolve("config.json"));
        unpack("golden/" + name + "/model.safetensors", folder.resolve("model.safetensors"));
        unpack("builtin/tokenizer.json", folder.resolve("tokenizer.json"));
        return folder;
    }

    /** The names of all tiny models but the variants: a folder each. */
    static List<String> tinyOnes() throws IOException {
        try (Stream<Path> folders = Files.list(Path.of(
                Objects.requireNonNull(Golden.class.getResource("golden")).toURI()))) {
            return folders.map(f -> f.getFileName().toString())
                    .filter(f -> f.startsWith("tiny-"))
                    .sorted()
                    .toList();
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    static Path unpack(String resource, Path target) {
        try (InputStream in = Golden.class.getResourceAsStream(resource)) {
            Files.createDirectories(target.getParent());
            Files.write(target, in.readAllBytes());
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Names with a prefix. */
    List<String> names(String prefix) {
        return file.tensors().keySet().stream()
                .filter(n -> n.startsWith(prefix))
                .sorted()
                .toList();
    }

    boolean has(String name) {
        return file.has(name);
    }

    float[] floats(String name) {
        return file.floats(name);
    }

    int[] ids(int row) {
        return idsOf("ids." + row);
    }

    int[] idsOf(String tensor) {
        var longs = file.bytes(tensor)
                .asByteBuffer()
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .asLongBuffer();
        int[] ids = new int[longs.remaining()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = (int) longs.get(i);
        }
        return ids;
    }

    /** The first {@code n} rows as one batch. */
    TokenBatch batch(int n) {
        List<int[]> rows = new ArrayList<>();
        for (int r = 0; r < n; r++) {
            rows.add(ids(r));
        }
        return new TokenBatch(rows.toArray(int[][]::new));
    }

    /** The values that the script picked: positions 1, n/2 and n-1 of a row, one after another. */
    static float[] picked(Activation a, int row) {
        int n = a.length(row);
        int width = a.width();
        boolean pattern = a.hook().name().matches(".*hook_(pattern|attn_scores)");
        int heads = pattern ? width / a.positions() : 1;
        int keys = pattern ? n : width;
        float[] values = new float[3 * heads * keys];
        int at = 0;
        for (int p : new int[] {1, n / 2, n - 1}) {
            for (int h = 0; h < heads; h++) {
                for (int k = 0; k < keys; k++) {
                    values[at++] = a.get(row, p, pattern ? h * a.positions() + k : k);
                }
            }
        }
        return values;
    }

    /** max |actual - expected| as a share of max |expected|; NaN anywhere fails, and so does infinity but where expected. */
    static double error(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < actual.length; i++) {
            if (Float.isInfinite(expected[i])) {
                assertThat(actual[i]).isEqualTo(expected[i]);
                continue;
            }
            assertThat(Float.isFinite(actual[i])).as("finite at " + i).isTrue();
            worst = Math.max(worst, Math.abs((double) actual[i] - expected[i]));
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        return largest == 0 ? worst : worst / largest;
    }

    static float[] concat(float[]... parts) {
        int n = Arrays.stream(parts).mapToInt(p -> p.length).sum();
        float[] all = new float[n];
        int at = 0;
        for (float[] p : parts) {
            System.arraycopy(p, 0, all, at, p.length);
            at += p.length;
        }
        return all;
    }

    @Override
    public void close() {
        file.close();
    }
}
