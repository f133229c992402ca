package dev.loupe.train;

import dev.loupe.base.UsageException;

/** Named recipes: where a training run starts from before single settings are changed. */
public enum TrainPreset {
    /** Short runs on the embedded model: 2,000 steps of 1,024 rows, everything else as a share of the run. */
    DEMO;

    /** The preset of a name. */
    public static TrainPreset of(String name) {
        for (TrainPreset p : values()) {
            if (p.id().equalsIgnoreCase(name)) {
                return p;
            }
        }
        throw new UsageException("There is no training preset \"" + name + "\"; there is demo.");
    }

    /** The name in commands and files. */
    public String id() {
        return "demo";
    }

    /** The recipe for a method and a number of latents, aiming at 24 active latents per token. */
    public TrainConfig config(Method method, int dSae) {
        boolean jump = method == Method.JUMPRELU;
        boolean paid = method.paysForActivations();
        return new TrainConfig(
                id(),
                method.id(),
                dSae,
                method.choosesK() ? 24 : 0,
                method.choosesK() ? 0 : 24,
                paid ? 0.01 : 0,
                jump ? 1 : 0,
                2_000,
                1_024,
                1e-3,
                0.9,
                0.999,
                1e-8,
                Span.share(0.05),
                Span.share(0.2),
                "linear",
                0,
                Span.share(0.05),
                Span.share(0.05),
                0,
                0,
                InputScale.UNIT_MEAN_SQUARED_NORM.id(),
                "mean",
                true,
                false,
                "unit",
                0.1,
                1,
                paid ? -0.2 : 0,
                jump ? 0.2 : 0,
                jump ? 0.1 : 0,
                method.choosesK() ? 1.0 / 32 : 0,
                0,
                0.999,
                JumpReluSettings.PAPER,
                MatryoshkaSettings.DEFAULT,
                PAnnealSettings.DEFAULT,
                0);
    }
}
