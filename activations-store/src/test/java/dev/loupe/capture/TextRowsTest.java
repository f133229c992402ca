package dev.loupe.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows straight from a text against a store of the same text. */
class TextRowsTest {
    private static final List<String> HOOKS = List.of("blocks.1.hook_resid_post", "blocks.0.hook_resid_post");
    private static final int SHARD = 300;

    @TempDir
    Path folder;

    private CaptureRequest request(String name) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 200; i++) {
            lines.append("Line " + i + " says " + "so ".repeat(i % 30) + i * 7 + ".\n");
        }
        Path text = Files.writeString(folder.resolve("text.txt"), lines);
        return CaptureRequest.of(name, folder, "toy", text.toString(), HOOKS, 3000)
                .withContext(40)
                .withHeldOut("0.1");
    }

    @Test
    void every_row_and_token_is_that_of_a_capture_whatever_the_order_of_reading() throws IOException {
        CaptureJob.run(request("store"), new ToyModel(), Progress.silent(), SHARD);
        try (ActivationStore store = ActivationStore.open(folder.resolve("store"));
                TextRows text = TextRows.open(request("text"), new ToyModel(), Progress.silent(), SHARD);
                Arena arena = Arena.ofConfined()) {
            int n = (int) store.rows();
            int width = store.width(String.join(",", HOOKS));
            assertThat(store.manifest().content().shards()).hasSizeGreaterThan(3);
            assertThat(text.rows()).isEqualTo(n);
            assertThat(text.width()).isEqualTo(width);
            Matrix stored = Matrix.allocate(arena, n, width);
            store.reader(String.join(",", HOOKS)).read(0, n, stored);
            Matrix live = Matrix.allocate(arena, n, width);
            for (int at = 0; at < n; at += 777) { // across the ends of shards
                text.read(at, Math.min(777, n - at), live.rows(at, Math.min(n, at + 777)));
            }
            for (int r = 0; r < n; r++) {
                assertThat(live.row(r)).as("row %d", r).isEqualTo(stored.row(r));
            }
            long[] some = {n - 1, 0, 512, 511, 3, 3};
            text.gather(some, 1, 5, live);
            for (int i = 0; i < 5; i++) {
                assertThat(live.row(i)).isEqualTo(stored.row((int) some[i + 1]));
            }
            ActivationStore tokens = text.tokens();
            assertThat(tokens.hooks()).isEmpty();
            assertThat(tokens.heldOutRows()).isEqualTo(store.heldOutRows()).isPositive();
            assertThat(tokens.trainRows()).isEqualTo(store.trainRows());
            assertThat(tokens.verify(Progress.silent()).ok()).isTrue();
            for (int r = 0; r < n; r++) {
                assertThat(tokens.tokens().tokenId(r)).isEqualTo(store.tokens().tokenId(r));
                assertThat(tokens.tokens().document(r)).isEqualTo(store.tokens().document(r));
            }
        }
    }

    @Test
    void the_tokens_are_found_again_and_values_are_not_changed() throws IOException {
        TextRows.open(request("text"), new ToyModel(), Progress.silent(), SHARD).close();
        TextRows.open(request("text"), new ToyModel(), Progress.silent(), SHARD).close();
        CaptureRequest clipped = request("clipped").withRules(new CaptureRules(null, 0, null, 1.0));
        assertThatThrownBy(() -> TextRows.open(clipped, new ToyModel(), Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("capture a store");
    }
}
