package dev.loupe.corpus;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.loupe.base.UsageException;

/** How documents become sequences. */
public enum Packing {
    /** Tokens of one document in a sequence; a longer document becomes several. */
    DOCUMENTS(
            "documents",
            "one document per sequence; longer documents are cut at the context, each piece starts a sequence"),
    /** Documents one after the other, cut into sequences of the full context: the way of SAELens. */
    CONCATENATED(
            "concatenated",
            "documents one after the other, a BOS token between them if sequences start with one; cut into sequences of"
                    + " the full context, the last one may be shorter");

    private final String id;
    private final String description;

    Packing(String id, String description) {
        this.id = id;
        this.description = description;
    }

    /** The name on the command line. */
    @JsonValue
    public String id() {
        return id;
    }

    /** What the manifest of a store says about the rule. */
    public String description() {
        return description;
    }

    /**
     * The packing of a name.
     *
     * @throws UsageException naming the valid ones
     */
    @JsonCreator
    public static Packing of(String id) {
        for (Packing packing : values()) {
            if (packing.id.equals(id)) {
                return packing;
            }
        }
        throw new UsageException(
                "There is no packing \"" + id + "\"; choose " + DOCUMENTS.id + " or " + CONCATENATED.id + ".");
    }
}
