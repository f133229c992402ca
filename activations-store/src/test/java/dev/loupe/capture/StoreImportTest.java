package dev.loupe.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Corpora;
import dev.loupe.corpus.Document;
import dev.loupe.fixtures.Python;
import dev.loupe.math.Matrix;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Dtype;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreImportTest {
    private static final String HOOK = "blocks.3.hook_resid_post";

    /** Writes value(r, i) = r + i / 8 in every form; exact in float16 and float32. */
    private static final String WRITE = """
            import sys
            import datasets, numpy as np, pyarrow as pa, pyarrow.parquet as pq
            from safetensors.numpy import save_file
            out = sys.argv[1]
            T, d, n = 6, 5, 40
            values = (np.arange(n * T)[:, None] + np.arange(d)[None, :] / 8).astype(np.float32)
            tokens = (np.arange(n * T) * 7 % 50).astype(np.int64)
            np.save(f"{out}/two.npy", values)
            np.save(f"{out}/three.npy", values.astype(np.float64).reshape(n, T, d))
            np.save(f"{out}/half.npy", values.astype(np.float16))
            np.save(f"{out}/fortran.npy", np.asfortranarray(values))
            np.save(f"{out}/ids.npy", tokens)
            save_file({"acts": values.reshape(n, T, d), "tokens": tokens.reshape(n, T)}, f"{out}/acts.safetensors")
            hook = "blocks.3.hook_resid_post"
            # as SAELens' cache_activations_runner makes it
            features = datasets.Features({hook: datasets.Array2D(shape=(T, d), dtype="float32"),
                                          "token_ids": datasets.Sequence(datasets.Value("int32"), length=T)})
            ds = datasets.Dataset.from_dict({hook: values.reshape(n, T, d), "token_ids": tokens.reshape(n, T).astype(np.int32)},
                                            features=features)
            ds.save_to_disk(f"{out}/saelens", num_shards=3)
            # a pretokenised dataset, and texts in Parquet
            datasets.Dataset.from_dict({"tokens": tokens.reshape(n, T)}).save_to_disk(f"{out}/pretokenised")
            pq.write_table(pa.table({"story": [f"text {i}" for i in range(100)], "n": list(range(100))}),
                           f"{out}/texts.parquet", compression="snappy", row_group_size=30)
            pq.write_table(pa.table({"text": [f"other {i}" for i in range(10)]}), f"{out}/zstd.parquet", compression="zstd")
            pq.write_table(pa.table({"input_ids": tokens.reshape(n, T).tolist()}), f"{out}/ids.parquet")
            chats = {"messages": [[{"role": "user", "content": f"question {i}"},
                                   {"role": "assistant", "content": f"answer {i}"}] for i in range(20)]}
            pq.write_table(pa.table(chats), f"{out}/chats.parquet")
            datasets.Dataset.from_dict(chats).save_to_disk(f"{out}/chats")
            pq.write_table(pa.table({"conversations": [[{"from": "human", "value": "hello"}, {"from": "gpt", "value": None}]]}),
                           f"{out}/broken.parquet")
            """;

    @TempDir
    Path folder;

    @Test
    void matrices_and_saelens_caches_become_stores_with_equal_values() throws IOException {
        Path python = Python.require("That activations of other programs are imported goes untested.");
        Python.run(python, WRITE, folder);
        check("two.npy", "", null, 256, false);
        check("three.npy", "", folder.resolve("ids.npy"), 6, true);
        check("half.npy", "", null, 256, false);
        check("acts.safetensors", "", null, 6, true);
        check("saelens", "", null, 6, true);
        assertThatThrownBy(() -> check("fortran.npy", "", null, 256, false))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("Fortran order");
        assertThatThrownBy(() -> check("two.npy", "", folder.resolve("two.npy"), 256, false))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("token ids");
        assertThatThrownBy(() -> run("two.npy", "no-hook", "", null))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--hook");
        byte[] whole = Files.readAllBytes(folder.resolve("two.npy"));
        Files.write(folder.resolve("cut.npy"), java.util.Arrays.copyOf(whole, whole.length / 2));
        assertThatThrownBy(() -> run("cut.npy", "cut", HOOK, null))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("cut off");
        assertThat(folder.resolve("stores/cut")).doesNotExist();
        textsAndTokens();
    }

    private void run(String file, String name, String hook, Path tokens) {
        StoreImport.run(
                new StoreImport.Request(folder.resolve(file), name, hook, "", tokens, "", Dtype.FLOAT32, 0.1),
                folder.resolve("stores"),
                Progress.silent());
    }

    private void check(String file, String tensor, Path tokens, int sequence, boolean known) {
        String name = file.replace('.', '-');
        run(file, name, file.equals("saelens") ? "" : HOOK, tokens);
        try (ActivationStore store =
                        ActivationStore.open(folder.resolve("stores").resolve(name));
                Arena arena = Arena.ofConfined()) {
            assertThat(store.verify(Progress.silent()).problems()).isEmpty();
            assertThat(store.hooks()).containsExactly(HOOK);
            assertThat(store.rows()).isEqualTo(240);
            assertThat(store.sequenceTokens(0)).hasSize(Math.min(sequence, 240));
            Matrix rows = Matrix.allocate(arena, 240, 5);
            store.reader(HOOK).read(0, 240, rows);
            for (int r = 0; r < 240; r++) {
                for (int i = 0; i < 5; i++) {
                    assertThat(rows.get(r, i)).isEqualTo(r + i / 8f);
                }
                assertThat(store.tokens().tokenId(r)).isEqualTo(known ? r * 7 % 50 : ImportSource.NO_TOKEN);
            }
            if (sequence == 6) {
                assertThat(store.heldOutRows()).isPositive().isLessThan(120);
            }
        }
    }

    private void textsAndTokens() {
        try (Stream<Document> all =
                Corpora.of(folder.resolve("texts.parquet").toString(), "story").open()) {
            List<Document> documents = all.toList();
            assertThat(documents).hasSize(100);
            assertThat(documents.get(70).text()).isEqualTo("text 70");
        }
        try (Stream<Document> all =
                Corpora.of(folder.resolve("zstd.parquet").toString(), "").open()) {
            assertThat(all.map(Document::text)).contains("other 9").hasSize(10);
        }
        assertThatThrownBy(() -> {
                    try (Stream<Document> all = Corpora.of(
                                    folder.resolve("texts.parquet").toString(), "")
                            .open()) {
                        all.toList();
                    }
                })
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("[story, n]");
        for (String name : List.of("chats.parquet", "chats")) {
            try (Stream<Document> all =
                    Corpora.of(folder.resolve(name).toString(), "").open()) {
                List<Document> documents = all.toList();
                assertThat(documents).hasSize(20);
                assertThat(documents.get(7).content())
                        .isEqualTo(new Document.Content.Chat(List.of(
                                new Document.Content.Message("user", "question 7"),
                                new Document.Content.Message("assistant", "answer 7"))));
            }
        }
        assertThatThrownBy(() -> {
                    try (Stream<Document> all = Corpora.of(
                                    folder.resolve("broken.parquet").toString(), "")
                            .open()) {
                        all.toList();
                    }
                })
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("without role or text");
        for (String name : List.of("pretokenised", "ids.parquet")) {
            try (Stream<Document> all =
                    Corpora.of(folder.resolve(name).toString(), "").open()) {
                List<Document> documents = all.toList();
                assertThat(documents).hasSize(40);
                assertThat(documents.get(3).content())
                        .isInstanceOfSatisfying(
                                Document.Content.Ids.class,
                                ids -> assertThat(ids.tokens())
                                        .containsExactly(126 % 50, 133 % 50, 140 % 50, 147 % 50, 154 % 50, 161 % 50));
            }
        }
    }
}
