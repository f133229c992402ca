package dev.loupe.feature;

import dev.loupe.store.TokenTable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** Everything that rules can say about a latent, each scored on held-out text; and which of it becomes its name. */
final class LatentLabels {
    /** A rule becomes a latent's name if it covers this share of the activation on training documents. */
    private static final double ENOUGH = 0.5;

    private final RuleText text;
    private final CodeSpool spool;
    private final TokenTable tokens;
    private final Vocabulary vocabulary;
    private final Labeller labeller;
    private final OwnWords own;
    private final ConcurrentLinkedQueue<float[]> memory = new ConcurrentLinkedQueue<>();

    LatentLabels(
            RuleText text, CodeSpool spool, TokenTable tokens, Vocabulary vocabulary, Labeller labeller, OwnWords own) {
        this.own = own;
        this.text = text;
        this.spool = spool;
        this.tokens = tokens;
        this.vocabulary = vocabulary;
        this.labeller = labeller;
    }

    /** The name of a latent, all that was found, and the labels whose own words it picks. */
    record Labels(Labeller.Label name, List<LabelCandidate> all, List<LabelWords> words) {}

    Labels of(int id, @Nullable LatentStats s, int[] promoted) {
        Labeller.Label name = labeller.label(s);
        if (s == null || !(s.sum - s.heldOutSum > 0)) {
            return new Labels(name, List.of(), List.of());
        }
        float[] lent = memory.poll();
        float[] values = lent == null ? new float[text.size()] : lent;
        try (LatentText latent = new LatentText(text, spool.firings(id), tokens, values)) {
            if (!(latent.trainSum() > 0)) {
                return new Labels(
                        name, List.of(), own.of(latent)); // none of its training rows is among those looked at
            }
            List<LabelCandidate> all = candidates(latent, name, promoted);
            return new Labels(name.rule() == LabelRule.TOKENS ? better(name, all) : name, all, own.of(latent));
        } finally {
            memory.add(values);
        }
    }

    private List<LabelCandidate> candidates(LatentText latent, Labeller.Label name, int[] promoted) {
        List<LabelCandidate> all = new ArrayList<>();
        Patterns patterns = new Patterns(latent, vocabulary);
        LabelScore score = name.score();
        boolean special = name.before() && vocabulary.isSpecial(name.ids()[0]); // has no place in the text
        if (name.ids().length > 0 && !special) {
            all.add(patterns.tokens(LabelCandidate.TOKENS, name.text(), name.ids(), name.before() ? -1 : 0));
        } else if (score != null) {
            all.add(plain(name.text(), score));
        }
        LabelCandidate next = patterns.next();
        if (next != null) {
            all.add(next);
        }
        LabelCandidate ngrams = patterns.ngrams();
        if (ngrams != null) {
            all.add(ngrams);
        }
        all.add(new ContextTree(latent, vocabulary).candidate());
        if (promoted.length > 0) {
            all.add(patterns.logits(promoted));
        }
        return List.copyOf(all);
    }

    private static LabelCandidate plain(String text, LabelScore s) {
        return new LabelCandidate(
                LabelCandidate.TOKENS,
                text,
                List.of(),
                s.trainShare(),
                s.coverage(),
                s.recall(),
                s.precision(),
                s.balancedAccuracy(),
                null,
                s.precision() == null ? 0 : Math.round(s.recall() * s.firings() / Math.max(1e-9, s.precision())),
                s.firings());
    }

    /** A rule about the surroundings in place of a list of tokens that claims nothing. */
    private Labeller.Label better(Labeller.Label name, List<LabelCandidate> all) {
        return all.stream()
                .filter(c -> !c.kind().equals(LabelCandidate.LOGITS))
                .filter(c -> c.trainCoverage() != null && c.trainCoverage() >= ENOUGH)
                .max(Comparator.comparingDouble(
                        (LabelCandidate c) -> c.trainCoverage() == null ? 0 : c.trainCoverage()))
                .map(this::named)
                .orElse(name);
    }

    private Labeller.Label named(LabelCandidate c) {
        LabelRule rule = switch (c.kind()) {
            case LabelCandidate.NEXT -> LabelRule.NEXT;
            case LabelCandidate.NGRAMS -> LabelRule.NGRAMS;
            default -> LabelRule.PATTERNS;
        };
        Double coverage = c.coverage();
        Double recall = c.recall();
        Double accuracy = c.balancedAccuracy();
        LabelScore score = coverage == null || recall == null || accuracy == null || c.trainCoverage() == null
                ? null
                : new LabelScore(
                        c.trainCoverage(), coverage, recall, c.precision(), accuracy, c.firings(), text.heldOutCount());
        String said = c.text() + (score == null ? "" : Labeller.percent(score));
        return new Labeller.Label(said, rule, score, new int[0], false);
    }
}
