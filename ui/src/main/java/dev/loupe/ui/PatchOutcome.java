package dev.loupe.ui;

import com.vaadin.flow.component.html.Div;
import dev.loupe.patch.PatchResult;

/** The figures of a result that a person would quote. */
final class PatchOutcome {
    private PatchOutcome() {}

    static Div facts(PatchResult r) {
        Div all = Kit.facts();
        if (r.cleanDifference() != null) {
            all.add(
                    Kit.fact(
                            Num.signed(r.cleanDifference(), 3),
                            "logit difference, clean",
                            "logit(answer) − logit(wrong) after the clean prompt"),
                    Kit.fact(Num.signed(r.corruptDifference(), 3), "corrupted", "the same after the corrupted prompt"));
        }
        if (r.pairs().size() > 1) {
            all.add(
                    Kit.fact(
                            Num.count(r.pairs().size(), "pair"),
                            "means over them",
                            "the first pair's tokens are shown"),
                    Kit.fact(
                            right(r) + " of " + r.pairs().size(),
                            "right on both sides",
                            "pairs in which the model prefers the answer after the clean prompt and the other one after the corrupted"));
        }
        all.add(
                Kit.fact(
                        Num.signed(r.cleanMetric() - r.corruptMetric(), 3),
                        r.unit() + " to explain",
                        "the metric of the clean run less that of the corrupted run"),
                Kit.fact(Num.fixed(r.seconds(), 2) + " s", cost(r), "time of the scores, without checking them"));
        return all;
    }

    private static long right(PatchResult r) {
        return r.pairs().stream()
                .filter(p -> p.cleanDifference() != null
                        && p.cleanDifference() > 0
                        && p.corruptDifference() != null
                        && p.corruptDifference() < 0)
                .count();
    }

    private static String cost(PatchResult r) {
        return switch (r.request().method()) {
            case "relp", "atp", "atp_qk" ->
                "2 forwards + 1 backward" + (r.pairs().size() > 1 ? " a pair" : "");
            case "atp_drop", "atp_star" -> "one backward for each layer";
            case "ig" -> "forwards and backwards along the way";
            default -> "one forward for each cell";
        };
    }
}
