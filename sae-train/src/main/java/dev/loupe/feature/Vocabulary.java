package dev.loupe.feature;

import dev.loupe.model.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/** The texts of all tokens, and sets of tokens that a label's rule can name. */
final class Vocabulary {
    private final String[] texts;
    private final String[] words;
    private final boolean[] special;
    private final Map<String, int[]> byWord = new LinkedHashMap<>();
    private final Map<String, int[]> byEnding = new LinkedHashMap<>();

    /** Classes of characters, the narrower ones first. */
    enum CharacterClass {
        BLANKS("blanks and line ends", s -> s.isBlank() && !s.isEmpty()),
        DIGITS("digits", s -> !s.isBlank() && s.strip().chars().allMatch(Character::isDigit)),
        PUNCTUATION(
                "punctuation",
                s -> !s.isBlank()
                        && s.strip().codePoints().noneMatch(c -> Character.isLetterOrDigit(c) || c == 0xFFFD)),
        UPPER_CASE(
                "words in capitals",
                s -> s.strip().length() > 1 && s.strip().codePoints().allMatch(Character::isUpperCase)),
        CAPITALISED(
                "capitalised words",
                s -> !s.isBlank() && Character.isUpperCase(s.strip().codePointAt(0))),
        INSIDE_WORDS("inside words", s -> !s.isEmpty() && Character.isLetter(s.codePointAt(0)));

        final String plural;
        final Predicate<String> test;

        CharacterClass(String plural, Predicate<String> test) {
            this.plural = plural;
            this.test = test;
        }
    }

    private final Map<CharacterClass, int[]> byClass = new LinkedHashMap<>();

    Vocabulary(Tokenizer tokenizer, int size) {
        texts = new String[size];
        words = new String[size];
        special = new boolean[size];
        Map<String, List<Integer>> groups = new LinkedHashMap<>();
        for (int id = 0; id < size; id++) {
            boolean known = id < tokenizer.vocabSize();
            texts[id] = known ? tokenizer.token(id) : "";
            words[id] = word(texts[id]);
            special[id] = known && tokenizer.isSpecial(id);
            if (!special[id] && !texts[id].isBlank()) {
                groups.computeIfAbsent(words[id], w -> new ArrayList<>()).add(id);
            }
        }
        groups.forEach((word, ids) ->
                byWord.put(word, ids.stream().mapToInt(Integer::intValue).toArray()));
        for (CharacterClass c : CharacterClass.values()) {
            byClass.put(c, matching(c.test));
        }
    }

    int size() {
        return texts.length;
    }

    String text(int token) {
        return texts[token];
    }

    /** {@link #word(String)} of a token's text. */
    String word(int token) {
        return words[token];
    }

    boolean isSpecial(int token) {
        return special[token];
    }

    /** A token in quotes, with what cannot be seen made visible. */
    String quoted(int token) {
        String text = texts[token].replace("\n", "↵").replace("\r", "␍").replace("\t", "⇥");
        return "\"" + text + "\"";
    }

    /** The word a token stands for, whatever its case and outer blanks. */
    static String word(String text) {
        return text.strip().toLowerCase(Locale.ROOT);
    }

    int[] ofWord(String word) {
        return byWord.getOrDefault(word, new int[0]);
    }

    int[] ofClass(CharacterClass c) {
        int[] ids = byClass.get(c);
        return ids == null ? new int[0] : ids;
    }

    synchronized int[] withEnding(String ending) {
        return byEnding.computeIfAbsent(ending, e -> matching(s -> hasEnding(s, e)));
    }

    /** Whether a token ends so and is more than that. */
    static boolean hasEnding(String text, String ending) {
        return text.endsWith(ending) && text.strip().length() > 0;
    }

    private int[] matching(Predicate<String> test) {
        return IntStream.range(0, texts.length)
                .filter(id -> !special[id] && test.test(texts[id]))
                .toArray();
    }

    /** A set of ids as flags. */
    boolean[] flags(int[] ids) {
        boolean[] flags = new boolean[texts.length];
        Arrays.stream(ids).forEach(id -> flags[id] = true);
        return flags;
    }
}
