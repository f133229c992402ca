package dev.loupe.patch.task;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A family of prompt pairs that ask for one ability. Templates have slots in braces: {@code {A}} is a value of the
 * slot's list, {@code {A.1}} its second form (such as a plural); slots of one list take different values. {@code
 * {above Y}} and {@code {to Y}} are the two-digit numbers above and up to the value of Y.
 *
 * @param name the name in commands
 * @param title for people
 * @param about what it asks for, one or two sentences
 * @param mirrored whether the corrupted prompt has the wrong answer for its right one, so that it counts as well
 * @param singleToken the lists of which only words of one token (with a space before) are used, so that pairs align
 * @param lists list → values, each value with its forms
 * @param slots slot → list
 * @param templates prompts
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Task(
        String name,
        String title,
        String about,
        boolean mirrored,
        List<String> singleToken,
        Map<String, List<JsonNode>> lists,
        Map<String, String> slots,
        List<Template> templates) {
    private static final Pattern SLOT = Pattern.compile("\\{(\\w+)(?:\\.(\\d))?\\}");
    private static final int MOST_TRIES = 40;

    /**
     * One kind of prompt pair.
     *
     * @param clean the prompt that shows the behaviour
     * @param corrupt its counterpart
     * @param answer what follows clean
     * @param wrong what follows corrupt
     * @param heldOut whether it serves measuring the model only
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Template(String clean, String corrupt, String answer, String wrong, boolean heldOut) {}

    /**
     * Different pairs in random order.
     *
     * @param n how many at most; fewer if there are not so many
     * @param heldOut whether from the held-out templates instead of the others
     * @param word says whether a word may be used in a list of single tokens
     */
    public List<PatchPair> pairs(int n, long seed, boolean heldOut, Predicate<String> word) {
        List<Template> from =
                templates.stream().filter(t -> t.heldOut() == heldOut).toList();
        Map<String, List<List<String>>> values = values(word);
        Random random = new Random(seed * 31 + name.hashCode());
        Set<PatchPair> pairs = new LinkedHashSet<>();
        for (int tries = 0; pairs.size() < n && tries < MOST_TRIES * n; tries++) {
            Template t = from.get(random.nextInt(from.size()));
            Map<String, List<String>> chosen = choose(t, values, random);
            if (!chosen.isEmpty()) {
                pairs.add(new PatchPair(
                        fill(t.clean(), chosen),
                        fill(t.corrupt(), chosen),
                        answers(t.answer(), chosen),
                        answers(t.wrong(), chosen)));
            }
        }
        return List.copyOf(pairs);
    }

    private Map<String, List<List<String>>> values(Predicate<String> word) {
        Map<String, List<List<String>>> values = new HashMap<>();
        lists.forEach((list, nodes) -> {
            List<List<String>> all = new ArrayList<>();
            for (JsonNode node : nodes) {
                List<String> forms = new ArrayList<>();
                if (node.isArray()) {
                    node.forEach(f -> forms.add(f.asString()));
                } else {
                    forms.add(node.asString());
                }
                if (!singleToken.contains(list) || forms.stream().allMatch(word)) {
                    all.add(forms);
                }
            }
            values.put(list, all);
        });
        return values;
    }

    /** A value for every slot of a template; empty if a list has too few. */
    private Map<String, List<String>> choose(Template t, Map<String, List<List<String>>> values, Random random) {
        Set<String> used = new LinkedHashSet<>();
        for (String text : List.of(t.clean(), t.corrupt(), t.answer(), t.wrong())) {
            SLOT.matcher(text).results().forEach(m -> used.add(m.group(1)));
        }
        Map<String, List<List<String>>> left = new HashMap<>();
        Map<String, List<String>> chosen = new HashMap<>();
        for (String slot : used) {
            String list = slots.getOrDefault(slot, slot);
            List<List<String>> rest = left.computeIfAbsent(list, l -> {
                List<List<String>> copy = new ArrayList<>(values.getOrDefault(l, List.of()));
                Collections.shuffle(copy, random);
                return copy;
            });
            if (rest.isEmpty()) {
                return Map.of();
            }
            chosen.put(slot, rest.removeLast());
        }
        return chosen;
    }

    private static String fill(String text, Map<String, List<String>> chosen) {
        return SLOT.matcher(text).replaceAll(m -> {
            List<String> forms = chosen.getOrDefault(m.group(1), List.of());
            int form = m.group(2) == null ? 0 : Integer.parseInt(m.group(2));
            return Matcher.quoteReplacement(forms.get(Math.min(form, forms.size() - 1)));
        });
    }

    private static List<String> answers(String text, Map<String, List<String>> chosen) {
        boolean above = text.startsWith("{above ");
        if (!above && !text.startsWith("{to ")) {
            return List.of(fill(text, chosen));
        }
        String slot = text.substring(text.indexOf(' ') + 1, text.length() - 1);
        int value = Integer.parseInt(chosen.getOrDefault(slot, List.of("0")).get(0));
        List<String> numbers = new ArrayList<>();
        for (int i = above ? value + 1 : 0; i <= (above ? 99 : value); i++) {
            numbers.add(String.format(Locale.ROOT, "%02d", i));
        }
        return numbers;
    }
}
