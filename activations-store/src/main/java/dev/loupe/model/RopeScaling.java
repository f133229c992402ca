package dev.loupe.model;

import java.util.List;

/**
 * How rotary frequencies are changed to reach further than a model was first trained.
 *
 * @param type {@code default} (not at all), {@code linear} (all divided by the factor: Chen et al., arXiv 2306.15595),
 *     {@code llama3} (long wavelengths divided, short ones kept, a blend between: Llama 3.1, {@code rope_scaling} of its
 *     {@code config.json}) or {@code factors} (each divided by its own: the form in which GGUF files keep Llama 3.1's)
 * @param factor what frequencies are divided by
 * @param lowFreqFactor wavelengths above {@code originalContext / lowFreqFactor} are divided
 * @param highFreqFactor wavelengths below {@code originalContext / highFreqFactor} are kept
 * @param originalContext positions of the first training
 * @param factors one for each frequency, where the type is {@code factors}
 */
record RopeScaling(
        String type,
        float factor,
        float lowFreqFactor,
        float highFreqFactor,
        int originalContext,
        List<Float> factors) {
    static final RopeScaling NONE = new RopeScaling("default", 1, 1, 1, 1);

    RopeScaling(String type, float factor, float lowFreqFactor, float highFreqFactor, int originalContext) {
        this(type, factor, lowFreqFactor, highFreqFactor, originalContext, List.of());
    }

    /** Frequency i divided by factor i. */
    static RopeScaling factors(List<Float> factors) {
        return new RopeScaling("factors", 1, 1, 1, 1, List.copyOf(factors));
    }

    /** The frequency, in radians per position, that takes the place of frequency i; rounded as the reference rounds. */
    float apply(int i, float frequency) {
        return switch (type) {
            case "default" -> frequency;
            case "linear" -> frequency / factor;
            case "factors" -> frequency / factors.get(i);
            default -> llama3(frequency);
        };
    }

    private float llama3(float frequency) {
        float wavelength = (float) (2 * Math.PI) / frequency;
        if (wavelength < originalContext / highFreqFactor) {
            return frequency;
        }
        if (wavelength > originalContext / lowFreqFactor) {
            return frequency / factor;
        }
        float smooth = (originalContext / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
        return (1 - smooth) * frequency / factor + smooth * frequency;
    }
}
