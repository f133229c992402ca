package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.LoupeException;
import dev.loupe.eval.SaeReport;
import org.jspecify.annotations.Nullable;

/**
 * An SAE with its report.
 *
 * @param sae the SAE
 * @param report its figures on held-out text; null before it was evaluated
 * @param reportProblem why there is a report that cannot be shown, in one sentence; null if there is none such
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SaeRow(
        SaeView sae, @Nullable SaeReport report, @Nullable String reportProblem) {

    /** With the report that its folder holds, or what is wrong with it: one bad file must not hide the others. */
    static SaeRow of(SaeView sae, Evaluations evaluations) {
        try {
            return new SaeRow(sae, evaluations.report(sae.name()).orElse(null), null);
        } catch (LoupeException e) {
            return new SaeRow(sae, null, String.valueOf(e.getMessage()));
        }
    }
}
