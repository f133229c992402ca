package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Precision;
import dev.loupe.model.WeightRegime;
import dev.loupe.store.ActivationStore;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What an SAE asks of the model and the text that it is used with, from the metadata of SAELens' {@code cfg.json}. What is
 * here is applied; what cannot be applied is refused when the SAE is opened.
 *
 * @param weights the weight regime that its activations came from ({@code model_from_pretrained_kwargs})
 * @param precision in which numbers its model was computed ({@code dtype} among the same): it decides how the model is
 *     opened for it, but another one is not refused, since it changes activations by rounding only
 * @param prependBos whether every sequence started with BOS ({@code prepend_bos}); null if it does not say
 * @param contextSize longest sequence of its training ({@code context_size}); 0 if it does not say
 */
public record SaeNeeds(
        WeightRegime weights, Precision precision, @Nullable Boolean prependBos, int contextSize) {
    /** The entry with the arguments that its model was loaded with. */
    public static final String MODEL_ARGUMENTS = "model_from_pretrained_kwargs";

    static final String PREPEND_BOS = "prepend_bos";
    static final String CONTEXT_SIZE = "context_size";
    static final String HEAD = "hook_head_index";

    private static final String DTYPE = "dtype";
    private static final String BFLOAT16 = "bfloat16";

    /** Arguments that change where and how exactly numbers are computed, not which. */
    private static final Set<String> HARMLESS = Set.of(
            DTYPE,
            "torch_dtype",
            "device",
            "device_map",
            "n_devices",
            "move_to_device",
            "default_padding_side",
            "low_cpu_mem_usage");

    /**
     * Reads what an SAE asks for.
     *
     * @param metadata of its {@code cfg.json}
     * @param what the SAE, for messages
     * @throws LoupeException if it asks for something that cannot be applied
     */
    static SaeNeeds of(Map<String, Object> metadata, String what) {
        if (metadata.get(HEAD) != null) {
            throw new LoupeException("The SAE " + what + " reads head " + metadata.get(HEAD)
                    + " of its hook point alone (" + HEAD + "), which Loupe does not: it reads all heads together.");
        }
        Map<String, Boolean> flags = new LinkedHashMap<>();
        if (metadata.get(MODEL_ARGUMENTS) instanceof Map<?, ?> arguments) {
            arguments.forEach((key, value) -> {
                String name = String.valueOf(key);
                if (WeightRegime.names().contains(name) && value instanceof Boolean on) {
                    flags.put(name, on);
                } else if (!HARMLESS.contains(name) && value != null && !value.equals(false)) {
                    throw new LoupeException(
                            "The SAE " + what + " was trained on a model loaded with " + name + " = " + value + " ("
                                    + MODEL_ARGUMENTS + "), which Loupe cannot apply; its numbers would be wrong.");
                }
            });
        }
        Object dtype = metadata.get(MODEL_ARGUMENTS) instanceof Map<?, ?> arguments ? arguments.get(DTYPE) : null;
        Object bos = metadata.get(PREPEND_BOS);
        Object context = metadata.get(CONTEXT_SIZE);
        return new SaeNeeds(
                WeightRegime.of(flags),
                String.valueOf(dtype).endsWith(BFLOAT16) ? Precision.BF16 : Precision.FP32, // also torch.bfloat16
                bos instanceof Boolean b ? b : null,
                context instanceof Number n && n.intValue() > 0 ? n.intValue() : 0);
    }

    /** The entries that say how the model of the activations was opened; none for raw weights in float32. */
    public static Map<String, Object> metadata(WeightRegime weights, Precision precision) {
        Map<String, Object> arguments = new LinkedHashMap<>(weights.flags());
        if (precision == Precision.BF16) {
            arguments.put(DTYPE, BFLOAT16); // what TransformerLens' loader takes
        }
        return arguments.isEmpty() ? Map.of() : Map.of(MODEL_ARGUMENTS, arguments);
    }

    /**
     * Checks that a model was opened with the weights that an SAE was trained on.
     *
     * @throws UsageException if not, with the cure
     */
    public static void check(Sae sae, LanguageModel model) {
        WeightRegime own = sae.needs().weights();
        if (!own.equals(model.weightRegime())) {
            throw new UsageException("The SAE " + sae.name() + " was trained on activations of " + own
                    + " weights, but the model " + model.id() + " was opened with " + model.weightRegime()
                    + " weights: open it with --weights " + own + ".");
        }
    }

    /**
     * Checks that a store holds activations of the weights that an SAE was trained on.
     *
     * @throws UsageException if not
     */
    public static void check(Sae sae, ActivationStore store) {
        String regime = store.manifest().content().model().weightRegime();
        WeightRegime own = sae.needs().weights();
        if (!own.equals(WeightRegime.parse(regime))) {
            throw new UsageException("The SAE " + sae.name() + " was trained on activations of " + own
                    + " weights, but the store " + store.name() + " holds those of " + regime
                    + " weights: capture one with --weights " + own + ".");
        }
    }
}
