package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.eval.SaeReport;
import org.jspecify.annotations.Nullable;

/**
 * An SAE with its report.
 *
 * @param sae the SAE
 * @param report its figures on held-out text; null before it was evaluated
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SaeRow(SaeView sae, @Nullable SaeReport report) {}
