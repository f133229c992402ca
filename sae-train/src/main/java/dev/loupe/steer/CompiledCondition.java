package dev.loupe.steer;

import dev.loupe.model.HookPoint;
import java.util.List;
import java.util.Map;

/**
 * A condition resolved against model and SAEs.
 *
 * @param condition what must hold
 * @param thresholds the number of each test, in absolute units
 * @param probes what is read, by hook
 */
record CompiledCondition(
        Condition condition, Map<Condition.Test, Double> thresholds, Map<HookPoint, List<Gate.Probe>> probes) {}
