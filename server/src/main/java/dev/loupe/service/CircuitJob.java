package dev.loupe.service;

import dev.loupe.patch.CircuitRequest;
import org.jspecify.annotations.Nullable;

/**
 * A circuit that is found and saved. In JSON the fields of the request with {@code name} among them.
 *
 * @param request what is asked
 * @param name the circuit's name; null to make one from the time
 */
public record CircuitJob(CircuitRequest request, @Nullable String name) {}
