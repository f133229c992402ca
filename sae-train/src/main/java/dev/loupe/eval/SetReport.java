package dev.loupe.eval;

import dev.loupe.base.VersionedJson;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * The report of a transcoder set or cross-layer transcoder on held-out tokens.
 *
 * @param format version of this file
 * @param set its name
 * @param store the activation store
 * @param storeFingerprint of its contents
 * @param layerChecksums SHA-256 of each layer's weights file; empty if the set was never saved
 * @param model id of the language model
 * @param crossLayer whether latents also write to later layers
 * @param tokens held-out rows behind L0 and FVU
 * @param l0 mean number of active latents per token, all layers together
 * @param fvu mean of the layers'
 * @param deadFraction of all latents
 * @param lossTokens predictions behind the losses
 * @param ceClean cross-entropy of the model as it is, in nats
 * @param ceReplaced with every output replaced at once, each layer reading what the replaced ones before it left
 * @param layers each layer, with the inputs of the undisturbed model
 * @param seconds the evaluation took
 * @param created when, ISO 8601
 */
@JsonNaming(SnakeCaseStrategy.class)
public record SetReport(
        String format,
        String set,
        String store,
        String storeFingerprint,
        List<String> layerChecksums,
        String model,
        boolean crossLayer,
        long tokens,
        double l0,
        double fvu,
        double deadFraction,
        long lossTokens,
        double ceClean,
        double ceReplaced,
        List<Layer> layers,
        double seconds,
        String created) {
    /** The version that this code writes. */
    public static final String FORMAT = "1.0";

    /** Where the report of a set lies: beside the folders of its layers. */
    public static Path file(Path saesDir, String set) {
        return saesDir.resolve(fileName(set));
    }

    static String fileName(String set) {
        return set + ".report.json";
    }

    /**
     * The report that an earlier evaluation of a set left.
     *
     * @throws dev.loupe.base.NotFoundException if there is none
     * @throws dev.loupe.base.NewerFormatException if a later Loupe made it
     */
    public static SetReport open(Path saesDir, String set) {
        return VersionedJson.read(file(saesDir, set), what(set), SetReport.class);
    }

    /** Refuses to evaluate a set, of which the folder of a layer is given, anew where a later Loupe has evaluated it. */
    static void checkReplaceable(Path layer, String set) {
        VersionedJson.checkReplaceable(layer.resolveSibling(fileName(set)), what(set));
    }

    /** Writes it beside the folder of one of the set's layers. */
    void save(Path layer) {
        VersionedJson.write(layer.resolveSibling(fileName(set)), what(set), this);
    }

    private static String what(String set) {
        return "report of the set " + set;
    }

    /**
     * One layer.
     *
     * @param hookIn the place that its latents read
     * @param hookOut the place that is reconstructed
     * @param l0 its active latents per token
     * @param fvu Σ‖y − ŷ‖² / Σ‖y − ȳ‖² of its output
     * @param dead latents that are active on no token
     * @param deltaCe change of the loss in nats when its output alone is replaced
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Layer(String hookIn, String hookOut, double l0, double fvu, int dead, double deltaCe) {}

    /** {@code ceReplaced − ceClean}. */
    public double deltaCe() {
        return ceReplaced - ceClean;
    }

    /** What {@code loupe eval --json} prints for this set. */
    public Map<String, Object> summary() {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("l0", l0);
        s.put("fvu", fvu);
        s.put("dead_fraction", deadFraction);
        s.put("tokens", tokens);
        s.put("cross_layer", crossLayer);
        s.put("delta_ce", deltaCe());
        s.put("ce_clean", ceClean);
        s.put("ce_replaced", ceReplaced);
        s.put("loss_tokens", lossTokens);
        s.put("layers", layers);
        return s;
    }
}
