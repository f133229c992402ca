package dev.loupe.model;

/**
 * How rotary frequencies are changed to reach further than a model was first trained.
 *
 * @param type {@code default} (not at all), {@code linear} (all divided by the factor: Chen et al., arXiv 2306.15595) or
 *     {@code llama3} (long wavelengths divided, short ones kept, a blend between: Llama 3.1, {@code rope_scaling} of its
 *     {@code config.json})
 * @param factor what frequencies are divided by
 * @param lowFreqFactor wavelengths above {@code originalContext / lowFreqFactor} are divided
 * @param highFreqFactor wavelengths below {@code originalContext / highFreqFactor} are kept
 * @param originalContext positions of the first training
 */
record RopeScaling(String type, float factor, float lowFreqFactor, float highFreqFactor, int originalContext) {
    static final RopeScaling NONE = new RopeScaling("default", 1, 1, 1, 1);

    /** The frequency, in radians per position, that takes the place of another; rounded as the reference rounds. */
    float apply(float frequency) {
        return switch (type) {
            case "default" -> frequency;
            case "linear" -> frequency / factor;
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
