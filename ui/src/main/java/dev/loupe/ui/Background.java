package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.UIDetachedException;
import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.service.RequestId;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Work that would hold up the page: done on a thread of its own, its result brought back under the page's lock. */
final class Background {
    private static final Logger LOG = LoggerFactory.getLogger(Background.class);

    private static final AtomicInteger RUNNING = new AtomicInteger();

    private Background() {}

    /** How much work is under way; whoever closes a workbench may wait for none. */
    static int running() {
        return RUNNING.get();
    }

    /**
     * Starts work for a view.
     *
     * @param view where the result goes; if it is gone by then, the result is dropped
     * @param work what to do, off the page's lock
     * @param done gets the result under the lock
     * @param failed gets one sentence under the lock
     */
    static <T> void run(Component view, Callable<T> work, Consumer<T> done, Consumer<String> failed) {
        UI ui = view.getUI().orElseGet(UI::getCurrent);
        RUNNING.incrementAndGet();
        String asked = RequestId.current();
        Thread.ofVirtual().name("loupe-ui-work").start(() -> {
            try (MDC.MDCCloseable ignored = RequestId.working(asked)) {
                work(ui, work, done, failed);
            } finally {
                RUNNING.decrementAndGet();
            }
        });
    }

    private static <T> void work(UI ui, Callable<T> work, Consumer<T> done, Consumer<String> failed) {
        try {
            T result = work.call();
            access(ui, () -> done.accept(result));
        } catch (CancelledException e) {
            access(ui, () -> failed.accept("Stopped."));
        } catch (Exception e) {
            String sentence = sentence(e);
            access(ui, () -> failed.accept(sentence));
        }
    }

    /** Runs something under the page's lock, if the page is still open. */
    static void access(UI ui, Runnable what) {
        try {
            ui.access(what::run);
        } catch (UIDetachedException e) {
            LOG.debug("a result came after its page was closed");
        }
    }

    /** What to tell a person about a failure. */
    static String sentence(Throwable e) {
        if (e instanceof LoupeException) {
            return String.valueOf(e.getMessage());
        }
        LOG.error("work for the page failed", e);
        String id = RequestId.current();
        return "This failed inside Loupe (" + e + "); the log under logs/ in the workspace has the details"
                + (id == null ? "." : ", as request " + id + ".");
    }
}
