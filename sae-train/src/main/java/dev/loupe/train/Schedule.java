package dev.loupe.train;

import dev.loupe.base.UsageException;
import java.util.Locale;

/**
 * Factors between 0 and 1 over a run of so many steps; steps count from 0.
 *
 * @param steps of the run
 * @param warmup steps in which the factor rises from {@code start} to 1
 * @param decay steps, at the end, in which it falls to {@code end}
 * @param shape of both
 * @param start the factor before the first step
 * @param end the factor after the last
 */
record Schedule(long steps, double warmup, double decay, Shape shape, double start, double end) {

    enum Shape {
        LINEAR,
        COSINE;

        static Shape of(String name) {
            for (Shape s : values()) {
                if (s.id().equals(name)) {
                    return s;
                }
            }
            throw new UsageException("There is no schedule \"" + name + "\"; there are linear and cosine.");
        }

        String id() {
            return name().toLowerCase(Locale.ROOT);
        }

        private double at(double share) {
            return this == LINEAR ? share : (1 - Math.cos(Math.PI * share)) / 2;
        }
    }

    /** Linear from 0 and to 0. */
    Schedule(long steps, double warmup, double decay) {
        this(steps, warmup, decay, Shape.LINEAR, 0, 0);
    }

    /** The factor of a step. */
    double at(long step) {
        double rise = warmup > 0 ? Math.min(1, (step + 1) / warmup) : 1;
        double fall = decay > 0 ? Math.clamp((steps - step) / decay, 0.0, 1.0) : 1;
        return Math.min(start + (1 - start) * shape.at(rise), end + (1 - end) * shape.at(fall));
    }
}
