package dev.loupe.service;

import dev.loupe.eval.SaeReport;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an evaluation of several SAEs came to.
 *
 * @param reports of the SAEs, each followed by that of its random-model control where it is there and not yet among them
 * @param controls name of the control by SAE
 * @param missing by SAE, why there is no control, and how to get one
 */
public record EvalResult(List<SaeReport> reports, Map<String, String> controls, Map<String, String> missing) {

    /** What scripts rely on, by SAE. */
    public Map<String, Object> summary() {
        Map<String, Object> byName = new LinkedHashMap<>();
        for (SaeReport r : reports) {
            Map<String, Object> s = r.summary();
            if (controls.containsKey(r.sae())) {
                s.put("control", controls.get(r.sae()));
            }
            if (missing.containsKey(r.sae())) {
                s.put("control_missing", missing.get(r.sae()));
            }
            byName.put(r.sae(), s);
        }
        return byName;
    }
}
