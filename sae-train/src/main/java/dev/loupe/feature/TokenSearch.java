package dev.loupe.feature;

import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Latents by a regular expression on the tokens that carry most of their activation. */
final class TokenSearch {
    private static final int LONGEST = 200;

    /** Characters that an expression may look at in one search, so that none runs for ever. */
    private static final long MOST_STEPS = 10_000_000;

    private final FeatureIndex index;
    private final TableReader table;

    /** All rows of table tokens that are of the token itself. */
    private record Rows(int[] feature, String[] text, double[] share) {}

    private volatile @org.jspecify.annotations.Nullable Rows loaded;

    TokenSearch(FeatureIndex index, TableReader table) {
        this.index = index;
        this.table = table;
    }

    /** A text that counts how often it is looked at. */
    private static final class Counted implements CharSequence {
        private final CharSequence text;
        private final long[] steps;

        Counted(CharSequence text, long[] steps) {
            this.text = text;
            this.steps = steps;
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int i) {
            if (++steps[0] > MOST_STEPS) {
                throw new UsageException("The regular expression takes too long; a simpler one finds the same tokens.");
            }
            return text.charAt(i);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return new Counted(text.subSequence(start, end), steps);
        }

        @Override
        public String toString() {
            return text.toString();
        }
    }

    /** Latents by the share of their activation on matching tokens, largest first. */
    List<SearchHit> find(String expression, int limit) {
        if (expression.isEmpty() || expression.length() > LONGEST) {
            throw new UsageException("A regular expression has 1 to " + LONGEST + " characters.");
        }
        Pattern pattern;
        try {
            pattern = Pattern.compile(expression);
        } catch (PatternSyntaxException e) {
            throw new UsageException("This is no regular expression: " + e.getDescription() + " at character "
                    + Math.max(0, e.getIndex()) + ".");
        }
        Rows rows = rows();
        double[] shares = new double[index.size()];
        long[] steps = new long[1];
        for (int r = 0; r < rows.feature().length; r++) {
            if (pattern.matcher(new Counted(rows.text()[r], steps)).find()) {
                shares[rows.feature()[r]] += rows.share()[r];
            }
        }
        List<SearchHit> hits = new ArrayList<>();
        for (int i = 0; i < shares.length; i++) {
            if (shares[i] > 0) {
                hits.add(new SearchHit(index.summary(i), "regex", shares[i], null));
            }
        }
        hits.sort(Comparator.comparingDouble((SearchHit h) -> -h.score())
                .thenComparingInt(h -> h.summary().id()));
        return List.copyOf(hits.subList(0, Math.min(limit, hits.size())));
    }

    private Rows rows() {
        Rows r = loaded;
        if (r == null) {
            List<Object[]> all = new ArrayList<>();
            table.forEach(row -> {
                if (!(Boolean) row[1]) {
                    all.add(row);
                }
            });
            int[] feature = new int[all.size()];
            String[] text = new String[feature.length];
            double[] share = new double[feature.length];
            for (int k = 0; k < feature.length; k++) {
                feature[k] = (Integer) all.get(k)[0];
                text[k] = ((String) all.get(k)[3]).intern();
                share[k] = (Double) all.get(k)[5];
            }
            r = new Rows(feature, text, share);
            loaded = r;
        }
        return r;
    }
}
