package dev.loupe.service;

import dev.loupe.patch.PatchRequest;
import org.jspecify.annotations.Nullable;

/**
 * Patching whose result is saved. In JSON the fields of the request with {@code name} among them.
 *
 * @param request what is asked
 * @param name the result's name; null to make one from the time
 */
public record PatchJob(PatchRequest request, @Nullable String name) {}
