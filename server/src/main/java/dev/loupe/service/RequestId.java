package dev.loupe.service;

import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;

/** The id of the request that a thread works for: the log, errors and jobs carry it, so that one leads to the other. */
public final class RequestId {
    /** Its name in the log. */
    public static final String LOGGED = "request_id";

    /** What one looks like; callers may give their own. */
    public static final String FORM = "[A-Za-z0-9._:-]{1,64}";

    private RequestId() {}

    /** The id of the request that this thread works for; null for none. */
    public static @Nullable String current() {
        return MDC.get(LOGGED);
    }

    /** Has this thread work for a request until the answer is closed. */
    public static MDC.MDCCloseable working(@Nullable String id) {
        return MDC.putCloseable(LOGGED, id);
    }
}
