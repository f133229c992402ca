package dev.loupe.steer;

import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * When a variant's edits apply, decided at every position on its own:
 *
 * <pre>
 * condition := all { "or" all }        all := test { "and" test }
 * test      := ["seen"] ("feature" SAE:ID | "neuron" LAYER:INDEX) (">" | ">=" | "&lt;" | "&lt;=") NUMBER ["max"]
 * </pre>
 *
 * A test reads the unedited activation at the position itself; with {@code seen} it holds from the first position on
 * where it held. {@code max} counts the number in multiples of the latent's largest activation in its index.
 * Special tokens never satisfy a test. Example: {@code feature topk-s0:12 > 0.5 and seen neuron 3:4 > 1}.
 *
 * @param any groups of tests, of which one must hold whole
 */
record Condition(List<List<Test>> any) {
    /** One comparison. */
    record Test(Target target, boolean seen, String comparison, double number, boolean max) {
        boolean holds(double value, double threshold) {
            return switch (comparison) {
                case ">" -> value > threshold;
                case ">=" -> value >= threshold;
                case "<" -> value < threshold;
                default -> value <= threshold;
            };
        }
    }

    private static final Pattern TEST = Pattern.compile(
            "(seen\\s+)?(feature|neuron)\\s+(\\S+?)\\s*(>=|<=|>|<)\\s*([-+]?[0-9]*\\.?[0-9]+(?:[eE][-+]?\\d+)?)(\\s*max)?");

    static Condition parse(String text) {
        List<List<Test>> any = new ArrayList<>();
        for (String group : text.strip().split("\\s+or\\s+")) {
            List<Test> all = new ArrayList<>();
            for (String test : group.split("\\s+and\\s+")) {
                all.add(test(test.strip(), text));
            }
            any.add(List.copyOf(all));
        }
        return new Condition(List.copyOf(any));
    }

    private static Test test(String test, String whole) {
        Matcher m = TEST.matcher(test);
        if (!m.matches()) {
            throw new UsageException("The condition \"" + whole + "\" cannot be read at \"" + test
                    + "\"; write for example: feature SAE:ID > 0.5, joined by and, or.");
        }
        boolean feature = "feature".equals(m.group(2));
        boolean max = m.group(6) != null;
        if (max && !feature) {
            throw new UsageException("The condition \"" + whole + "\": max is for features only.");
        }
        Target target = feature ? Target.feature(m.group(3)) : Target.neuron(m.group(3));
        return new Test(target, m.group(1) != null, m.group(4), Double.parseDouble(m.group(5)), max);
    }

    /** All tests, each once. */
    Set<Test> tests() {
        Set<Test> all = new LinkedHashSet<>();
        any.forEach(all::addAll);
        return all;
    }
}
