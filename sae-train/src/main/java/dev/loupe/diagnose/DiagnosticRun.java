package dev.loupe.diagnose;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.eval.SaeIdentity;
import dev.loupe.sae.Sae;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs diagnostics together: what several of them want in the same round is read once. A diagnostic that makes no sense
 * for the subject is named with its reason and does not stop the others.
 */
public final class DiagnosticRun {
    private final Subject subject;
    private final List<Session> sessions = new ArrayList<>();
    private final Map<String, String> refused = new LinkedHashMap<>();

    /** A finished diagnostic. */
    public record Done(DiagnosticResult result, ResultTable table) {}

    /**
     * What a run gave.
     *
     * @param done in the order asked for
     * @param refused diagnostics that made no sense here, with one sentence each
     * @param streams what was read
     */
    public record Report(List<Done> done, Map<String, String> refused, Streamed streams) {
        /** The result of one diagnostic. */
        public Done of(String id) {
            return done.stream()
                    .filter(d -> d.result().diagnostic().equals(id))
                    .findFirst()
                    .orElseThrow(() -> new UsageException(
                            "There is no result of " + id + ": " + refused.getOrDefault(id, "it was not run") + "."));
        }
    }

    /**
     * What was read for a run, and how often.
     *
     * @param rounds how often streams were begun
     * @param tokens that the model read as it is
     * @param trialTokens that it read with changes, one for each change
     * @param rows of the store
     * @param readingSeconds time of passes and of reading
     * @param countingSeconds time of what diagnostics did with it
     */
    public record Streamed(
            int rounds, long tokens, long trialTokens, long rows, double readingSeconds, double countingSeconds) {}

    private DiagnosticRun(Subject subject) {
        this.subject = subject;
    }

    /**
     * Runs diagnostics on a subject.
     *
     * @throws UsageException if one needs what the subject does not have
     */
    public static Report run(List<Diagnostic> diagnostics, Subject subject, Progress progress) {
        return new DiagnosticRun(subject).go(diagnostics, progress);
    }

    /** Those that a subject has everything for. */
    public static List<Diagnostic> possible(List<Diagnostic> diagnostics, Subject subject) {
        return diagnostics.stream()
                .filter(d -> subject.has().containsAll(d.about().needs()))
                .toList();
    }

    private Report go(List<Diagnostic> diagnostics, Progress progress) {
        for (Diagnostic d : diagnostics) {
            for (Need need : d.about().needs()) {
                if (!subject.has().contains(need)) {
                    throw new UsageException("The diagnostic " + d.id() + " needs " + need.words() + ": name it.");
                }
            }
        }
        for (Diagnostic d : diagnostics) {
            try {
                sessions.add(new Session(d, d.begin(subject)));
            } catch (LoupeException e) {
                refused.put(d.id(), e.getMessage());
            }
        }
        Counters counters = new Counters();
        for (int round = 1; ; round++) {
            progress.check();
            List<Session> open = new ArrayList<>();
            for (Session s : sessions) {
                s.ask();
                if (!s.wants.isNothing()) {
                    open.add(s);
                }
            }
            dropFailed();
            if (open.isEmpty()) {
                break;
            }
            counters.rounds++;
            String name = "round " + round + ": ";
            new RowStream(subject, open, counters).read(name, progress);
            new ModelStream(subject, open, counters).read(name, progress);
            new TrialStream(subject, open, counters).read(name, progress);
            dropFailed();
        }
        List<Done> done = new ArrayList<>();
        progress.stage("summing up", sessions.size(), "diagnostics");
        for (Session s : sessions) {
            progress.check();
            try {
                done.add(s.finish(subject, progress));
            } catch (CancelledException e) {
                throw e;
            } catch (LoupeException e) {
                refused.put(s.diagnostic.id(), e.getMessage());
            }
            progress.advance(done.size());
        }
        done.sort(Comparator.comparingInt(d -> diagnostics.stream()
                .map(Diagnostic::id)
                .toList()
                .indexOf(d.result().diagnostic())));
        return new Report(List.copyOf(done), refused, counters.streamed());
    }

    private void dropFailed() {
        for (Session s : List.copyOf(sessions)) {
            LoupeException failure = s.failure;
            if (failure != null) {
                refused.put(s.diagnostic.id(), failure.getMessage());
                sessions.remove(s);
            }
        }
    }

    /** What was read. */
    static final class Counters {
        int rounds;
        long tokens;
        long trialTokens;
        long rows;
        long readingNanos;
        long countingNanos;

        Streamed streamed() {
            return new Streamed(rounds, tokens, trialTokens, rows, readingNanos / 1e9, countingNanos / 1e9);
        }
    }

    /** One diagnostic in a run; used by one thread at a time. */
    static final class Session {
        final Diagnostic diagnostic;
        final Study study;
        Wants wants = Wants.nothing();
        long tokens;
        long trialTokens;
        long rows;
        private int rounds;
        private long nanos;
        volatile @org.jspecify.annotations.Nullable LoupeException failure;

        Session(Diagnostic diagnostic, Study study) {
            this.diagnostic = diagnostic;
            this.study = study;
        }

        void ask() {
            timed(() -> wants = study.wants());
            rounds += wants.isNothing() ? 0 : 1;
        }

        /** Does the study's own work; what it cannot do ends it alone. */
        void timed(Runnable work) {
            if (failure != null) {
                return;
            }
            long start = System.nanoTime();
            try {
                work.run();
            } catch (CancelledException e) {
                throw e;
            } catch (LoupeException e) {
                failure = e;
                wants = Wants.nothing();
            }
            nanos += System.nanoTime() - start;
        }

        Done finish(Subject subject, Progress progress) {
            long start = System.nanoTime();
            study.work(progress);
            Finding f = study.finding();
            About about = diagnostic.about();
            nanos += System.nanoTime() - start;
            boolean model = subject.has().contains(Need.MODEL);
            boolean store = subject.has().contains(Need.STORE);
            List<Sae> saes = about.needs().contains(Need.SAE_PAIR)
                    ? subject.saes().subList(0, 2)
                    : about.needs().contains(Need.SAE) ? List.of(subject.sae()) : List.of();
            DiagnosticResult.Made made = new DiagnosticResult.Made(
                    Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                    model ? subject.model().id() : null,
                    model ? subject.model().weightsChecksum() : null,
                    store ? subject.store().name() : null,
                    store ? subject.store().fingerprint() : null,
                    saes.stream().map(Sae::name).toList(),
                    saes.stream().map(SaeIdentity::checksum).toList(),
                    about.needs().contains(Need.CHECKPOINTS)
                            ? subject.checkpoints().stream().map(Sae::name).toList()
                            : List.of(),
                    model ? subject.text().describe() : null,
                    subject.limits(),
                    tokens,
                    trialTokens,
                    rows,
                    rounds,
                    nanos / 1e9);
            return new Done(
                    new DiagnosticResult(
                            DiagnosticResult.FORMAT,
                            "",
                            diagnostic.id(),
                            about.topic(),
                            about.question(),
                            f.answer(),
                            f.numbers(),
                            f.figures(),
                            f.notes(),
                            about.definition(),
                            about.sources(),
                            f.table().columns(),
                            f.table().rows().size(),
                            "",
                            made),
                    f.table());
        }
    }
}
