package dev.loupe.bench;

import dev.loupe.engine.cuda.CudaFloors;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a TopK step on a GPU must do at least, by phase: multiplications of the dense product at the measured rate, and for
 * the rest the bytes of the kernels' head comments at the measured bandwidth of memory. Part of those bytes come from the
 * second-level cache, which is faster, so that a phase may be above its floor.
 *
 * @param n latents
 * @param d width
 * @param batch rows
 * @param k latents per row
 */
record StepFloors(long n, long d, long batch, long k) {

    /** Milliseconds by phase, named as {@link StepsBench} names them. */
    Map<String, Double> milliseconds(CudaFloors card) {
        double pairs = (double) batch * k;
        Map<String, Double> floors = new LinkedHashMap<>();
        floors.put("product ms", 1e3 * 2.0 * batch * n * d / card.bfloat16());
        floors.put("selection ms", 1e3 * (8.0 * batch * n + pairs * (12 + 4.0 * d)) / card.memory());
        floors.put("decode ms", 1e3 * (pairs * (8.0 * d + 28) + 12.0 * batch * d) / card.memory());
        floors.put("gradients ms", 1e3 * (pairs * 60 + n * (8.0 * 256 + 96)) / card.memory());
        floors.put("adam ms", 1e3 * (pairs * 8.0 * d + n * d * (48.0 + 2)) / card.memory());
        return floors;
    }
}
