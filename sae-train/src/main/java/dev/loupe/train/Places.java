package dev.loupe.train;

import dev.loupe.base.UsageException;
import dev.loupe.model.HookPattern;
import dev.loupe.model.HookPoint;
import java.util.Arrays;
import java.util.List;

/**
 * Several hook points in one name: joined by commas, or a pattern. {@code blocks.*.hook_mlp_in} is that place in every layer
 * that the store holds; {@code blocks.*+.hook_mlp_out}, written, is that place in a latent's own layer and all later ones.
 */
public final class Places {
    private static final String LATER = "*+";

    private Places() {}

    /** Whether a name means several hook points. */
    public static boolean several(String hooks) {
        return hooks.indexOf(',') >= 0 || hooks.indexOf('*') >= 0;
    }

    /** Whether what is written is a layer and all later ones. */
    public static boolean crossLayer(String hookOut) {
        return hookOut.contains(LATER);
    }

    /** The hook points that must be captured for it: names and patterns. */
    public static List<String> captured(String hooks) {
        return Arrays.stream(hooks.split(",", -1))
                .map(h -> h.strip().replace(LATER, "*"))
                .toList();
    }

    /**
     * The hook points of a name, in the order of the layers.
     *
     * @param known those that there are
     * @throws UsageException if the pattern fits none
     */
    public static List<String> of(String hooks, List<String> known) {
        List<String> found = HookPattern.all(captured(hooks), known).stream()
                .map(h -> HookPoint.of(h).name())
                .toList();
        if (found.stream().distinct().count() != found.size()) {
            throw new UsageException("The hook points " + hooks + " name one of them twice.");
        }
        return found;
    }
}
