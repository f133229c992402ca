package dev.loupe.http;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import org.jspecify.annotations.Nullable;

/** An error as the OpenAI protocol has it. */
record OpenAiError(Detail error) {
    /**
     * What went wrong.
     *
     * @param message one sentence
     * @param type invalid_request_error, not_found_error, ...
     * @param param the parameter that is wrong; null if none is
     * @param code a short name
     * @param requestId the request's id, as the header {@code X-Request-Id} and the log have it
     */
    record Detail(
            String message,
            String type,
            @Nullable String param,
            @Nullable String code,

            @JsonInclude(JsonInclude.Include.NON_NULL) @JsonProperty("request_id") @Nullable String requestId) {}

    static OpenAiError of(int status, String message) {
        return of(status, message, null);
    }

    static OpenAiError of(int status, String message, @Nullable String param) {
        String type = switch (status) {
            case 401 -> "authentication_error";
            case 403 -> "permission_error";
            case 404 -> "not_found_error";
            case 429 -> "rate_limit_error";
            default -> status < 500 ? "invalid_request_error" : "server_error";
        };
        return new OpenAiError(new Detail(message, type, param, null, Asked.current()));
    }
}
