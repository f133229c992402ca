package dev.loupe.diagnose;

import dev.loupe.base.Progress;
import dev.loupe.model.Activation;
import dev.loupe.model.Streams;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** The trial text, sequence by sequence: once as it is and once with each change that studies want to try. */
final class TrialStream {
    private final Subject subject;
    private final List<Session> sessions;
    private final DiagnosticRun.Counters counters;
    private final List<Trial> trials = new ArrayList<>();
    private final List<Session> owners = new ArrayList<>();

    TrialStream(Subject subject, List<Session> sessions, DiagnosticRun.Counters counters) {
        this.subject = subject;
        this.sessions = sessions;
        this.counters = counters;
    }

    /** How many of the first sequences make up the trial text. */
    static int sequences(TextSample text, long tokens) {
        long seen = 0;
        int s = 0;
        while (s < text.sequences().size() && (s == 0 || seen < tokens)) {
            seen += text.sequences().get(s++).length;
        }
        return s;
    }

    void read(String name, Progress progress) {
        for (Session s : sessions) {
            for (Trial t : s.wants.trials()) {
                trials.add(t);
                owners.add(s);
            }
        }
        if (trials.isEmpty()) {
            return;
        }
        long start = System.nanoTime();
        TextSample text = subject.text();
        int count = sequences(text, subject.limits().trialTokens());
        progress.stage(name + trials.size() + " changes tried", (long) count * trials.size(), "sequences");
        Effect.Sum[][] sums = new Effect.Sum[count][];
        AtomicLong done = new AtomicLong();
        Streams.run(count, i -> {
            sums[i] = sequence(text.sequences().get(i), progress, done);
        });
        long read = 0;
        for (int t = 0; t < trials.size(); t++) {
            Effect.Sum all = new Effect.Sum();
            for (Effect.Sum[] one : sums) {
                all.add(one[t]);
            }
            Effect effect = all.effect();
            read += effect.tokens();
            Session owner = owners.get(t);
            Trial trial = trials.get(t);
            owner.trialTokens = Math.max(owner.trialTokens, effect.tokens());
            owner.timed(() -> owner.study.see(trial, effect));
        }
        counters.trialTokens += read;
        counters.readingNanos += System.nanoTime() - start;
    }

    /** All changes on one sequence, those with the same baseline one after another: only one is held at a time. */
    private Effect.Sum[] sequence(int[] ids, Progress progress, AtomicLong done) {
        Map<Taps, List<Integer>> byBaseline = new LinkedHashMap<>();
        for (int t = 0; t < trials.size(); t++) {
            byBaseline
                    .computeIfAbsent(trials.get(t).baseline(), b -> new ArrayList<>())
                    .add(t);
        }
        Effect.Sum[] sums = new Effect.Sum[trials.size()];
        byBaseline.forEach((baseline, some) -> {
            Prediction[] base = new Prediction[ids.length];
            predictions(ids, baseline, (p, row) -> base[p] = new Prediction(row));
            for (int t : some) {
                progress.check();
                Effect.Sum sum = new Effect.Sum();
                predictions(ids, trials.get(t).change(), (p, row) -> sum.add(base[p], new Prediction(row), ids[p + 1]));
                sums[t] = sum;
                long sequences = done.incrementAndGet();
                synchronized (progress) {
                    progress.advance(sequences);
                }
            }
        });
        return sums;
    }

    /** Takes the logits of one position. */
    @FunctionalInterface
    private interface Row {
        void logits(int position, float[] row);
    }

    /** Shows the logits at ordinary positions; the last has no next token and is left out. */
    private void predictions(int[] ids, Taps taps, Row to) {
        try (Arena arena = Arena.ofShared()) {
            Activation logits = subject.model()
                    .forward(TokenBatch.of(ids), taps.in(arena), Want.ALL_LOGITS)
                    .allLogits();
            for (int p = 0; p + 1 < ids.length; p++) {
                if (subject.text().ordinary(ids, p)) {
                    to.logits(p, logits.row(0, p));
                }
            }
        }
    }
}
