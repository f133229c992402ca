package dev.loupe.feature;

import java.util.ArrayList;
import java.util.List;

/** The rows of table words: one for each latent, with lists over the labels whose own words it picks. */
final class WordsTable {
    /** Columns to read for {@link #count}. */
    static final int COUNT_COLUMNS = 2;

    private WordsTable() {}

    static void write(TableWriter table, int id, List<LabelWords> words) {
        float[] lifts = new float[words.size()];
        List<String> flat = new ArrayList<>();
        for (int i = 0; i < lifts.length; i++) {
            lifts[i] = (float) words.get(i).lift();
            for (int k = 0; k < OwnWords.WORDS; k++) {
                flat.add(k < words.get(i).words().size() ? words.get(i).words().get(k) : "");
            }
        }
        table.row(
                id,
                words.size(),
                words.stream().map(LabelWords::label).toList(),
                words.stream().mapToLong(LabelWords::fired).toArray(),
                lifts,
                flat);
    }

    /** How many labels a row has; its first {@link #COUNT_COLUMNS} columns are enough. */
    static int count(Object[] row) {
        return (Integer) row[1];
    }

    static List<LabelWords> read(Object[] row) {
        List<?> labels = (List<?>) row[2];
        long[] fired = (long[]) row[3];
        float[] lifts = (float[]) row[4];
        List<?> flat = (List<?>) row[5];
        List<LabelWords> words = new ArrayList<>();
        for (int i = 0; i < lifts.length; i++) {
            List<String> own = flat.subList(i * OwnWords.WORDS, (i + 1) * OwnWords.WORDS).stream()
                    .map(String.class::cast)
                    .filter(w -> !w.isEmpty())
                    .toList();
            words.add(new LabelWords((String) labels.get(i), fired[i], lifts[i], own));
        }
        return List.copyOf(words);
    }
}
