package dev.loupe.train;

import dev.loupe.base.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** Which settings belong to some ways to train only; the others would take them without a word and do nothing with them. */
public final class MethodSettings {
    private MethodSettings() {}

    private static final Map<String, Predicate<Method>> OWNERS = Map.ofEntries(
            Map.entry("k", Method::choosesK),
            Map.entry("l0_target", m -> !m.choosesK()),
            Map.entry("sparsity_warmup", m -> !m.choosesK()),
            Map.entry("l1", Method::paysForActivations),
            Map.entry("l0_coefficient", m -> m == Method.JUMPRELU),
            Map.entry("threshold", m -> m == Method.JUMPRELU),
            Map.entry("bandwidth", m -> m == Method.JUMPRELU),
            Map.entry("aux", MethodSettings::revives),
            Map.entry("aux_k", MethodSettings::revives),
            Map.entry("threshold_decay", m -> m == Method.BATCHTOPK || m == Method.MATRYOSHKA));

    private static boolean revives(Method m) {
        return m.choosesK() || m == Method.JUMPRELU;
    }

    /** Whether a way to train does something with a setting; nested ones are named as in {@code jumprelu.kernel}. */
    public static boolean uses(Method method, String setting) {
        int dot = setting.indexOf('.');
        if (dot > 0) {
            String group = setting.substring(0, dot);
            boolean ofOne = Arrays.stream(Method.values()).anyMatch(m -> m.id().equals(group));
            return !ofOne || group.equals(method.id());
        }
        Predicate<Method> owner = OWNERS.get(setting);
        return owner == null || owner.test(method);
    }

    /**
     * Refuses settings of other architectures, unless they say what is so anyway.
     *
     * @param before the recipe
     * @param after the recipe with the settings
     * @throws UsageException naming the architectures that have the setting
     */
    public static void check(TrainConfig before, TrainConfig after, Iterable<String> settings) {
        Method method = after.method();
        for (String s : settings) {
            if (!uses(method, s) && !Objects.equals(value(before, s), value(after, s))) {
                List<String> owners = Arrays.stream(Method.values())
                        .filter(m -> uses(m, s))
                        .map(Method::id)
                        .toList();
                throw new UsageException(s + " is a setting of " + joined(owners) + ", not of " + method.id() + ".");
            }
        }
    }

    private static String joined(List<String> names) {
        int last = names.size() - 1;
        return last == 0
                ? names.getFirst()
                : names.stream().limit(last).collect(Collectors.joining(", ")) + " and " + names.get(last);
    }

    private static Object value(TrainConfig config, String setting) {
        Object at = config.settings();
        for (String part : setting.split("\\.", -1)) {
            at = Objects.requireNonNull(((Map<?, ?>) at).get(part));
        }
        return at;
    }
}
