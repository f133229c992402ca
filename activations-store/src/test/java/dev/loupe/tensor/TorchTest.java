package dev.loupe.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.ProjectRoot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class TorchTest {
    @Test
    void memory_of_ours_is_shared_with_a_tensor_in_both_directions() {
        try (Arena arena = Arena.ofConfined();
                NDManager manager = Torch.newManager()) {
            MemorySegment memory = arena.allocate(24, 64);
            NDArray array = Torch.wrap(manager, memory, 2, 3);
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, 4, 2.5f);
            assertThat(array.getFloat(1, 1)).isEqualTo(2.5f);
            Torch.assign(array, Torch.floats(manager, new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
            assertThat(memory.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(1, 2, 3, 4, 5, 6);
        }
    }

    @Test
    void tensors_of_a_device_are_copied_and_never_touched_in_place() {
        try (Arena arena = Arena.ofConfined();
                NDManager away = Torch.newManager(Device.CPU_TENSORS);
                NDManager below = away.newSubManager();
                NDManager near = Torch.newManager()) {
            MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3, 4, 5, 6);
            NDArray array = Torch.over(below, memory, 2, 3);
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, 4, 2.5f);
            assertThat(array.getFloat(1, 1)).isEqualTo(5);
            assertThat(array.getManager()).isSameAs(below);
            assertThat(Torch.inReach(array)).isFalse();
            assertThat(Torch.inReach(Torch.empty(near, 2))).isTrue();
            NDArray product = array.transpose();
            assertThat(Torch.toArray(product)).containsExactly(1, 4, 2, 5, 3, 6);
            assertThat(Torch.values(product).memory().toArray(ValueLayout.JAVA_FLOAT))
                    .containsExactly(1, 4, 2, 5, 3, 6);
            MemorySegment target = arena.allocate(24);
            Torch.store(product, target);
            assertThat(target.getAtIndex(ValueLayout.JAVA_FLOAT, 1)).isEqualTo(4);
            assertThat(Torch.toArray(Torch.load(below, target, 6))).containsExactly(1, 4, 2, 5, 3, 6);
            assertThatThrownBy(() -> Torch.memory(array)).hasMessageContainingAll("(2, 3)", "reach");
            assertThatThrownBy(() -> Torch.view(product)).hasMessageContaining("(3, 2)");
            assertThatThrownBy(() -> Torch.wrap(below, memory, 2, 3)).hasMessageContaining("share memory");
            Torch.requireOn(Device.CPU_TENSORS, array, "A test");
            assertThatThrownBy(() -> Torch.requireOn(Device.cuda(0), array, "A test"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("A test (2, 3) shall be on cuda:0 and is on cpu()");
        }
    }

    @Test
    void a_gpu_that_is_not_there_is_missed_in_a_sentence() {
        Device none = Device.cuda(Device.gpus()); // one more than there are
        assertThatThrownBy(() -> Torch.newManager(none))
                .isInstanceOf(UsageException.class)
                .hasMessageStartingWith("The device " + none + " was asked for");
        assertThat(System.getProperty("ai.djl.offline")).isEqualTo("true");
    }

    @Test
    void a_copy_is_row_major_whatever_the_layout_and_outlives_the_tensor() {
        MemorySegment copy;
        try (NDManager manager = Torch.newManager()) {
            copy = Torch.copy(
                    Torch.floats(manager, new float[] {1, 2, 3, 4, 5, 6}, 2, 3).transpose());
        }
        assertThat(copy.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(1, 4, 2, 5, 3, 6);
    }

    @Test
    void only_floats_are_read_and_only_fitting_memory_is_wrapped() {
        try (Arena arena = Arena.ofConfined();
                NDManager manager = Torch.newManager()) {
            NDArray longs = Torch.longs(manager, new long[] {1, 2}, 2);
            assertThatThrownBy(() -> Torch.copy(longs)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> Torch.view(longs)).isInstanceOf(IllegalArgumentException.class);
            for (MemorySegment wrong : List.of(
                    arena.allocate(20),
                    MemorySegment.ofArray(new float[6]),
                    arena.allocate(24).asReadOnly())) {
                assertThatThrownBy(() -> Torch.wrap(manager, wrong, 2, 3)).isInstanceOf(IllegalArgumentException.class);
            }
        }
    }

    @Test
    void gradients_are_recorded_in_no_thread_that_entered() throws InterruptedException {
        try (NDManager manager = Torch.newManager()) {
            assertThat(JniUtils.isGradMode()).isFalse();
            AtomicBoolean before = new AtomicBoolean();
            AtomicBoolean after = new AtomicBoolean(true);
            Thread thread = new Thread(() -> {
                before.set(JniUtils.isGradMode());
                Torch.enter();
                after.set(JniUtils.isGradMode());
            });
            thread.start();
            thread.join();
            assertThat(before).isTrue(); // the library's own default, which is why enter() exists
            assertThat(after).isFalse();
            assertThat(manager.create(new Shape(1), DataType.FLOAT32).hasGradient())
                    .isFalse();
        }
    }

    /** Types that end the process cannot be named outside the door. */
    @Test
    void no_source_file_but_the_door_names_a_data_type_or_converts_one() throws IOException {
        try (var files = Files.walk(ProjectRoot.path().resolve("activations-store/src/main/java"))) {
            List<Path> sources = files.filter(f -> f.toString().endsWith(".java"))
                    .filter(f -> !f.endsWith("dev/loupe/tensor/Torch.java"))
                    .toList();
            assertThat(sources)
                    .hasSizeGreaterThan(20)
                    .allSatisfy(f -> assertThat(Files.readString(f))
                            .as(f.toString())
                            .doesNotContain("ai.djl.ndarray.types.DataType")
                            .doesNotContain(".toType("));
        }
    }
}
