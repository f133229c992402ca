package dev.loupe.model;

import java.util.List;

/**
 * Lets text through up to the first stop string. What may be the beginning of one is held back until it is certain.
 * Used by one thread.
 */
final class StopFilter {
    private final List<String> stops;
    private String pending = "";
    private boolean stopped;

    StopFilter(List<String> stops) {
        this.stops = stops;
    }

    /** Takes text and gives what is certain to belong to the answer. */
    String add(String text) {
        if (stopped) {
            return "";
        }
        pending += text;
        int first = -1;
        for (String stop : stops) {
            int at = pending.indexOf(stop);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
            }
        }
        if (first >= 0) {
            stopped = true;
            return take(first);
        }
        return take(pending.length() - heldBack());
    }

    /** Whether a stop string has appeared. */
    boolean stopped() {
        return stopped;
    }

    /** What was held back, when nothing more comes. */
    String end() {
        return stopped ? "" : take(pending.length());
    }

    private String take(int n) {
        String text = pending.substring(0, n);
        pending = pending.substring(n);
        return text;
    }

    /** Length of the longest end of the text that begins a stop string. */
    private int heldBack() {
        int longest = 0;
        for (String stop : stops) {
            for (int n = Math.min(stop.length() - 1, pending.length()); n > longest; n--) {
                if (stop.startsWith(pending.substring(pending.length() - n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }
}
