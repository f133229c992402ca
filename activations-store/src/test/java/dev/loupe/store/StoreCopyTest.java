package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Floats;
import dev.loupe.math.Matrix;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreCopyTest {
    private static final Map<String, StoreSpec.HookSpec> HOOKS = hooks();

    @TempDir
    Path folder;

    private static Map<String, StoreSpec.HookSpec> hooks() {
        Map<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
        hooks.put("a", new StoreSpec.HookSpec(5, Dtype.FLOAT32));
        hooks.put("b", new StoreSpec.HookSpec(9, Dtype.FLOAT16));
        return hooks;
    }

    private Path store(String name, long seed) {
        Path store = folder.resolve(name);
        TestStores.write(store, TestStores.spec(name, HOOKS), TestStores.random(Cases.Random.of(seed), 30, HOOKS));
        return store;
    }

    /** Everything a store says about each row, in order: values, token, place, text of the document. */
    private static List<String> rows(Path path) {
        List<String> rows = new ArrayList<>();
        try (ActivationStore store = ActivationStore.open(path);
                Arena arena = Arena.ofConfined()) {
            assertThat(store.verify(Progress.silent()).problems()).isEmpty();
            Map<String, Matrix> values = new LinkedHashMap<>();
            for (String hook : store.hooks()) {
                Matrix all = Matrix.allocate(arena, store.rows(), store.width(hook));
                store.reader(hook).read(0, (int) store.rows(), all);
                values.put(hook, all);
            }
            for (int r = 0; r < store.rows(); r++) {
                int document = store.tokens().document(r);
                StringBuilder row = new StringBuilder();
                for (Matrix all : values.values()) {
                    row.append(java.util.Arrays.toString(all.row(r)));
                }
                row.append(store.tokens().tokenId(r))
                        .append(' ')
                        .append(store.tokens().position(r))
                        .append(' ')
                        .append(store.tokens().label(r))
                        .append(' ')
                        .append(store.documents().name(document))
                        .append(store.documents().heldOut(document))
                        .append(java.util.Arrays.toString(
                                store.sequenceTokens(store.tokens().sequence(r))));
                rows.add(row.toString());
            }
        }
        return rows;
    }

    @Test
    void merged_stores_hold_the_rows_of_all_in_order_and_a_split_gives_them_back() {
        Path a = store("first", 1);
        Path b = store("second", 2);
        Path both = folder.resolve("both");
        StoreCopy.merge(List.of(a, b), both, Progress.silent());
        List<String> expected = new ArrayList<>(rows(a));
        expected.addAll(rows(b));
        assertThat(rows(both)).isEqualTo(expected);
        StoreManifest.Content ca = StoreManifest.read(a).content();
        StoreManifest.Content cb = StoreManifest.read(b).content();
        StoreManifest.Content c = StoreManifest.read(both).content();
        assertThat(c.trainTokens()).isEqualTo(ca.trainTokens() + cb.trainTokens());
        double norm = (ca.hooks().get("a").meanSquaredNorm() * ca.trainTokens()
                        + cb.hooks().get("a").meanSquaredNorm() * cb.trainTokens())
                / c.trainTokens();
        Floats.assertClose(new double[] {c.hooks().get("a").meanSquaredNorm()}, new double[] {norm}, 1e-12);

        double share = (double) ca.tokens() / c.tokens();
        StoreCopy.split(both, share, folder.resolve("left"), folder.resolve("right"), Progress.silent());
        assertThat(rows(folder.resolve("left"))).isEqualTo(rows(a));
        assertThat(rows(folder.resolve("right"))).isEqualTo(rows(b));
    }

    @Test
    void stores_that_do_not_fit_are_refused_with_the_reason() {
        Path a = store("first", 1);
        Map<String, StoreSpec.HookSpec> other = Map.of("a", new StoreSpec.HookSpec(6, Dtype.FLOAT32));
        Path b = folder.resolve("second");
        TestStores.write(b, TestStores.spec("second", other), TestStores.random(Cases.Random.of(2), 4, other));
        assertThatThrownBy(() -> StoreCopy.merge(List.of(a, b), folder.resolve("both"), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("widths");
        assertThat(folder.resolve("both")).doesNotExist();
    }

    @Test
    void a_damaged_shard_is_found_and_can_be_left_out() throws Exception {
        Path a = store("first", 1);
        int shards = StoreManifest.read(a).content().shards().size();
        assertThat(shards).isGreaterThan(3);
        List<String> before = rows(a);
        long first = StoreManifest.read(a).content().shards().getFirst().rows();
        long second = StoreManifest.read(a).content().shards().get(1).rows();
        assertThat(StoreDamage.find(a, Progress.silent())).isEmpty();
        try (RandomAccessFile file =
                new RandomAccessFile(a.resolve("b/shard-00001.arrow").toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        Files.delete(a.resolve("tokens/shard-00001.arrow"));
        List<StoreDamage> found = StoreDamage.find(a, Progress.silent());
        assertThat(found).extracting(StoreDamage::shard).containsExactly(1, 1);
        assertThat(found).extracting(StoreDamage::key).containsExactly("tokens", "b");
        StoreCopy.without(a, Set.of(1), folder.resolve("rest"), Progress.silent());
        List<String> expected = new ArrayList<>(before.subList(0, (int) first));
        expected.addAll(before.subList((int) (first + second), before.size()));
        assertThat(rows(folder.resolve("rest"))).isEqualTo(expected);
        assertThat(StoreManifest.read(folder.resolve("rest"))
                        .content()
                        .capture()
                        .get("dropped_shards"))
                .isEqualTo(List.of(1));
    }
}
