package dev.loupe.sae;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where an SAE comes from: the content of {@code loupe.json}. Everything that a result depends on and that the weights do
 * not show. SAEs trained elsewhere have none of it; then every field is empty.
 *
 * @param format version of this file, major.minor
 * @param architecture {@link Architecture#id()}
 * @param store name of the activation store
 * @param storeFingerprint what the store held
 * @param model id of the language model
 * @param modelChecksum of its weights
 * @param hook TransformerLens name of the place
 * @param seed of the initial weights
 * @param dataSeed of the order of the rows; SAEs with equal store and data seed saw equal batches
 * @param inputScale s: training saw s·x; it is folded, so the saved weights take raw x
 * @param inputScaleConvention {@code unit_mean_squared_norm}, {@code expected_average_only_in} or {@code none}
 * @param recipe name of the preset, or "custom"
 * @param settings every setting of the run, by name
 * @param steps optimiser steps taken
 * @param batch rows per step
 * @param tokens rows seen in all
 * @param metrics at the end of training, on training batches, by name
 * @param created when, ISO 8601
 * @param other fields of newer versions, kept as they are
 */
public record SaeProvenance(
        String format,
        @Nullable String architecture,
        @Nullable String store,
        @JsonProperty("store_fingerprint") @Nullable String storeFingerprint,
        @Nullable String model,
        @JsonProperty("model_checksum") @Nullable String modelChecksum,
        @Nullable String hook,
        long seed,
        @JsonProperty("data_seed") long dataSeed,
        @JsonProperty("input_scale") double inputScale,
        @JsonProperty("input_scale_convention") @Nullable String inputScaleConvention,
        @Nullable String recipe,
        Map<String, Object> settings,
        long steps,
        int batch,
        long tokens,
        Map<String, Double> metrics,
        @Nullable String created,
        @JsonAnySetter @JsonAnyGetter @Nullable Map<String, Object> other) {

    /** The version written by this code. */
    public static final String FORMAT = "1.0";

    /** Fills in what a file leaves out. */
    public SaeProvenance {
        if (format == null || format.isEmpty()) {
            format = FORMAT;
        }
        settings = settings == null ? Map.of() : settings;
        metrics = metrics == null ? Map.of() : metrics;
        other = other == null ? new LinkedHashMap<>() : other;
    }

    /** The provenance of an SAE that says nothing about itself. */
    public static SaeProvenance unknown() {
        return new SaeProvenance(
                FORMAT, null, null, null, null, null, null, 0, 0, 1, null, null, Map.of(), 0, 0, 0, Map.of(), null,
                null);
    }
}
