package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.UI;
import com.vaadin.flow.shared.Registration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps a view live: reads something every second off the page's lock, and shows it under the lock. */
final class Ticker {
    private static final Logger LOG = LoggerFactory.getLogger(Ticker.class);
    private static final long EVERY_MILLIS = 1000;

    private Ticker() {}

    /**
     * Starts when the view is attached and ends when it is detached.
     *
     * @param read what is read; a failure is logged and tried again
     * @param show gets what was read, only if it differs from the last time
     */
    static <T> Registration keep(Component view, Callable<T> read, Consumer<T> show) {
        return view.addAttachListener(attached -> {
            UI ui = attached.getUI();
            AtomicBoolean gone = new AtomicBoolean();
            view.addDetachListener(e -> {
                gone.set(true);
                e.unregisterListener();
            });
            Thread.ofVirtual().name("loupe-ui-ticker").start(() -> loop(ui, gone, read, show));
        });
    }

    private static <T> void loop(UI ui, AtomicBoolean gone, Callable<T> read, Consumer<T> show) {
        T last = null;
        while (!gone.get()) {
            try {
                Thread.sleep(EVERY_MILLIS);
                T now = read.call();
                if (!gone.get() && !now.equals(last)) {
                    last = now;
                    Background.access(ui, () -> {
                        if (!gone.get()) {
                            show.accept(now);
                        }
                    });
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (Exception e) {
                LOG.warn("a live view could not be read", e);
            }
        }
    }
}
