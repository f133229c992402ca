package dev.loupe.graph;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.UsageException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * Which features made the model continue a prompt as it does? Missing JSON fields take the defaults named below.
 *
 * @param model the model's name; the embedded one if absent
 * @param transcoders a transcoder set: the name whose layers are {@code NAME-l0}, {@code NAME-l1}, ...
 * @param prompt the text
 * @param answer a token (with its leading space if it has one) whose logit is explained; the most probable ones if absent
 * @param wrong with {@code answer}: the difference of the two logits is explained
 * @param maxLogits how many logits at most; default 10
 * @param logitMass logits are taken until their probabilities sum to this; default 0.95
 * @param maxFeatures how many features are targets of edges, those with most influence first; default 7500
 * @param nodeThreshold share of influence of the nodes that are kept; default 0.8, 1 for all
 * @param edgeThreshold share of influence of the edges that are kept; default 0.98
 * @param ablate how many nodes of most influence are taken away one by one, to measure what the graph predicts; default 20
 * @param prependBos whether the model's beginning-of-sequence token is put in front; default true
 * @param bosNodes whether MLP outputs at that token are nodes; default false: they are the same for every prompt
 * @param memoryMb memory for the weights of all edges, in MiB; default 1024
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GraphRequest(
        @Nullable String model,
        String transcoders,
        String prompt,
        @Nullable String answer,
        @Nullable String wrong,
        int maxLogits,
        double logitMass,
        int maxFeatures,
        double nodeThreshold,
        double edgeThreshold,
        @Nullable Integer ablate,
        @Nullable Boolean prependBos,
        @Nullable Boolean bosNodes,
        int memoryMb) {
    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public GraphRequest {
        transcoders = transcoders == null ? "" : transcoders;
        prompt = prompt == null ? "" : prompt;
        answer = answer == null || answer.isEmpty() ? null : answer;
        wrong = wrong == null || wrong.isEmpty() ? null : wrong;
        maxLogits = maxLogits == 0 ? 10 : maxLogits;
        logitMass = logitMass == 0 ? 0.95 : logitMass;
        maxFeatures = maxFeatures == 0 ? 7500 : maxFeatures;
        nodeThreshold = nodeThreshold == 0 ? 0.8 : nodeThreshold;
        edgeThreshold = edgeThreshold == 0 ? 0.98 : edgeThreshold;
        ablate = ablate == null ? 20 : ablate;
        prependBos = prependBos == null || prependBos;
        bosNodes = bosNodes != null && bosNodes;
        memoryMb = memoryMb == 0 ? 1024 : memoryMb;
    }

    /** A request with defaults for the rest. */
    public static GraphRequest of(@Nullable String model, String transcoders, String prompt) {
        return new GraphRequest(model, transcoders, prompt, null, null, 0, 0, 0, 0, 0, null, null, null, 0);
    }

    /** The same for the difference of two logits. */
    public GraphRequest withAnswers(@Nullable String right, @Nullable String other) {
        return new GraphRequest(
                model,
                transcoders,
                prompt,
                right,
                other,
                maxLogits,
                logitMass,
                maxFeatures,
                nodeThreshold,
                edgeThreshold,
                ablate,
                prependBos,
                bosNodes,
                memoryMb);
    }

    /** The same with other shares of influence. */
    public GraphRequest withThresholds(double nodes, double edges) {
        return new GraphRequest(
                model,
                transcoders,
                prompt,
                answer,
                wrong,
                maxLogits,
                logitMass,
                maxFeatures,
                nodes,
                edges,
                ablate,
                prependBos,
                bosNodes,
                memoryMb);
    }

    /**
     * Checks everything that needs no model.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        if (transcoders.isBlank()) {
            throw new UsageException("An attribution graph needs a transcoder set: name one with --transcoders; loupe"
                    + " demo --circuits trains one for the embedded model.");
        }
        if (prompt.isEmpty()) {
            throw new UsageException("The prompt is empty; an attribution graph explains how a text continues.");
        }
        if (wrong != null && answer == null) {
            throw new UsageException("A wrong answer is given but no answer; name the right one, too.");
        }
        range("max_logits", maxLogits, 1, 100);
        range("max_features", maxFeatures, 1, 100_000);
        range("ablate", ablate == null ? 0 : ablate, 0, 1000);
        range("memory_mb", memoryMb, 1, 1 << 20);
        share("logit_mass", logitMass);
        share("node_threshold", nodeThreshold);
        share("edge_threshold", edgeThreshold);
    }

    private static void range(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new UsageException(what + " must lie between " + least + " and " + most + ", not be " + value + ".");
        }
    }

    private static void share(String what, double value) {
        if (!(value > 0 && value <= 1)) {
            throw new UsageException(what + " is a share above 0 and up to 1, not " + value + ".");
        }
    }

    boolean withBos() {
        return prependBos == null || prependBos;
    }

    boolean withBosNodes() {
        return bosNodes != null && bosNodes;
    }

    int ablations() {
        return ablate == null ? 0 : ablate;
    }
}
