package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.model.ModelConfig;
import org.jspecify.annotations.Nullable;

/**
 * A language model of the workspace.
 *
 * @param id what opens it
 * @param folder where it lies
 * @param config its sizes; null if it cannot be read
 * @param bytes size of its files
 * @param problem why it cannot be used; null if it can
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ModelView(
        String id,
        String folder,
        @Nullable ModelConfig config,
        long bytes,
        @Nullable String problem) {}
