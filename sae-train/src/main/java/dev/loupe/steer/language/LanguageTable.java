package dev.loupe.steer.language;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * How often texts switch to a language: the result of a {@link LanguageTrial}.
 *
 * @param format version of the form
 * @param plan what was asked, defaults filled in
 * @param created when, ISO 8601
 * @param seconds how long it took
 * @param identifier the language identifier
 * @param identified how far it is right on real held-out passages of the same length
 * @param realLoss mean loss of real text by language, nats a token
 * @param rows one for each method and level, references first
 * @param pairs one for each method and ordered pair, at the strength chosen on training documents
 * @param examples a few texts
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record LanguageTable(
        String format,
        TrialPlan plan,
        String created,
        double seconds,
        String identifier,
        Identified identified,
        Map<String, Double> realLoss,
        List<Row> rows,
        List<Pair> pairs,
        List<Example> examples) {

    /**
     * The identifier on passages whose document's language is certain.
     *
     * @param right it names the language, however sure
     * @param sure it names the language with a confidence of 0.9
     * @param wrong it names another language with a confidence of 0.9
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Identified(Share right, Share sure, double wrong) {}

    /**
     * A method, over all ordered pairs.
     *
     * @param method real-text and own-text (what can be reached), default, two-sentence-prompt, or a way to steer
     * @param level the KL that its strengths are matched at; null where there is none
     * @param chosen whether each pair has the level that did best on training documents
     * @param kl measured KL(default ‖ steered) on text of the prompt's language, nats a token, mean over pairs; null where
     *     nothing is compared
     * @param switched share of texts that meet all three criteria
     * @param named share that the identifier gives the target with a confidence of 0.9
     * @param varied share whose distinct-2 is high enough
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    @JsonInclude(JsonInclude.Include.ALWAYS)
    public record Row(
            String method,
            @Nullable Double level,
            boolean chosen,
            @Nullable Double kl,
            Share switched,
            double named,
            double varied) {}

    /**
     * A method on one ordered pair, at the strength chosen on training documents.
     *
     * @param method a way to steer
     * @param source language of the prompts
     * @param target language wanted
     * @param level the level chosen
     * @param strength the factor of the method's own unit
     * @param units latents or neurons that are edited; 1 for a vector
     * @param switched share of texts that meet all criteria
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Pair(
            String method, String source, String target, double level, double strength, int units, Share switched) {}

    /**
     * A text: the first that switched of a method and target, at the level chosen.
     *
     * @param method name of the method
     * @param source language of the prompt
     * @param target language wanted
     * @param prompt what the model was given
     * @param text what it wrote
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Example(String method, String source, String target, String prompt, String text) {}
}
