package dev.loupe.steer;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * A set of edits that can be named, saved and used wherever the model writes.
 *
 * @param name its name; null while unsaved
 * @param edits the edits, applied together
 * @param when a condition at each position (see {@link Condition}), null for always
 * @param stopWhen the text ends after the first generated token at which this condition holds; null for never
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Variant(
        @Nullable String name,
        List<Edit> edits,
        @Nullable String when,
        @JsonProperty("stop_when") @Nullable String stopWhen) {
    /** No edits at all. */
    public static final Variant NONE = new Variant(null, List.of(), null);

    private static final int MOST = 256;
    private static final Set<String> KNOWN = Set.of("name", "edits", "when", "stop_when");

    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public Variant {
        edits = edits == null ? List.of() : List.copyOf(edits);
    }

    /** A variant that ends no text. */
    public Variant(@Nullable String name, List<Edit> edits, @Nullable String when) {
        this(name, edits, when, null);
    }

    /** An unnamed variant of these edits. */
    public static Variant of(Edit... edits) {
        return new Variant(null, List.of(edits), null);
    }

    /** The same edits under a condition. */
    public Variant when(@Nullable String condition) {
        return new Variant(name, edits, condition, stopWhen);
    }

    /** The same edits; the text ends when a condition holds. */
    public Variant stopWhen(@Nullable String condition) {
        return new Variant(name, edits, when, condition);
    }

    /** The same under another name. */
    public Variant named(@Nullable String other) {
        return new Variant(other, edits, when, stopWhen);
    }

    /**
     * Reads a variant from JSON. A field that nobody knows is refused: it may be an edit's misspelt limit.
     *
     * @throws UsageException in one sentence, if it is not one
     */
    public static Variant of(JsonNode json) {
        known(json, KNOWN, "variant");
        json.path("edits").forEach(e -> known(e, Edit.KNOWN, "edit"));
        Variant v;
        try {
            v = dev.loupe.base.Json.MAPPER.treeToValue(json, Variant.class);
        } catch (JacksonException e) {
            throw new UsageException("This is not a variant {\"edits\": [...]}: " + e.getOriginalMessage());
        }
        v.check();
        return v;
    }

    private static void known(JsonNode json, Set<String> names, String what) {
        if (!json.isObject()) {
            return; // what it is instead is told by the reader
        }
        for (String name : json.propertyNames()) {
            if (!names.contains(name)) {
                throw new UsageException("The " + what + " has the unknown field \"" + name + "\"; known are "
                        + String.join(", ", new TreeSet<>(names)) + ".");
            }
        }
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
        if (stopWhen != null) {
            Condition.parse(stopWhen);
        }
    }
}
