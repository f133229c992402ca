package dev.loupe.steer;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * A set of edits that can be named, saved and used wherever the model writes.
 *
 * @param name its name; null while unsaved
 * @param edits the edits, applied together
 * @param when a condition at each position (see {@link Condition}), null for always
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Variant(
        @Nullable String name, List<Edit> edits, @Nullable String when) {
    /** No edits at all. */
    public static final Variant NONE = new Variant(null, List.of(), null);

    private static final int MOST = 256;

    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public Variant {
        edits = edits == null ? List.of() : List.copyOf(edits);
    }

    /** An unnamed variant of these edits. */
    public static Variant of(Edit... edits) {
        return new Variant(null, List.of(edits), null);
    }

    /** The same edits under a condition. */
    public Variant when(@Nullable String condition) {
        return new Variant(name, edits, condition);
    }

    /**
     * Reads a variant from JSON.
     *
     * @throws UsageException in one sentence, if it is not one
     */
    public static Variant of(JsonNode json) {
        Variant v;
        try {
            v = dev.loupe.base.Json.MAPPER.treeToValue(json, Variant.class);
        } catch (JacksonException e) {
            throw new UsageException("This is not a variant {\"edits\": [...]}: " + e.getOriginalMessage());
        }
        v.check();
        return v;
    }

    /**
     * Checks everything that needs neither model nor SAE.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        if (name != null) {
            Names.check(name);
        }
        if (edits.size() > MOST) {
            throw new UsageException("A variant takes at most " + MOST + " edits; this one has " + edits.size() + ".");
        }
        edits.forEach(Edit::check);
        if (when != null) {
            Condition.parse(when);
        }
    }
}
