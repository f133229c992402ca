package dev.loupe.http;

import dev.loupe.base.LoupeException;
import org.jspecify.annotations.Nullable;

/** A parameter of the OpenAI-compatible routes that is wrong, by name. */
final class BadParameter extends LoupeException {
    private static final long serialVersionUID = 1L;
    private final @Nullable String param;

    BadParameter(String sentence, @Nullable String param) {
        super(sentence);
        this.param = param;
    }

    @Nullable String param() {
        return param;
    }
}
