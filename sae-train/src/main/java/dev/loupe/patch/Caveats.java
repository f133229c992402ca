package dev.loupe.patch;

import java.util.ArrayList;
import java.util.List;

/** What a reader of a result must know before believing it. */
final class Caveats {
    private Caveats() {}

    /**
     * The notes.
     *
     * @param asked how many pairs there were before wrong ones were left out
     */
    static List<String> of(List<PatchResult.Outcome> outcomes, int asked) {
        List<String> notes = new ArrayList<>();
        if (outcomes.size() < asked) {
            notes.add((asked - outcomes.size()) + " of " + asked + " pairs were left out because the model gets them"
                    + " wrong.");
        }
        long wrong = outcomes.stream()
                .filter(o -> o.cleanDifference() != null && o.cleanDifference() <= 0)
                .count();
        long right = outcomes.stream()
                .filter(o -> o.corruptDifference() != null && o.corruptDifference() >= 0)
                .count();
        if (wrong > 0) {
            notes.add("After the clean prompt the model prefers the wrong answer" + of(wrong, outcomes.size())
                    + ": there is less of a behaviour here to explain than it seems.");
        }
        if (right > 0) {
            notes.add("After the corrupted prompt the model still prefers the right answer" + of(right, outcomes.size())
                    + ": the two prompts do not differ in what you ask about as much as they should.");
        }
        return notes;
    }

    private static String of(long some, int all) {
        return all == 1 ? "" : " in " + some + " of " + all + " pairs";
    }
}
