package dev.loupe.feature;

import dev.loupe.model.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The texts of all tokens, and sets of tokens that a label's rule can name. */
final class Vocabulary {
    /** Endings of 2 to this many letters are looked for. */
    static final int LONGEST_ENDING = 5;

    private final String[] texts;
    private final String[] shown; // where a token is part of a character: its bytes
    private final boolean[] special;
    private final Groups words;
    private final Groups[] endings = new Groups[LONGEST_ENDING + 1];
    private final Map<CharacterClass, int[]> byClass = new LinkedHashMap<>();

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
                s -> !s.isBlank() && Character.isUpperCase(s.strip().codePointAt(0)));

        final String plural;
        final Predicate<String> test;

        CharacterClass(String plural, Predicate<String> test) {
            this.plural = plural;
            this.test = test;
        }
    }

    /** Tokens that have something in common, each group numbered: its name and its tokens. */
    static final class Groups {
        private final int[] ofToken; // -1: in none
        private final List<String> names = new ArrayList<>();
        private final List<List<Integer>> members = new ArrayList<>();

        private Groups(int tokens, IntFunction<@Nullable String> nameOf) {
            ofToken = new int[tokens];
            Map<String, Integer> numbers = new HashMap<>();
            for (int id = 0; id < tokens; id++) {
                String name = nameOf.apply(id);
                ofToken[id] = -1;
                if (name != null) {
                    int group = numbers.computeIfAbsent(name, n -> {
                        names.add(n);
                        members.add(new ArrayList<>());
                        return names.size() - 1;
                    });
                    ofToken[id] = group;
                    members.get(group).add(id);
                }
            }
        }

        int size() {
            return names.size();
        }

        /** The group of a token, or -1. */
        int of(int token) {
            return ofToken[token];
        }

        String name(int group) {
            return names.get(group);
        }

        int[] tokens(int group) {
            return members.get(group).stream().mapToInt(Integer::intValue).toArray();
        }
    }

    Vocabulary(Tokenizer tokenizer, int size) {
        texts = new String[size];
        shown = new String[size];
        special = new boolean[size];
        for (int id = 0; id < size; id++) {
            boolean known = id < tokenizer.vocabSize();
            texts[id] = known ? tokenizer.token(id) : "";
            boolean part = known && texts[id].indexOf('\uFFFD') >= 0;
            shown[id] = part ? PartialText.of(tokenizer.tokenBytes(id)) : texts[id];
            special[id] = known && tokenizer.isSpecial(id);
        }
        words = new Groups(size, id -> special[id] || texts[id].isBlank() ? null : word(texts[id]));
        for (int length = 2; length <= LONGEST_ENDING; length++) {
            int letters = length;
            endings[length] = new Groups(size, id -> special[id] ? null : ending(texts[id], letters));
        }
        for (CharacterClass c : CharacterClass.values()) {
            byClass.put(
                    c,
                    IntStream.range(0, size)
                            .filter(id -> !special[id] && c.test.test(texts[id]))
                            .toArray());
        }
    }

    int size() {
        return texts.length;
    }

    /** A token as people read it; bytes that are only part of a character as ⟨E2 82⟩. */
    String text(int token) {
        return shown[token];
    }

    boolean isSpecial(int token) {
        return special[token];
    }

    /** A token in quotes, with what cannot be seen made visible. */
    String quoted(int token) {
        String text = shown[token].replace("\n", "↵").replace("\r", "␍").replace("\t", "⇥");
        return "\"" + text + "\"";
    }

    /** The word a token stands for, whatever its case and outer blanks. */
    static String word(String text) {
        return text.strip().toLowerCase(Locale.ROOT);
    }

    /** The last letters of a token, or null where they are no letters. */
    static @Nullable String ending(String text, int letters) {
        if (text.length() < letters) {
            return null;
        }
        String ending = text.substring(text.length() - letters);
        return ending.chars().allMatch(Character::isLetter) ? ending : null;
    }

    /** Tokens by {@link #word}. */
    Groups words() {
        return words;
    }

    /** Tokens by {@link #ending}. */
    Groups endings(int letters) {
        return endings[letters];
    }

    int[] ofClass(CharacterClass c) {
        int[] ids = byClass.get(c);
        return ids == null ? new int[0] : ids;
    }

    /** A set of ids as flags. */
    boolean[] flags(int[] ids) {
        boolean[] flags = new boolean[texts.length];
        Arrays.stream(ids).forEach(id -> flags[id] = true);
        return flags;
    }
}
