package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a job shall do: its {@code request.json}.
 *
 * @param format major.minor of the file
 * @param id the job's name, that of its folder
 * @param kind capture, train, eval, index, compare, ...
 * @param title one line for people
 * @param created when it was asked for, ISO 8601
 * @param by cli or server
 * @param request the request of the kind's use case
 * @param requestId the id of the HTTP request that asked for it; null for a command
 */
public record JobRequest(
        String format,
        String id,
        String kind,
        String title,
        String created,
        String by,
        JsonNode request,

        @JsonProperty("request_id") @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String requestId) {
    /** The format written by this version. */
    public static final String FORMAT = "1.1";
}
