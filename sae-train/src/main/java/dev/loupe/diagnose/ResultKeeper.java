package dev.loupe.diagnose;

import java.util.Optional;

/** Where results go as soon as they are there, and where those of earlier runs are. */
public interface ResultKeeper {
    /** Keeps a result so that it outlives this process; gives it as it was kept. */
    DiagnosticRun.Done keep(DiagnosticRun.Done done);

    /**
     * The result of an earlier run, whole.
     *
     * @param plan of the run, as in {@link DiagnosticResult.Made#plan}
     */
    Optional<DiagnosticRun.Done> kept(String diagnostic, String plan);

    /** Keeps nothing. */
    static ResultKeeper none() {
        return new ResultKeeper() {
            @Override
            public DiagnosticRun.Done keep(DiagnosticRun.Done done) {
                return done;
            }

            @Override
            public Optional<DiagnosticRun.Done> kept(String diagnostic, String plan) {
                return Optional.empty();
            }
        };
    }
}
