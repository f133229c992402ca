package dev.loupe.train;

import dev.loupe.base.UsageException;
import dev.loupe.model.HookPoint;
import java.util.ArrayList;
import java.util.Comparator;
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

    /**
     * The hook points of a name, in the order of the layers.
     *
     * @param known those that there are
     * @throws UsageException if the pattern fits none
     */
    static List<String> of(String hooks, List<String> known) {
        List<String> found = new ArrayList<>();
        for (String part : hooks.split(",", -1)) {
            String name = part.strip().replace(LATER, "*");
            int star = name.indexOf('*');
            if (star < 0) {
                found.add(HookPoint.of(name).name());
                continue;
            }
            String before = name.substring(0, star);
            String after = name.substring(star + 1);
            List<String> fits = known.stream()
                    .filter(h -> h.length() > before.length() + after.length()
                            && h.startsWith(before)
                            && h.endsWith(after)
                            && h.substring(before.length(), h.length() - after.length())
                                    .chars()
                                    .allMatch(Character::isDigit))
                    .sorted(Comparator.comparingInt(h -> HookPoint.of(h).layer()))
                    .toList();
            if (fits.isEmpty()) {
                throw new UsageException("No hook point of the store is of the form " + part.strip() + "; it has "
                        + String.join(", ", known) + ".");
            }
            found.addAll(fits);
        }
        if (found.stream().distinct().count() != found.size()) {
            throw new UsageException("The hook points " + hooks + " name one of them twice.");
        }
        return found;
    }
}
