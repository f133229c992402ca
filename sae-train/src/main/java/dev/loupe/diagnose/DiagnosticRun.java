package dev.loupe.diagnose;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs diagnostics together: what several of them want in the same round is read once. A diagnostic that makes no sense
 * for the subject is named with its reason and does not stop the others.
 */
public final class DiagnosticRun {
    private final Subject subject;
    private final Provenance provenance;
    private final ResultKeeper keeper;
    private final Progress progress;
    private final List<Session> sessions = new ArrayList<>();
    private final List<Done> done = new ArrayList<>();
    private final Map<String, String> refused = new LinkedHashMap<>();

    /**
     * A finished diagnostic.
     *
     * @param result its figures
     * @param table its rows
     * @param kept whether an earlier run made it
     */
    public record Done(DiagnosticResult result, ResultTable table, boolean kept) {}

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

    private DiagnosticRun(Subject subject, ResultKeeper keeper, Progress progress) {
        this.subject = subject;
        this.provenance = new Provenance(subject);
        this.keeper = keeper;
        this.progress = progress;
    }

    /** Runs diagnostics on a subject and keeps nothing. */
    public static Report run(List<Diagnostic> diagnostics, Subject subject, Progress progress) {
        return run(diagnostics, subject, ResultKeeper.none(), progress);
    }

    /**
     * Runs diagnostics on a subject. Each result goes to the keeper as soon as it is there, and what the keeper has of an
     * earlier run with the same plan is not computed again: a run that was stopped goes on from there.
     *
     * @throws UsageException if one needs what the subject does not have
     */
    public static Report run(List<Diagnostic> diagnostics, Subject subject, ResultKeeper keeper, Progress progress) {
        return new DiagnosticRun(subject, keeper, progress).go(diagnostics);
    }

    /** Those that a subject has everything for. */
    public static List<Diagnostic> possible(List<Diagnostic> diagnostics, Subject subject) {
        return diagnostics.stream()
                .filter(d -> subject.has().containsAll(d.about().needs()))
                .toList();
    }

    private Report go(List<Diagnostic> diagnostics) {
        for (Diagnostic d : diagnostics) {
            for (Need need : d.about().needs()) {
                if (!subject.has().contains(need)) {
                    throw new UsageException("The diagnostic " + d.id() + " needs " + need.words() + ": name it.");
                }
            }
        }
        begin(diagnostics);
        Counters counters = new Counters();
        for (int round = 1; ; round++) {
            progress.check();
            sessions.forEach(Session::ask);
            dropFailed();
            finish(sessions.stream().filter(s -> s.wants.isNothing()).toList());
            if (sessions.isEmpty()) {
                break;
            }
            counters.rounds++;
            List<Session> open = List.copyOf(sessions);
            String name = "round " + round + ": ";
            new RowStream(subject, open, counters).read(name, progress);
            finish(open.stream().filter(s -> s.readyEarly(0)).toList());
            new ModelStream(subject, open, counters, this::finish).read(name, progress);
            new TrialStream(subject, open, counters).read(name, progress);
            dropFailed();
        }
        List<String> order = diagnostics.stream().map(Diagnostic::id).toList();
        done.sort(Comparator.comparingInt(d -> order.indexOf(d.result().diagnostic())));
        return new Report(List.copyOf(done), refused, counters.streamed());
    }

    private void begin(List<Diagnostic> diagnostics) {
        for (Diagnostic d : diagnostics) {
            Optional<Done> earlier = keeper.kept(d.id(), provenance.plan(d));
            if (earlier.isPresent()) {
                done.add(earlier.get());
                continue;
            }
            try {
                sessions.add(new Session(d, d.begin(subject)));
            } catch (LoupeException e) {
                refused.put(d.id(), e.getMessage());
            }
        }
        if (!done.isEmpty()) {
            progress.message(
                    done.size() + " of " + diagnostics.size() + " diagnostics are there from an earlier run and kept.");
        }
    }

    /** Sums up studies that need nothing more; their results are kept at once, so that a later stop does not lose them. */
    private void finish(List<Session> ready) {
        if (ready.stream().anyMatch(s -> s.study instanceof OwnWork)) {
            progress.stage("summing up", ready.size(), "diagnostics");
        }
        for (Session s : ready) {
            progress.check();
            sessions.remove(s);
            Done made;
            try {
                made = s.finish(subject, provenance, progress);
            } catch (CancelledException e) {
                throw e;
            } catch (LoupeException e) {
                refused.put(s.diagnostic.id(), e.getMessage());
                continue;
            }
            done.add(keeper.keep(made)); // a full disk stops the run, not the diagnostic alone
        }
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
}
