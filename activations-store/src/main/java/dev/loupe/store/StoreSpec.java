package dev.loupe.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.Json;
import dev.loupe.store.StoreManifest.Corpus;
import dev.loupe.store.StoreManifest.Model;
import dev.loupe.store.StoreManifest.Sequence;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * Everything that decides a store's bytes, known before the first row: a half-written store is continued, and a
 * finished one taken for the same, only under an equal spec.
 *
 * @param name the store's name
 * @param model the model behind the activations
 * @param sequence how documents become sequences
 * @param corpus the text
 * @param seed of the order of documents
 * @param hooks by hook name, in order
 * @param capture further choices by name, such as the tokens asked for
 */
public record StoreSpec(
        String name,
        Model model,
        Sequence sequence,
        Corpus corpus,
        long seed,
        SequencedMap<String, HookSpec> hooks,
        Map<String, Object> capture) {

    /**
     * What the rows of one hook point are.
     *
     * @param width floats of a row
     * @param dtype how they are stored
     * @param changed what is done to values before they are stored; null for nothing
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record HookSpec(int width, Dtype dtype, @Nullable ValueRule changed) {

        /** Rows as the model gives them. */
        public HookSpec(int width, Dtype dtype) {
            this(width, dtype, null);
        }
    }

    /** The spec that a finished store was written under. */
    public static StoreSpec of(StoreManifest manifest) {
        StoreManifest.Content c = manifest.content();
        SequencedMap<String, HookSpec> hooks = new LinkedHashMap<>();
        c.hooks().forEach((name, hook) -> hooks.put(name, new HookSpec(hook.width(), hook.dtype(), hook.changed())));
        return new StoreSpec(c.name(), c.model(), c.sequence(), c.corpus(), c.seed(), hooks, c.capture());
    }

    /** Whether both decide the same bytes. */
    public boolean sameAs(StoreSpec other) {
        return Json.line(Json.MAPPER.valueToTree(this)).equals(Json.line(Json.MAPPER.valueToTree(other)));
    }
}
