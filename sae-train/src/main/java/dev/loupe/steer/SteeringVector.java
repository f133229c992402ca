package dev.loupe.steer;

import org.jspecify.annotations.Nullable;

/**
 * A direction at one hook point of one model.
 *
 * @param format version of the file form
 * @param name its name
 * @param model the model it belongs to, for the record
 * @param hook the hook point, in TransformerLens names
 * @param values one number per dimension of the hook
 */
public record SteeringVector(
        String format, String name, @Nullable String model, String hook, float[] values) {}
