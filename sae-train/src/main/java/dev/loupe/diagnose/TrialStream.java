package dev.loupe.diagnose;

import dev.loupe.base.Progress;
import dev.loupe.model.Activation;
import dev.loupe.model.Streams;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
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

    private Effect.Sum[] sequence(int[] ids, Progress progress, AtomicLong done) {
        Map<Taps, Prediction[]> baselines = new LinkedHashMap<>();
        Effect.Sum[] sums = new Effect.Sum[trials.size()];
        for (int t = 0; t < sums.length; t++) {
            progress.check();
            Trial trial = trials.get(t);
            Prediction[] base = baselines.computeIfAbsent(trial.baseline(), b -> predictions(ids, b));
            Activation changed = logits(ids, trial.change());
            sums[t] = new Effect.Sum();
            for (int p = 0; p + 1 < ids.length; p++) {
                if (subject.text().ordinary(ids, p)) {
                    sums[t].add(base[p], new Prediction(changed.row(0, p)), ids[p + 1]);
                }
            }
            long sequences = done.incrementAndGet();
            synchronized (progress) {
                progress.advance(sequences);
            }
        }
        return sums;
    }

    /** The predictions at ordinary positions; the last has no next token and is left out. */
    private Prediction[] predictions(int[] ids, Taps taps) {
        Activation logits = logits(ids, taps);
        Prediction[] all = new Prediction[ids.length];
        for (int p = 0; p + 1 < ids.length; p++) {
            if (subject.text().ordinary(ids, p)) {
                all[p] = new Prediction(logits.row(0, p));
            }
        }
        return all;
    }

    private Activation logits(int[] ids, Taps taps) {
        return subject.model()
                .forward(TokenBatch.of(ids), taps, Want.ALL_LOGITS)
                .allLogits();
    }
}
