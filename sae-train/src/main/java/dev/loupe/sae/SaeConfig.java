package dev.loupe.sae;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an SAE is apart from its weights.
 *
 * @param architecture which latents are active
 * @param k active latents per token of a TopK SAE, else 0
 * @param applyBDecToInput whether the encoder sees x − b_dec
 * @param modelId the language model; empty if unknown
 * @param hookName the place that is read, TransformerLens name; several joined by commas, whose values lie side by side,
 *     for a crosscoder; empty if unknown
 * @param hookNameOut the place that a transcoder writes, or several joined by commas; empty for an SAE, which writes where
 *     it reads
 * @param metadata further entries of the {@code metadata} of SAELens' {@code cfg.json}, kept as they are
 */
public record SaeConfig(
        Architecture architecture,
        int k,
        boolean applyBDecToInput,
        String modelId,
        String hookName,
        String hookNameOut,
        Map<String, Object> metadata) {

    /** The config of an SAE. */
    public SaeConfig(
            Architecture architecture,
            int k,
            boolean applyBDecToInput,
            String modelId,
            String hookName,
            Map<String, Object> metadata) {
        this(architecture, k, applyBDecToInput, modelId, hookName, "", metadata);
    }

    private static final String SELECTION = "selection";
    private static final String STATISTICAL = "statistical";

    /** Metadata of a TopK SAE that chooses its latents by a statistical threshold, or the metadata as they are. */
    public static Map<String, Object> selection(boolean statistical, Map<String, Object> metadata) {
        if (!statistical) {
            return metadata;
        }
        Map<String, Object> more = new LinkedHashMap<>(metadata);
        more.put(SELECTION, STATISTICAL);
        more.put("approximate", true);
        return more;
    }

    /**
     * Whether about k latents are active, those above a threshold from the mean and the standard deviation of all
     * ({@link dev.loupe.math.StatisticalTopK}), rather than the k largest. For others' programs the files are those of a
     * TopK SAE with the same k, whose choice this one approximates.
     */
    public boolean approximate() {
        return approximate(architecture, metadata);
    }

    /** Which latents are active, for people and reports: the architecture, and that a selection is approximate. */
    public String kind() {
        return kind(architecture, metadata);
    }

    /** {@link #kind()} of an SAE that is not opened. */
    public static String kind(Architecture architecture, Map<String, Object> metadata) {
        return approximate(architecture, metadata)
                ? architecture.id() + " (statistical, approximate)"
                : architecture.id();
    }

    private static boolean approximate(Architecture architecture, Map<String, Object> metadata) {
        return architecture == Architecture.TOPK && STATISTICAL.equals(metadata.get(SELECTION));
    }

    /** The places that are read. */
    public List<String> hooksIn() {
        return List.of(hookName.split(",", -1));
    }

    /** The places that are written. */
    public List<String> hooksOut() {
        return transcodes() ? List.of(hookNameOut.split(",", -1)) : hooksIn();
    }

    /** Whether it writes elsewhere than it reads. */
    public boolean transcodes() {
        return !hookNameOut.isEmpty();
    }
}
