package dev.loupe.diagnose;

import dev.loupe.base.LoupeException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Keeps results in a folder ({@link DiagnosticFiles}), each as soon as it is there. */
public final class SavedResults implements ResultKeeper {
    private final Path all;
    private final boolean again;
    private @Nullable Map<String, DiagnosticResult> byPlan; // newest of each, read when first asked for

    /**
     * @param all the folder of all results
     * @param again whether earlier results are left aside
     */
    public SavedResults(Path all, boolean again) {
        this.all = all;
        this.again = again;
    }

    @Override
    public DiagnosticRun.Done keep(DiagnosticRun.Done done) {
        return new DiagnosticRun.Done(
                DiagnosticFiles.save(all, done.result(), done.table()), done.table(), done.kept());
    }

    @Override
    public Optional<DiagnosticRun.Done> kept(String diagnostic, String plan) {
        DiagnosticResult result = again || plan.isEmpty() ? null : earlier().get(diagnostic + ' ' + plan);
        if (result == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(new DiagnosticRun.Done(result, DiagnosticFiles.table(all, result), true));
        } catch (LoupeException damaged) {
            return Optional.empty(); // computed anew; whoever opens the damaged one is told
        }
    }

    private Map<String, DiagnosticResult> earlier() {
        Map<String, DiagnosticResult> known = byPlan;
        if (known != null) {
            return known;
        }
        known = new LinkedHashMap<>();
        for (String id : DiagnosticFiles.list(all)) { // newest first
            try {
                DiagnosticResult r = DiagnosticFiles.open(all, id);
                String plan = r.made().plan();
                if (plan != null) {
                    known.putIfAbsent(r.diagnostic() + ' ' + plan, r);
                }
            } catch (LoupeException unreadable) {
                // not one to go on from
            }
        }
        byPlan = known;
        return known;
    }
}
