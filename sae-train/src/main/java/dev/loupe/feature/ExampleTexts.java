package dev.loupe.feature;

import dev.loupe.base.LoupeException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Examples with their texts: each is a piece of a sequence whose tokens the index keeps once. */
final class ExampleTexts {
    private final String sae;
    private final TableReader table;

    ExampleTexts(String sae, TableReader table) {
        this.sae = sae;
        this.table = table;
    }

    /** Examples from rows of their table. */
    List<Example> of(List<Object[]> rows) {
        Map<Integer, Object[]> texts = texts(rows);
        return rows.stream()
                .map(r -> example(r, Objects.requireNonNull(texts.get((Integer) r[7]))))
                .toList();
    }

    /** The rows of table texts that examples refer to, by number. */
    private Map<Integer, Object[]> texts(List<Object[]> exampleRows) {
        long[] wanted = exampleRows.stream()
                .mapToLong(r -> (Integer) r[7])
                .sorted()
                .distinct()
                .toArray();
        List<Object[]> read = table.read(wanted);
        Map<Integer, Object[]> texts = new LinkedHashMap<>();
        for (int i = 0; i < wanted.length; i++) {
            texts.put((int) wanted[i], read.get(i));
        }
        return texts;
    }

    /** An example from a row of its table: the text of its sequence, cut to what is shown. */
    private Example example(Object[] r, Object[] text) {
        int first = (Integer) r[8];
        int last = (Integer) r[9];
        int peak = (Integer) r[10];
        List<?> all = (List<?>) text[1];
        if (!text[0].equals(r[6]) || first < 0 || first > peak || peak > last || last >= all.size()) {
            throw new LoupeException("The feature index of " + sae + " contradicts itself about sequence " + r[6]
                    + ": build it again with loupe index.");
        }
        List<String> tokens = new ArrayList<>();
        for (int p = first; p <= last; p++) {
            tokens.add((String) all.get(p));
        }
        short[] offsets = (short[]) r[12];
        float[] sparse = (float[]) r[13];
        float[] values = new float[tokens.size()];
        for (int i = 0; i < offsets.length; i++) {
            int at = peak + offsets[i] - first;
            if (at >= 0 && at < values.length) {
                values[at] = sparse[i];
            }
        }
        return new Example(
                (Integer) r[2],
                (String) r[3],
                (String) r[4],
                (Boolean) r[5],
                (Integer) r[6],
                first,
                (Float) r[11],
                List.copyOf(tokens),
                values,
                peak - first);
    }
}
