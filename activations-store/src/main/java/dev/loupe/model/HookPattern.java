package dev.loupe.model;

import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Names of hook points in which a star stands for the number of a layer: {@code blocks.*.hook_mlp_in}. */
public final class HookPattern {
    private HookPattern() {}

    /**
     * Names and patterns as names.
     *
     * @param known the hook points that there are
     * @return names as they are, and for each pattern all that fit it, in the order of the layers
     * @throws UsageException if a pattern fits none
     */
    public static List<String> all(List<String> names, List<String> known) {
        List<String> all = new ArrayList<>();
        for (String name : names) {
            int star = name.indexOf('*');
            if (star < 0) {
                all.add(name);
                continue;
            }
            List<String> fits = known.stream()
                    .filter(h -> fits(h, name.substring(0, star), name.substring(star + 1)))
                    .sorted(Comparator.comparingInt(h -> HookPoint.of(h).layer()))
                    .toList();
            if (fits.isEmpty()) {
                throw new UsageException("No hook point is of the form " + name + "; there are "
                        + String.join(", ", known.subList(0, Math.min(known.size(), 20)))
                        + (known.size() > 20 ? ", ..." : "") + ".");
            }
            all.addAll(fits);
        }
        return all;
    }

    private static boolean fits(String hook, String before, String after) {
        return hook.length() > before.length() + after.length()
                && hook.startsWith(before)
                && hook.endsWith(after)
                && hook.substring(before.length(), hook.length() - after.length())
                        .chars()
                        .allMatch(Character::isDigit);
    }
}
