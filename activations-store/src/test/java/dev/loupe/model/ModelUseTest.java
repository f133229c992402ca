package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model may be closed while others compute with it: nothing crashes, nobody reads memory that went away. */
class ModelUseTest {
    @TempDir
    Path folder;

    @Test
    void closing_waits_for_a_pass_that_runs_and_later_ones_are_refused() throws Exception {
        LanguageModel model = LanguageModels.open(Golden.tiny("tiny-llama", folder), ModelOptions.defaults());
        TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3});
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicReference<float[]> logits = new AtomicReference<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        float[] expected = model.forward(batch, Taps.none(), Want.LAST_LOGITS).lastLogits(0);
        Editor slow = a -> {
            inside.countDown();
            try {
                goOn.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        };
        Thread pass = Thread.ofPlatform().start(() -> {
            try {
                logits.set(model.forward(batch, Taps.edit(HookPoint.residPre(0), slow), Want.LAST_LOGITS)
                        .lastLogits(0));
            } catch (RuntimeException | Error e) {
                failure.set(e);
            }
        });
        inside.await();
        Thread close = Thread.ofPlatform().start(model::close);
        close.join(100);
        assertThat(close.isAlive()).isTrue();
        goOn.countDown();
        pass.join();
        close.join();
        assertThat(failure.get()).isNull();
        assertThat(logits.get()).isEqualTo(expected);
        assertThatThrownBy(() -> model.forward(batch, Taps.none(), Want.LAST_LOGITS))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> model.variations(new int[] {1, 2}, 1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        model.close(); // a second time changes nothing
    }
}
