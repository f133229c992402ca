package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.sae.DictionaryLearningFormat.State;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The {@code .pt} of OpenAI's sparse_autoencoder: pre_bias, encoder.weight [d_sae, d], latent_bias, decoder.weight [d,
 * d_sae], the name of the activation and its state. ReLU only: its loader normalises every token for TopK (mean and
 * deviation over its values), which no weights can express.
 */
final class OpenAiFormat {
    private OpenAiFormat() {}

    static Sae read(Path file, String name, String model, String hook) {
        Map<String, Object> entries = TorchFile.read(file);
        State s = new State(file, entries);
        Object activation = entries.getOrDefault("activation", "ReLU");
        if (!"ReLU".equals(activation)) {
            throw new LoupeException("The SAE " + file + " has the activation " + activation + ", for which"
                    + " sparse_autoencoder normalises every token before the encoder; Loupe applies no such norm and"
                    + " reads ReLU only.");
        }
        SaeWeights weights = new SaeWeights(
                s.matrix("encoder.weight"),
                s.matrix("decoder.weight").transposed(Arena.ofAuto()),
                s.vector("latent_bias"),
                s.vector("pre_bias"),
                new float[0]);
        SaeConfig config = new SaeConfig(Architecture.RELU, 0, true, model, hook, Map.of());
        return new Sae(name, config, weights, SaeProvenance.unknown());
    }

    static void write(Sae sae, Path target) {
        sae.requireSae("be written for sparse_autoencoder, which has no transcoders");
        if (sae.architecture() != Architecture.RELU) {
            throw new UsageException(
                    "OpenAI's sparse_autoencoder has ReLU SAEs, and TopK ones that normalise every token," + " but "
                            + sae.name() + " is " + sae.architecture().id() + "; export it as saelens.");
        }
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("pre_bias", State.tensor(sae.bDec()));
        state.put("latent_bias", State.tensor(PreBias.encoderBias(sae, true)));
        state.put("stats_last_nonzero", new TorchFile.Tensor(List.of(sae.dSae()), new float[sae.dSae()]));
        state.put("encoder.weight", State.tensor(sae.encoderRows()));
        try (Arena arena = Arena.ofConfined()) {
            state.put("decoder.weight", State.tensor(sae.decoderRows().transposed(arena)));
        }
        state.put("activation", "ReLU");
        state.put("activation_state_dict", Map.of());
        TorchFile.write(target, state);
    }
}
