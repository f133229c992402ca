package dev.loupe.model;

import dev.loupe.tensor.Device;
import org.jspecify.annotations.Nullable;

/**
 * How to open a model.
 *
 * @param id the name that stores and SAEs remember; null for the name of the folder
 * @param threads threads of the tensor library, counted when it is first used in this process; 0 for all cores
 * @param weights how the checkpoint's weights are rewritten
 * @param precision in which numbers products are computed
 * @param device where tensors live
 */
public record ModelOptions(@Nullable String id, int threads, WeightRegime weights, Precision precision, Device device) {
    /** Named after its folder, weights as they are in the checkpoint, float32, on all cores of the processor. */
    public static ModelOptions defaults() {
        return new ModelOptions(null, 0, WeightRegime.RAW, Precision.FP32, Device.CPU);
    }

    /** The same under another name. */
    public ModelOptions withId(String name) {
        return new ModelOptions(name, threads, weights, precision, device);
    }

    /** The same under another weight regime. */
    public ModelOptions withWeights(WeightRegime regime) {
        return new ModelOptions(id, threads, regime, precision, device);
    }

    /** The same in other numbers. */
    public ModelOptions withPrecision(Precision other) {
        return new ModelOptions(id, threads, weights, other, device);
    }

    /** The same on another device. */
    public ModelOptions withDevice(Device other) {
        return new ModelOptions(id, threads, weights, precision, other);
    }
}
