package dev.loupe.feature;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is counted about the tokens of a store themselves, whatever fires: the denominators of all rates. */
final class Totals {
    /** Labels beyond so many are counted together, so that a corpus with a label per document does not fill memory. */
    static final int MOST_LABELS = 64;

    static final String OTHER = "other";

    private final List<String> labels = new ArrayList<>();
    private final int[] labelOfDocument;
    final long[] labelTokens;
    final long[] labelTokensHeldOut;
    final long[] positions = new long[PositionBands.COUNT];
    final int[] tokens;
    final int[] tokensHeldOut;
    final int[] previous;
    final int[] previousHeldOut;
    long rows;
    long heldOutRows;
    long active;

    /**
     * @param documents their labels
     * @param vocabulary token ids are below it
     */
    Totals(List<String> documents, int vocabulary) {
        Map<String, Integer> sizes = new LinkedHashMap<>();
        documents.forEach(label -> sizes.merge(label, 1, Integer::sum));
        List<String> common = sizes.entrySet().stream()
                .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
                .limit(MOST_LABELS)
                .map(Map.Entry::getKey)
                .toList();
        labels.addAll(common);
        if (common.size() < sizes.size()) {
            labels.add(OTHER);
        }
        labelOfDocument = new int[documents.size()];
        Map<String, Integer> index = new LinkedHashMap<>();
        common.forEach(label -> index.put(label, index.size()));
        for (int d = 0; d < labelOfDocument.length; d++) {
            labelOfDocument[d] = index.getOrDefault(documents.get(d), labels.size() - 1);
        }
        labelTokens = new long[labels.size()];
        labelTokensHeldOut = new long[labels.size()];
        tokens = new int[vocabulary];
        tokensHeldOut = new int[vocabulary];
        previous = new int[vocabulary];
        previousHeldOut = new int[vocabulary];
    }

    int label(int document) {
        return labelOfDocument[document];
    }

    List<String> labels() {
        return labels;
    }

    void add(Block block) {
        rows += block.rows;
        active += block.entries();
        for (int r = 0; r < block.rows; r++) {
            boolean held = block.heldOut[r];
            heldOutRows += held ? 1 : 0;
            labelTokens[block.label[r]]++;
            positions[PositionBands.of(block.position[r])]++;
            tokens[block.token[r]]++;
            if (block.previous[r] >= 0) {
                previous[block.previous[r]]++;
            }
            if (held) {
                labelTokensHeldOut[block.label[r]]++;
                tokensHeldOut[block.token[r]]++;
                if (block.previous[r] >= 0) {
                    previousHeldOut[block.previous[r]]++;
                }
            }
        }
    }

    /** How often any of these tokens stands on a held-out row, or before one. */
    long heldOut(int[] ids, boolean before) {
        int[] counts = before ? previousHeldOut : tokensHeldOut;
        return Arrays.stream(ids).mapToLong(id -> counts[id]).sum();
    }
}
