package dev.loupe.capture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Mutation;
import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Dtype;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A dataset that SAELens itself cached ({@code tests/python/golden_saelens_cache.py}), a shuffled index beside it. */
class SaeLensCacheTest {
    private static final List<String> FILES = List.of(
            "data-00000-of-00002.arrow",
            "data-00001-of-00002.arrow",
            "cache-0b29570e16c62eda.arrow", // no data: the order that datasets shuffled by before it wrote the others
            "dataset_info.json",
            "state.json");

    @TempDir
    Path folder;

    @Test
    void every_row_of_a_dataset_of_saelens_is_imported_under_its_token() throws IOException {
        Path cache = cache();
        List<String> expected = new ArrayList<>();
        try (InputStream in = resource("expected.json")) {
            for (JsonNode sequence : Json.MAPPER.readTree(in)) {
                for (int p = 0; p < sequence.path("tokens").size(); p++) {
                    StringBuilder row =
                            new StringBuilder(sequence.path("tokens").get(p).asString());
                    for (JsonNode value : sequence.path("values").get(p)) {
                        row.append(' ').append((float) value.asDouble());
                    }
                    expected.add(row.toString());
                }
            }
        }
        StoreImport.run(
                new StoreImport.Request(cache, "imported", "", "", null, "", Dtype.FLOAT32, 0.1),
                folder.resolve("stores"),
                Progress.silent());
        List<String> found = new ArrayList<>();
        try (ActivationStore store =
                        ActivationStore.open(folder.resolve("stores").resolve("imported"));
                Arena arena = Arena.ofConfined()) {
            assertThat(store.hooks()).containsExactly("blocks.0.hook_resid_post");
            assertThat(store.sequenceTokens(0)).hasSize(6);
            Matrix rows = Matrix.allocate(arena, store.rows(), 4);
            store.reader("blocks.0.hook_resid_post").read(0, (int) store.rows(), rows);
            for (int r = 0; r < store.rows(); r++) {
                StringBuilder row =
                        new StringBuilder(Integer.toString(store.tokens().tokenId(r)));
                for (float value : rows.row(r)) {
                    row.append(' ').append(value);
                }
                found.add(row.toString());
            }
        }
        assertThat(expected).hasSize(240);
        assertThat(found).containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void a_damaged_dataset_is_read_or_refused_and_gives_its_memory_back() throws IOException {
        Path cache = cache();
        Path file = cache.resolve(FILES.get(1));
        byte[] whole = Files.readAllBytes(file);
        List<LoupeException> refused = new ArrayList<>();
        Cases.checkSame(400, random -> {
            int length = random.index() < 60 ? whole.length * random.index() / 60 : whole.length;
            Files.write(file, length < whole.length ? Arrays.copyOf(whole, length) : Mutation.bytes(whole, random));
            try (SaeLensSource source = SaeLensSource.open(cache, "")) {
                for (ImportSource.Item item; (item = source.next()) != null; ) {
                    try (Arena arena = Arena.ofConfined()) {
                        int rows = item.tokens().length;
                        item.rows().into(Matrix.allocate(arena, rows, source.width()), 0);
                    }
                }
            } catch (LoupeException e) {
                assertThat(e).hasMessageContaining(String.valueOf(file.getFileName()));
                for (Throwable t = e; t != null; t = t.getCause()) {
                    assertThat(t).hasNoSuppressedExceptions();
                }
                refused.add(e);
            }
        });
        assertThat(refused).hasSizeGreaterThan(100);
    }

    private Path cache() throws IOException {
        Path cache = Files.createDirectories(folder.resolve("cache"));
        for (String file : FILES) {
            try (InputStream in = resource(file)) {
                Files.copy(in, cache.resolve(file));
            }
        }
        return cache;
    }

    private static InputStream resource(String file) {
        InputStream in = SaeLensCacheTest.class.getResourceAsStream("saelens-cache/" + file);
        assertThat(in).as(file).isNotNull();
        return in;
    }
}
