package dev.loupe.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskFullTest {
    private static final Map<String, StoreSpec.HookSpec> HOOKS = Map.of("h", new StoreSpec.HookSpec(7, Dtype.BF16));

    @TempDir
    Path folder;

    @Test
    void a_disk_that_fills_up_anywhere_gives_one_sentence_and_loses_no_finished_shard() {
        Cases.check(15, random -> {
            String name = "s" + random.index();
            Path store = folder.resolve(name);
            StoreSpec spec = TestStores.spec(name, HOOKS);
            TestStores.Expected e = TestStores.random(random, 6, HOOKS);
            AtomicLong room = new AtomicLong(random.nextInt(1, 12_000));
            boolean failed = false;
            try (StoreWriter writer =
                    StoreWriter.create(store, spec, file -> new Filling(ArrowOutput.Disk.REAL.open(file), room))) {
                TestStores.write(writer, spec, e, Integer.MAX_VALUE);
            } catch (LoupeException full) {
                failed = true;
                assertThat(full)
                        .hasMessageStartingWith("The disk is full: ")
                        .hasMessageContaining("finished parts are kept");
                assertThat(store).doesNotExist();
                try (Stream<Path> left = Files.walk(folder.resolve("." + name + ".partial"))) {
                    assertThat(left.filter(f -> f.toString().contains(".tmp-"))).isEmpty();
                }
                try (StoreWriter writer = StoreWriter.create(store, spec)) {
                    TestStores.write(writer, spec, e, Integer.MAX_VALUE);
                }
            }
            if (random.index() == 0) {
                assertThat(failed || room.get() > 0).isTrue();
            }
            TestStores.write(folder.resolve("whole-" + name), TestStores.spec("whole-" + name, HOOKS), e);
            try (ActivationStore one = ActivationStore.open(store);
                    ActivationStore other = ActivationStore.open(folder.resolve("whole-" + name))) {
                assertThat(one.fingerprint()).isEqualTo(other.fingerprint());
                assertThat(one.verify(Progress.silent()).problems()).isEmpty();
            }
        });
    }

    @Test
    void shards_that_were_damaged_after_they_were_written_are_written_again() throws IOException {
        StoreSpec spec = TestStores.spec("s", HOOKS);
        TestStores.Expected e = TestStores.random(Cases.Random.of(3), 30, HOOKS);
        assertThat(e.shardEnds.size()).isGreaterThan(3);
        try (StoreWriter writer = StoreWriter.create(folder.resolve("s"), spec)) {
            TestStores.write(writer, spec, e, 3);
        }
        Path second = folder.resolve(".s.partial/h/shard-00001.arrow");
        byte[] bytes = Files.readAllBytes(second);
        bytes[bytes.length / 2] ^= 1;
        Files.write(second, bytes);
        try (StoreWriter writer = StoreWriter.create(folder.resolve("s"), spec)) {
            assertThat(writer.shardsKept()).isEqualTo(2);
            TestStores.write(writer, spec, e, Integer.MAX_VALUE);
        }
        try (ActivationStore store = ActivationStore.open(folder.resolve("s"))) {
            assertThat(store.verify(Progress.silent()).problems()).isEmpty();
            assertThat(store.rows()).isEqualTo(e.rows.size());
        }
    }

    @Test
    void a_half_written_store_of_other_settings_is_begun_anew() {
        TestStores.Expected e = TestStores.random(Cases.Random.of(3), 30, HOOKS);
        StoreSpec spec = TestStores.spec("s", HOOKS);
        try (StoreWriter writer = StoreWriter.create(folder.resolve("s"), spec)) {
            TestStores.write(writer, spec, e, 2);
        }
        StoreSpec other = TestStores.spec("s", Map.of("h", new StoreSpec.HookSpec(7, Dtype.FLOAT32)));
        try (StoreWriter writer = StoreWriter.create(folder.resolve("s"), other)) {
            assertThat(writer.shardsKept()).isZero();
        }
    }

    @Test
    void activations_that_no_file_can_hold_are_refused() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, 70_000f}) {
            StoreSpec spec = TestStores.spec("s", Map.of("h", new StoreSpec.HookSpec(2, Dtype.FLOAT16)));
            try (StoreWriter writer = StoreWriter.create(folder.resolve("s"), spec);
                    ShardBuffer buffer = writer.buffer(4)) {
                buffer.add(writer.addDocument("d", "en", 1, false), new int[] {0, 5, 6});
                buffer.activations("h").set(1, 1, bad);
                assertThatThrownBy(() -> writer.write(buffer))
                        .isInstanceOf(LoupeException.class)
                        .hasMessageContaining("activations at h")
                        .hasMessageContaining(bad == 70_000f ? "bf16" : "finite");
                assertThatThrownBy(writer::finish)
                        .isInstanceOf(LoupeException.class)
                        .hasMessageContaining("empty");
            }
        }
    }

    /** A channel of a disk that has only so much room. */
    private record Filling(WritableByteChannel channel, AtomicLong room) implements WritableByteChannel {
        @Override
        public int write(ByteBuffer src) throws IOException {
            if (room.addAndGet(-src.remaining()) < 0) {
                throw new IOException("No space left on device");
            }
            return channel.write(src);
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
