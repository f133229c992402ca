package dev.loupe.model;

import dev.loupe.model.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The merges of a BPE tokenizer in a GGUF file, first the one that is done first. */
final class GgufMerges {
    private static final String MERGES = "tokenizer.ggml.merges";
    private static final String SCORES = "tokenizer.ggml.scores";
    private static final int LONGEST_PIECE = 1024;

    private GgufMerges() {}

    /** As the file lists them. */
    static List<String[]> listed(GgufMetadata meta) {
        List<String[]> merges = new ArrayList<>();
        for (String line : meta.texts(MERGES)) {
            int space = line.indexOf(' ', 1);
            if (space < 0 || space == line.length() - 1) {
                throw meta.refused(MERGES + " holds \"" + line + "\", which is no pair of tokens");
            }
            merges.add(new String[] {line.substring(0, space), line.substring(space + 1)});
        }
        return merges;
    }

    private record Merge(String left, String right, int leftId, int rightId, double order, int id) {}

    /**
     * SentencePiece joins the two neighbours whose piece has the best score: every way to cut a piece in two known ones is
     * a merge, ordered by the piece's score. Where scores are equal, longer left parts come first, then the
     * order of the file, as in Hugging Face's converters. The scores of Gemma say nothing, its file is in order.
     */
    static List<String[]> fromScores(GgufMetadata meta, List<String> tokens) {
        if (meta.has(MERGES)) {
            return listed(meta);
        }
        float[] scores = meta.numbers(SCORES);
        boolean inOrder = meta.text("general.architecture").startsWith("gemma");
        if (!inOrder && (scores == null || scores.length != tokens.size())) {
            throw meta.refused(SCORES + " has " + (scores == null ? 0 : scores.length) + " entries for " + tokens.size()
                    + " tokens");
        }
        Map<String, Integer> ids = new HashMap<>();
        for (int i = 0; i < tokens.size(); i++) {
            ids.putIfAbsent(tokens.get(i), i);
        }
        List<Merge> merges = new ArrayList<>();
        for (int i = 0; i < tokens.size(); i++) {
            String piece = tokens.get(i);
            if (piece.length() > LONGEST_PIECE) {
                throw meta.refused("token " + i + " has " + piece.length() + " characters");
            }
            double order = inOrder || scores == null ? i : -scores[i];
            for (int cut = 1; cut < piece.length(); cut++) {
                Integer left = ids.get(piece.substring(0, cut));
                Integer right = ids.get(piece.substring(cut));
                if (left != null && right != null) {
                    merges.add(new Merge(piece.substring(0, cut), piece.substring(cut), left, right, order, i));
                }
            }
        }
        merges.sort(Comparator.comparingDouble(Merge::order)
                .thenComparing(Comparator.comparingInt((Merge m) -> m.left().length())
                        .thenComparingInt(m -> m.right().length())
                        .reversed())
                .thenComparingInt(Merge::id)
                .thenComparingInt(Merge::leftId)
                .thenComparingInt(Merge::rightId));
        return merges.stream().map(m -> new String[] {m.left(), m.right()}).toList();
    }
}
