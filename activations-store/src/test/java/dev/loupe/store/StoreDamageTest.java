package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreDamageTest {
    private static final Map<String, StoreSpec.HookSpec> HOOKS = Map.of("h", new StoreSpec.HookSpec(5, Dtype.FLOAT32));

    @TempDir
    Path folder;

    private Path store;
    private List<Path> files;

    @BeforeEach
    void write() throws IOException {
        store = folder.resolve("s");
        TestStores.write(store, TestStores.spec("s", HOOKS), TestStores.random(Cases.Random.of(11), 6, HOOKS));
        try (Stream<Path> all = Files.walk(store)) {
            files = all.filter(Files::isRegularFile).sorted().toList();
        }
    }

    @Test
    void verify_detects_the_change_of_any_byte() {
        assertThat(problem()).isNull();
        Cases.check(400, random -> {
            Path file = files.get(random.nextInt(files.size()));
            long at = random.nextLong(Files.size(file));
            int flip = 1 << random.nextInt(8);
            flip(file, at, flip);
            assertThat(problem())
                    .as("byte %d of %s with bit %d", at, file, flip)
                    .isNotNull()
                    .doesNotContain("Exception");
            flip(file, at, flip);
        });
        assertThat(problem()).isNull();
    }

    @Test
    void a_truncated_file_is_refused_in_one_sentence() {
        Cases.check(100, random -> {
            Path file = files.get(random.nextInt(files.size()));
            byte[] whole = Files.readAllBytes(file);
            Files.write(file, java.util.Arrays.copyOf(whole, random.nextInt(whole.length)));
            assertThatThrownBy(() -> ActivationStore.open(store).close())
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining(file.getFileName().toString())
                    .satisfies(e -> assertThat(e.getMessage().chars().filter(c -> c == '\n'))
                            .isEmpty());
            Files.write(file, whole);
        });
    }

    @Test
    void a_missing_file_is_named() throws IOException {
        Files.delete(store.resolve("h/shard-00000.arrow"));
        assertThatThrownBy(() -> ActivationStore.open(store))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("shard-00000.arrow")
                .hasMessageContaining("missing");
        assertThatThrownBy(() -> ActivationStore.open(folder.resolve("none")))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("loupe capture");
    }

    @Test
    void a_damaged_batch_is_met_at_first_touch() throws IOException {
        Path file = store.resolve("h/shard-00000.arrow");
        // the last eighth of the file is footer; the middle is data
        flip(file, Files.size(file) / 2, 4);
        try (ActivationStore opened = ActivationStore.open(store);
                Arena arena = Arena.ofConfined()) {
            Matrix row = Matrix.allocate(arena, 1, 5);
            assertThatThrownBy(() -> opened.reader("h").read(0, 1, row))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("checksum");
        }
    }

    @Test
    void random_footers_and_metadata_end_in_one_sentence_even_if_their_checksums_were_right() {
        // without the manifest's checksums: the structure alone must protect the reader from wild offsets
        Path file = store.resolve("h/shard-00000.arrow");
        Cases.check(300, random -> {
            byte[] whole = Files.readAllBytes(file);
            byte[] bent = whole.clone();
            for (int i = random.nextInt(1, 6); i > 0; i--) {
                int at = random.nextBoolean() ? random.nextInt(bent.length) : bent.length - 1 - random.nextInt(400);
                bent[at] = (byte) random.nextInt();
            }
            Files.write(file, bent);
            try (Arena arena = Arena.ofConfined()) {
                ArrowFile arrow = ArrowFile.open(file, arena, StoreTables.activation(5, Dtype.FLOAT32));
                for (int b = 0; b < arrow.batches(); b++) { // whatever it says lies inside the file
                    assertThat(arrow.buffer(b, 0, 2).byteSize()).isGreaterThanOrEqualTo(20L * arrow.rows(b));
                }
            } catch (LoupeException e) {
                assertThat(e).hasMessageContaining("damaged");
            }
            Files.write(file, whole);
        });
    }

    @Test
    void a_newer_major_version_is_refused_with_the_version_needed_and_a_newer_minor_is_read() throws IOException {
        Path manifest = store.resolve(StoreManifest.FILE);
        String text = Files.readString(manifest);
        Files.writeString(
                manifest, text.replace("\"format\" : \"" + StoreManifest.FORMAT + "\"", "\"format\" : \"2.3\""));
        assertThatThrownBy(() -> ActivationStore.open(store))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("2.3")
                .hasMessageContaining("format 2");
        Files.writeString(
                manifest, text.replace("\"format\" : \"" + StoreManifest.FORMAT + "\"", "\"format\" : \"1.7\""));
        ActivationStore.open(store).close();
    }

    @Test
    void unknown_fields_survive_a_rewrite() throws IOException {
        Path manifest = store.resolve(StoreManifest.FILE);
        String text = Files.readString(manifest);
        Files.writeString(
                manifest,
                text.replace("\"seed\" : 7", "\"seed\" : 7, \"later\" : {\"a\": [1, 2.5]}")
                        .replace("\"weight_regime\" : \"raw\"", "\"weight_regime\" : \"raw\", \"also\" : true"));
        StoreManifest.read(store).with(Map.of("note", "kept")).write(store);
        assertThat(StoreManifest.read(store)
                        .tree()
                        .path("later")
                        .path("a")
                        .get(1)
                        .asDouble())
                .isEqualTo(2.5);
        assertThat(StoreManifest.read(store).tree().path("model").path("also").asBoolean())
                .isTrue();
        assertThat(StoreManifest.read(store).tree().path("note").asString()).isEqualTo("kept");
        assertThat(problem()).isNull(); // the rewrite has its own checksum
    }

    @Test
    void a_manifest_whose_paths_leave_the_folder_is_refused() throws IOException {
        Path manifest = store.resolve(StoreManifest.FILE);
        String text = Files.readString(manifest);
        for (String path : List.of("../x.arrow", "/etc/passwd", "a/../../x", "C:\\\\x")) {
            Files.writeString(manifest, text.replace("documents.arrow", path));
            assertThatThrownBy(() -> ActivationStore.open(store))
                    .isInstanceOf(LoupeException.class)
                    .hasMessageContaining("no path inside the store");
        }
    }

    /** What is wrong with the store, or null. */
    private String problem() {
        try (ActivationStore opened = ActivationStore.open(store)) {
            List<String> problems = opened.verify(Progress.silent()).problems();
            return problems.isEmpty() ? null : problems.get(0);
        } catch (LoupeException e) {
            return e.getMessage();
        }
    }

    private static void flip(Path file, long at, int mask) throws IOException {
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.seek(at);
            int old = f.read();
            f.seek(at);
            f.write(old ^ mask);
        }
    }
}
