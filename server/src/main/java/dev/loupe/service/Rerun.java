package dev.loupe.service;

import dev.loupe.graph.AttributionGraph;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.PatchResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A saved result's question asked again.
 *
 * @param id the saved result
 * @param same whether every number is the same to the last bit
 * @param different names of the parts that differ, such as {@code grids}
 * @param sameModel whether the model's weights are those of the saved result
 */
public record Rerun(String id, boolean same, List<String> different, boolean sameModel) {
    private static final List<String> OF_THE_RUN = List.of("id", "created", "seconds", "format");

    static Rerun of(PatchResult saved, PatchResult again) {
        return of(saved.id(), saved.modelChecksum(), saved, again.modelChecksum(), again);
    }

    static Rerun of(Circuit saved, Circuit again) {
        return of(saved.id(), saved.modelChecksum(), saved, again.modelChecksum(), again);
    }

    static Rerun of(AttributionGraph saved, AttributionGraph again) {
        return of(saved.id(), saved.modelChecksum(), saved, again.modelChecksum(), again);
    }

    /** Compares part by part; JSON writes every double so that it is read back to the same bits. */
    private static Rerun of(String id, String model, Object saved, String modelNow, Object again) {
        ObjectNode a = plain(saved);
        ObjectNode b = plain(again);
        List<String> different = new ArrayList<>();
        for (String part : a.propertyNames()) {
            JsonNode other = b.get(part);
            if (!Objects.equals(a.get(part), other)) {
                different.add(part);
            }
        }
        return new Rerun(id, different.isEmpty(), different, model.equals(modelNow));
    }

    private static ObjectNode plain(Object result) {
        ObjectNode json = (ObjectNode) Views.JSON.readTree(Views.line(result));
        OF_THE_RUN.forEach(json::remove);
        return json;
    }
}
