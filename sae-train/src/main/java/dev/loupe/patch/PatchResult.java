package dev.loupe.patch;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What patching found. All scores have one sign convention: clean into corrupt, gradient at the corrupted run, so a
 * positive score pushes the corrupted run towards the clean one.
 *
 * @param format version of this record's file form, major.minor
 * @param id the result's name in the workspace, empty if it was not saved
 * @param created ISO-8601 time
 * @param request what was asked, defaults filled in
 * @param modelChecksum checksum of the model's weights
 * @param cleanDifference logit(answer) − logit(wrong) after the clean prompt; null without both tokens
 * @param corruptDifference the same after the corrupted prompt
 * @param cleanMetric the metric of the clean run, in its own unit
 * @param corruptMetric the metric of the corrupted run
 * @param unit what one unit of the scores is, in words
 * @param cleanTokens text of each token of the clean prompt
 * @param corruptTokens text of each token of the corrupted prompt, as many
 * @param cleanIds token ids of the clean prompt
 * @param corruptIds token ids of the corrupted prompt
 * @param grids site → [row][column], in units of the metric: rows are layers; columns positions, for z heads, and for z_pos rows are heads of layers. A
 *     site of an SAE has one row, the layer of its hook
 * @param axes site → what rows and columns are
 * @param nodes the largest single neurons or latents of the sites neurons and sae:NAME, by size
 * @param verified cells that were also patched exactly
 * @param agreement site → how the scores agree with exact patching on the verified cells; empty if none
 * @param seconds time of the scores, without verification
 * @param pairs the pairs, in order; all scores are means over them, and the tokens above are the first pair's
 * @param notes what a reader must know before believing the scores, one sentence each
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record PatchResult(
        String format,
        String id,
        String created,
        PatchRequest request,
        String modelChecksum,
        @Nullable Double cleanDifference,
        @Nullable Double corruptDifference,
        double cleanMetric,
        double corruptMetric,
        String unit,
        List<String> cleanTokens,
        List<String> corruptTokens,
        int[] cleanIds,
        int[] corruptIds,
        Map<String, double[][]> grids,
        Map<String, Axes> axes,
        List<Node> nodes,
        List<Verified> verified,
        Map<String, Agreement> agreement,
        double seconds,
        List<Outcome> pairs,
        List<String> notes) {
    /** The version this program writes. */
    public static final String FORMAT = "1.1";

    /** Results written before there were several pairs have no list of them. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public PatchResult {
        pairs = pairs == null ? List.of() : List.copyOf(pairs);
        notes = notes == null ? List.of() : List.copyOf(notes);
    }

    /**
     * What the model does in one pair.
     *
     * @param cleanDifference mean logit of the answers − of the wrong ones after the clean prompt; null without both
     * @param corruptDifference the same after the corrupted prompt
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Outcome(
            @Nullable Double cleanDifference, @Nullable Double corruptDifference) {
        static Outcome of(Runs.Run run) {
            PromptPair p = run.pair();
            boolean both = p.answers().length > 0 && p.wrongs().length > 0;
            return new Outcome(
                    both ? Metric.difference(p, run.values().cleanLogits()) : null,
                    both ? Metric.difference(p, run.values().corruptLogits()) : null);
        }
    }

    /** The same result under a name. */
    public PatchResult withId(String name) {
        return new PatchResult(
                format,
                name,
                created,
                request,
                modelChecksum,
                cleanDifference,
                corruptDifference,
                cleanMetric,
                corruptMetric,
                unit,
                cleanTokens,
                corruptTokens,
                cleanIds,
                corruptIds,
                grids,
                axes,
                nodes,
                verified,
                agreement,
                seconds,
                pairs,
                notes);
    }

    /**
     * What rows and columns of a grid are.
     *
     * @param layers layer of each row
     * @param columns "position" or "head"
     * @param heads head of each row; null where rows are whole layers
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Axes(int[] layers, String columns, int @Nullable [] heads) {
        /** Axes of rows that are whole layers. */
        public Axes(int[] layers, String columns) {
            this(layers, columns, null);
        }
    }

    /**
     * One neuron or latent.
     *
     * @param site the site it belongs to
     * @param layer its layer
     * @param index its number in the layer or SAE
     * @param score sum over positions of (clean − corrupt) · coefficient
     * @param exact effect of patching exactly it, null if it was not verified
     * @param position where its score is largest in size
     * @param clean its activation there in the clean run
     * @param corrupt its activation there in the corrupted run
     * @param byPosition its score at every position
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Node(
            String site,
            int layer,
            int index,
            double score,
            @Nullable Double exact,
            int position,
            double clean,
            double corrupt,
            double[] byPosition) {
        /** Checks the position, which texts are looked up by. */
        public Node {
            if (position < 0) {
                throw new IllegalArgumentException("a node of " + site + " is at position " + position);
            }
        }
    }

    /**
     * A cell whose score was checked.
     *
     * @param site its site
     * @param layer its row's layer
     * @param column its column
     * @param estimate the method's score
     * @param exact the exact effect
     * @param hint why the two may be far apart, where they are and a reason was found; else null
     * @param head its row's head; null where rows are whole layers
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Verified(
            String site,
            int layer,
            int column,
            double estimate,
            double exact,
            @Nullable String hint,
            @Nullable Integer head) {}
}
