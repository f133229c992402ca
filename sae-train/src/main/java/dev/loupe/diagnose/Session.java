package dev.loupe.diagnose;

import dev.loupe.base.CancelledException;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/** One diagnostic in a run; used by one thread at a time. */
final class Session {
    final Diagnostic diagnostic;
    final Study study;
    Wants wants = Wants.nothing();
    long tokens;
    long trialTokens;
    long rows;
    private @Nullable Wants next; // asked for before the round was over
    private int rounds;
    private long nanos;
    volatile @Nullable LoupeException failure;

    Session(Diagnostic diagnostic, Study study) {
        this.diagnostic = diagnostic;
        this.study = study;
    }

    /** What it wants from a round that begins. */
    void ask() {
        Wants known = next;
        next = null;
        if (known != null) {
            wants = known;
        } else {
            timed(() -> wants = study.wants());
        }
        rounds += wants.isNothing() ? 0 : 1;
    }

    /**
     * Whether it needs no more of a round that is not over, and no other round. A study that has changes to see in this
     * round, or work of its own to do, waits for its end. To be asked when the rows of the round are read.
     *
     * @param seen tokens of the model's text that it was shown in this round
     */
    boolean readyEarly(long seen) {
        if (failure != null
                || next != null
                || seen < wants.tokens()
                || !wants.trials().isEmpty()) {
            return false;
        }
        if (study instanceof OwnWork) {
            return false;
        }
        Wants before = wants;
        ask();
        rounds -= wants.isNothing() ? 0 : 1; // the round that it asks for has not begun
        next = wants;
        wants = before;
        return failure == null && next != null && next.isNothing();
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

    /**
     * Its result; after this it is over.
     *
     * @throws LoupeException if what it saw makes no sense, in one sentence
     */
    DiagnosticRun.Done finish(Subject subject, Provenance provenance, Progress progress) {
        long start = System.nanoTime();
        if (study instanceof OwnWork own) {
            own.work(progress);
        }
        Finding f = study.finding();
        About about = diagnostic.about();
        nanos += System.nanoTime() - start;
        DiagnosticResult.Made made = provenance.made(
                diagnostic,
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                new Provenance.Seen(tokens, trialTokens, rows, rounds, nanos / 1e9));
        DiagnosticResult result = new DiagnosticResult(
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
                made);
        return new DiagnosticRun.Done(result, f.table(), false);
    }
}
