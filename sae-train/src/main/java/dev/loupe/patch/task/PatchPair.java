package dev.loupe.patch.task;

import com.fasterxml.jackson.annotation.JsonAlias;
import com.fasterxml.jackson.annotation.JsonFormat;
import java.util.List;

/**
 * A prompt and its counterpart, as a person writes them.
 *
 * @param clean the prompt that shows the behaviour
 * @param corrupt its counterpart, of the same number of tokens
 * @param answers the token that is right after the clean prompt, or a set of them ({@code answer} in JSON is one)
 * @param wrongs the token that is right after the corrupted prompt, or a set of them
 */
public record PatchPair(
        String clean,
        String corrupt,

        @JsonAlias("answer") @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<String> answers,

        @JsonAlias("wrong") @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<String> wrongs) {
    /** Missing lists are empty. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public PatchPair {
        clean = clean == null ? "" : clean;
        corrupt = corrupt == null ? "" : corrupt;
        answers = answers == null ? List.of() : List.copyOf(answers);
        wrongs = wrongs == null ? List.of() : List.copyOf(wrongs);
    }

    /** A pair with one answer on each side. */
    public static PatchPair of(String clean, String corrupt, String answer, String wrong) {
        return new PatchPair(clean, corrupt, List.of(answer), List.of(wrong));
    }

    /** Clean and corrupt exchanged. */
    public PatchPair swapped() {
        return new PatchPair(corrupt, clean, wrongs, answers);
    }
}
