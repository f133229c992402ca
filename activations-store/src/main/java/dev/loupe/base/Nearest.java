package dev.loupe.base;

import java.util.Collection;
import java.util.Comparator;

/** The name that somebody who mistyped one probably meant. */
public final class Nearest {
    private Nearest() {}

    /** The candidate with the smallest {@link #distance}; empty if there is none. */
    public static String to(String name, Collection<String> candidates) {
        return candidates.stream()
                .min(Comparator.comparingInt(c -> distance(c, name)))
                .orElse("");
    }

    /** Levenshtein's distance: insertions, deletions and replacements of characters. */
    public static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
