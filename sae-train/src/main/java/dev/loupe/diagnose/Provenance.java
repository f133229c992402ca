package dev.loupe.diagnose;

import dev.loupe.base.Checksums;
import dev.loupe.eval.SaeIdentity;
import dev.loupe.sae.Sae;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What exactly the diagnostics of a run look at. Two runs of a diagnostic with the same {@link #plan} give the same result,
 * so that the earlier one's can stand for the later's.
 */
final class Provenance {
    private final Subject subject;
    private final Map<Sae, String> checksums = new HashMap<>();
    private final String text;

    /** What a diagnostic was shown, and how long it took. */
    record Seen(long tokens, long trialTokens, long rows, int rounds, double seconds) {}

    Provenance(Subject subject) {
        this.subject = subject;
        this.text = subject.has().contains(Need.MODEL) ? subject.text().fingerprint() : "";
    }

    private String checksum(Sae sae) {
        return checksums.computeIfAbsent(sae, SaeIdentity::checksum);
    }

    private List<Sae> saes(Set<Need> needs) {
        return needs.contains(Need.SAE_PAIR)
                ? subject.saes().subList(0, 2)
                : needs.contains(Need.SAE) ? List.of(subject.sae()) : List.of();
    }

    private List<Sae> checkpoints(Set<Need> needs) {
        return needs.contains(Need.CHECKPOINTS) ? subject.checkpoints() : List.of();
    }

    /**
     * A name for a diagnostic and all that its result depends on: what it computes (its definition), the weights, text and
     * rows that it needs, and how much of them. Empty where something of that is in memory only and has no checksum.
     */
    String plan(Diagnostic diagnostic) {
        About about = diagnostic.about();
        Set<Need> needs = about.needs();
        StringBuilder all = new StringBuilder(DiagnosticResult.FORMAT + '\n' + about.id() + '\n' + about.definition());
        if (needs.contains(Need.MODEL)) {
            all.append("\nmodel ").append(subject.model().id()).append(' ');
            all.append(subject.model().weightsChecksum()).append("\ntext ").append(text);
        }
        if (needs.contains(Need.STORE)) {
            all.append("\nstore ").append(subject.store().fingerprint());
        }
        for (List<Sae> some : List.of(saes(needs), checkpoints(needs))) {
            for (Sae sae : some) {
                if (checksum(sae).isEmpty()) {
                    return "";
                }
                all.append("\nsae ").append(sae.name()).append(' ').append(checksum(sae));
            }
        }
        all.append('\n').append(subject.limits());
        return Checksums.sha256(all.toString().getBytes(StandardCharsets.UTF_8)).substring(0, 32);
    }

    /** All of it as a result keeps it. */
    DiagnosticResult.Made made(Diagnostic diagnostic, String created, Seen seen) {
        Set<Need> needs = diagnostic.about().needs();
        boolean model = subject.has().contains(Need.MODEL);
        boolean store = subject.has().contains(Need.STORE);
        return new DiagnosticResult.Made(
                created,
                plan(diagnostic),
                model ? subject.model().id() : null,
                model ? subject.model().weightsChecksum() : null,
                store ? subject.store().name() : null,
                store ? subject.store().fingerprint() : null,
                saes(needs).stream().map(Sae::name).toList(),
                saes(needs).stream().map(this::checksum).toList(),
                checkpoints(needs).stream().map(Sae::name).toList(),
                model ? subject.text().describe() : null,
                subject.limits(),
                seen.tokens(),
                seen.trialTokens(),
                seen.rows(),
                seen.rounds(),
                seen.seconds());
    }
}
