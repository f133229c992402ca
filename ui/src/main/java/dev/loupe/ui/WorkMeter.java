package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.NativeButton;
import com.vaadin.flow.component.html.Span;
import dev.loupe.base.Fmt;
import dev.loupe.base.Progress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** How far work for this page is, and the button that stops it. Work of less than a blink shows nothing. */
final class WorkMeter extends Div {
    private static final long BLINK_MILLIS = 300;
    private static final long EVERY_NANOS = 150_000_000;

    private final Kit.Element fill = new Kit.Element("i", null);
    private final Div meter = Kit.div("meter", fill);
    private final Span words = Kit.text("faint", "");
    private final NativeButton stop = Kit.button("Stop", "small", this::stop);
    private @Nullable Work current;

    WorkMeter() {
        addClassNames("run", "gap");
        meter.getElement().setAttribute("role", "progressbar");
        meter.getElement().setAttribute("aria-label", "Progress");
        stop.setId("stop");
        add(meter, words, stop);
        setVisible(false);
        addDetachListener(e -> stop());
    }

    /** Begins new work, stopping what went on before. */
    Progress begin() {
        stop();
        Work work = new Work(UI.getCurrent());
        current = work;
        words.setText("Working…");
        meter.setVisible(false);
        setVisible(false);
        Thread.ofVirtual().name("loupe-ui-meter").start(() -> {
            try {
                Thread.sleep(BLINK_MILLIS);
                Background.access(work.ui, () -> setVisible(current == work));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        return work;
    }

    /** Whether this is still the work of the page. */
    boolean is(Progress work) {
        return current == work;
    }

    /** The work has ended. */
    void end() {
        current = null;
        setVisible(false);
    }

    /** Asks the work to stop. */
    void stop() {
        Work work = current;
        if (work != null) {
            work.stopped.set(true);
            words.setText("Stopping…");
        }
    }

    private void show(String stage, long done, long total, String unit, double seconds) {
        meter.setVisible(total > 0);
        String text = stage;
        if (total > 0) {
            double share = Math.min(1, done / (double) total);
            fill.getElement().getStyle().set("--w", String.valueOf(share));
            meter.getElement().setAttribute("aria-valuenow", String.valueOf(Math.round(100 * share)));
            text += " · " + Num.whole(done) + " of " + Num.whole(total) + " " + unit;
            if (share > 0.02 && seconds > 1) {
                text += " · about " + Fmt.duration(Duration.ofMillis(Math.round(1000 * seconds * (1 - share) / share)))
                        + " left";
            }
        }
        words.setText(text);
    }

    /** One piece of work. */
    private final class Work implements Progress {
        private final UI ui;
        private final AtomicBoolean stopped = new AtomicBoolean();
        private volatile String stage = "";
        private volatile long total = -1;
        private volatile String unit = "";
        private volatile long began = System.nanoTime();
        private volatile long told;

        private Work(UI ui) {
            this.ui = ui;
        }

        @Override
        public void stage(String name, long newTotal, String newUnit) {
            stage = name;
            total = newTotal;
            unit = newUnit;
            began = System.nanoTime();
            told = 0;
            advance(0);
        }

        @Override
        public void advance(long done) {
            long now = System.nanoTime();
            if (now - told < EVERY_NANOS) {
                return;
            }
            told = now;
            Background.access(ui, () -> {
                if (current == this && !stopped.get()) {
                    show(stage, done, total, unit, (now - began) / 1e9);
                }
            });
        }

        @Override
        public boolean cancelled() {
            return stopped.get();
        }
    }
}
