package dev.loupe.diagnose;

import dev.loupe.base.Progress;
import dev.loupe.math.Parallel;
import dev.loupe.model.Forward;
import dev.loupe.model.HookInfo;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Streams;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * One pass of the model over the text with the union of the hook points that studies want. A few parts of the text are
 * run at the same time, then every study looks at them in order, several studies at the same time.
 */
final class ModelStream {
    private static final int PASS_TOKENS = 1024;

    private final Subject subject;
    private final List<Session> sessions;
    private final DiagnosticRun.Counters counters;
    private final Consumer<List<Session>> ready;

    /** @param ready takes studies that need nothing more before the pass is over */
    ModelStream(
            Subject subject, List<Session> sessions, DiagnosticRun.Counters counters, Consumer<List<Session>> ready) {
        this.subject = subject;
        this.sessions = sessions.stream().filter(s -> s.wants.ofModel()).toList();
        this.counters = counters;
        this.ready = ready;
    }

    void read(String name, Progress progress) {
        if (sessions.isEmpty()) {
            return;
        }
        TextSample text = subject.text();
        long most = sessions.stream().mapToLong(s -> s.wants.tokens()).max().orElse(0);
        progress.stage(name + "the model reads", Math.min(most, text.tokens()), "tokens");
        long[] seen = new long[sessions.size()];
        long read = 0;
        int next = 0;
        while (next < text.sequences().size() && read < most) {
            progress.check();
            Set<HookPoint> hooks = new LinkedHashSet<>();
            for (int i = 0; i < seen.length; i++) {
                if (seen[i] < sessions.get(i).wants.tokens()) {
                    hooks.addAll(sessions.get(i).wants.hooks());
                }
            }
            if (hooks.isEmpty()
                    && sessions.stream().noneMatch(s -> s.wants.hooks().isEmpty())) {
                break;
            }
            List<int[]> parts = parts(text, next, hooks);
            next = parts.getLast()[1];
            try (Arena arena = Arena.ofShared()) { // studies keep copies of what they need
                ModelPass[] passes = run(text, parts, Taps.read(hooks).in(arena));
                read += sum(passes);
                counters.tokens += sum(passes);
                look(passes, seen);
            }
            early(seen);
            progress.advance(read);
        }
    }

    private void early(long[] seen) {
        List<Session> all = new ArrayList<>();
        for (int i = 0; i < seen.length; i++) {
            if (sessions.get(i).readyEarly(seen[i])) {
                all.add(sessions.get(i));
            }
        }
        ready.accept(all);
    }

    private static long sum(ModelPass[] passes) {
        long n = 0;
        for (ModelPass p : passes) {
            n += p.tokens();
        }
        return n;
    }

    /** The next parts of the text, from and to (exclusive), that fit the memory together. */
    private List<int[]> parts(TextSample text, int from, Set<HookPoint> hooks) {
        LanguageModel model = subject.model();
        int longest = text.sequences().stream().mapToInt(s -> s.length).max().orElse(1);
        long width = 1;
        for (HookPoint h : hooks) {
            HookInfo info = model.hook(h.name());
            width += info.width() == HookInfo.VARIES ? (long) model.config().nHeads() * longest : info.width();
        }
        long fit = Math.max(1, subject.limits().memory() / (4 * width)); // tokens at a time
        List<int[]> parts = new ArrayList<>();
        long all = 0;
        int at = from;
        while (at < text.sequences().size() && parts.size() < 2 * Parallel.threads()) {
            long here = 0;
            int to = at;
            while (to < text.sequences().size()
                    && (here == 0
                            || here + text.sequences().get(to).length <= PASS_TOKENS
                                    && all + here + text.sequences().get(to).length <= fit)) {
                here += text.sequences().get(to++).length;
            }
            if (!parts.isEmpty() && all + here > fit) {
                break;
            }
            parts.add(new int[] {at, to});
            all += here;
            at = to;
        }
        return parts;
    }

    private ModelPass[] run(TextSample text, List<int[]> parts, Taps taps) {
        long start = System.nanoTime();
        ModelPass[] passes = new ModelPass[parts.size()];
        Streams.run(passes.length, i -> {
            int[] part = parts.get(i);
            int[][] ids = text.sequences().subList(part[0], part[1]).toArray(int[][]::new);
            Forward forward = subject.model().forward(new TokenBatch(ids), taps, Want.NOTHING);
            passes[i] = new ModelPass(text, part[0], ids, forward);
        });
        counters.readingNanos += System.nanoTime() - start;
        return passes;
    }

    private void look(ModelPass[] passes, long[] seen) {
        long start = System.nanoTime();
        Parallel.run(seen.length, i -> {
            Session s = sessions.get(i);
            for (ModelPass p : passes) {
                if (seen[i] < s.wants.tokens()) {
                    seen[i] += p.tokens();
                    s.tokens += p.tokens();
                    s.timed(() -> s.study.see(p));
                }
            }
        });
        counters.countingNanos += System.nanoTime() - start;
    }
}
