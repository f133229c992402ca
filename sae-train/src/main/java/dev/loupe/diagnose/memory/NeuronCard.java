package dev.loupe.diagnose.memory;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.diagnose.TextSample;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.MlpKind;
import dev.loupe.model.Projection;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Tokenizer;
import dev.loupe.model.Want;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * One MLP neuron as a key and a value.
 *
 * @param model its model
 * @param layer its block
 * @param neuron its number there
 * @param mlp the kind of MLP: SwiGLU, GELU, ...
 * @param formula how its activation is computed
 * @param tokens of text that were looked at
 * @param active share of ordinary tokens on which it is above 0
 * @param places where it is strongest
 * @param promoted tokens whose logits its output raises most, with the sign of its strongest activation
 * @param suppressed those that it lowers most
 * @param agreement share of the places whose next token is among the first ten promoted
 */
@JsonNaming(SnakeCaseStrategy.class)
public record NeuronCard(
        String model,
        int layer,
        int neuron,
        String mlp,
        String formula,
        long tokens,
        double active,
        List<Place> places,
        List<Promoted> promoted,
        List<Promoted> suppressed,
        double agreement) {
    private static final int PLACES = 12;
    private static final int PROMOTED = 12;
    private static final int BEFORE = 8;

    /**
     * A place where the neuron is strong.
     *
     * @param before the text before the token
     * @param token the token
     * @param after the text behind it
     * @param pre x: input of the activation function
     * @param coefficient act(x) / x, exact
     * @param linear what the activated gate is multiplied with; 1 without a gate
     * @param post the neuron's activation
     */
    public record Place(
            String before, String token, String after, double pre, double coefficient, double linear, double post) {}

    /**
     * A token that a neuron's output moves.
     *
     * @param token the token
     * @param logit by how much its logit changes at activation 1
     */
    public record Promoted(String token, double logit) {}

    /**
     * Looks at a neuron on a text.
     *
     * @throws UsageException if there is no such layer or neuron
     */
    public static NeuronCard of(LanguageModel model, TextSample text, int layer, int neuron, Progress progress) {
        if (neuron < 0 || neuron >= model.config().dMlp()) {
            throw new UsageException("There is no neuron " + neuron + ": each layer of " + model.id()
                    + " has neurons 0 to " + (model.config().dMlp() - 1) + ".");
        }
        model.projection(layer, Projection.MLP_OUT); // refuses a layer that is not there
        MlpKind mlp = model.mlp();
        HookPoint pre = HookPoint.block(layer, "mlp.hook_pre");
        HookPoint linear = HookPoint.block(layer, "mlp.hook_pre_linear");
        HookPoint post = HookPoint.mlpPost(layer);
        Taps taps = mlp.gated() ? Taps.read(pre, linear, post) : Taps.read(pre, post);
        progress.stage("neuron " + layer + ":" + neuron, text.sequences().size(), "sequences");
        PriorityQueue<Found> best = new PriorityQueue<>(
                Comparator.comparingDouble(f -> Math.abs(f.place().post())));
        NeuronKey key = new NeuronKey(PLACES);
        long tokens = 0;
        long active = 0;
        for (int s = 0; s < text.sequences().size(); s++) {
            progress.check();
            int[] ids = text.sequences().get(s);
            Forward run = model.forward(TokenBatch.of(ids), taps, Want.NOTHING);
            for (int p = 0; p < ids.length; p++) {
                if (text.ordinary(ids, p)) {
                    float a = run.activation(post).get(0, p, neuron);
                    tokens++;
                    active += a > 0 ? 1 : 0;
                    key.add(a, ids, p);
                    if (best.size() < PLACES
                            || Math.abs(a) > Math.abs(best.peek().place().post())) {
                        double x = run.activation(pre).get(0, p, neuron);
                        double up = mlp.gated() ? run.activation(linear).get(0, p, neuron) : 1;
                        best.add(new Found(ids, p, new Place("", "", "", x, mlp.coefficient(x), up, a)));
                        if (best.size() > PLACES) {
                            best.poll();
                        }
                    }
                }
            }
            progress.advance(s + 1);
        }
        NeuronValues values = NeuronValues.of(model, layer, new int[] {neuron}, new NeuronKey[] {key});
        return new NeuronCard(
                model.id(),
                layer,
                neuron,
                mlp.title(),
                mlp.formula(),
                tokens,
                tokens == 0 ? 0 : (double) active / tokens,
                best.stream()
                        .sorted(Comparator.comparingDouble(
                                f -> -Math.abs(f.place().post())))
                        .map(f -> f.read(model.tokenizer()))
                        .toList(),
                promoted(values, values.top(0, PROMOTED), model.tokenizer()),
                promoted(values, values.bottom(0, PROMOTED), model.tokenizer()),
                key.agreement(values.top(0, 10)));
    }

    private static List<Promoted> promoted(NeuronValues values, int[] tokens, Tokenizer tokenizer) {
        return Arrays.stream(tokens)
                .mapToObj(t -> new Promoted(tokenizer.token(t), values.logit(0, t)))
                .toList();
    }

    /** A place whose words are not read yet. */
    private record Found(int[] ids, int position, Place place) {
        Place read(Tokenizer tokenizer) {
            List<String> pieces = tokenizer.pieces(ids);
            return new Place(
                    String.join("", pieces.subList(Math.max(0, position - BEFORE), position)),
                    pieces.get(position),
                    String.join("", pieces.subList(position + 1, Math.min(ids.length, position + 1 + BEFORE))),
                    place.pre(),
                    place.coefficient(),
                    place.linear(),
                    place.post());
        }
    }
}
