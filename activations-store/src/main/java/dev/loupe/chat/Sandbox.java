package dev.loupe.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.el.JinjavaNodePreProcessor;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.Node;
import dev.loupe.base.LoupeException;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * What a chat template may do, wherever it came from (a model's folder, a request): the filters and tags that templates of
 * models use, no other; texts, lists and loops of bounded size; a bounded time. Templates see no files, classes or network.
 */
final class Sandbox {
    /** Longest template: ten times that of the longest in use. */
    static final int LONGEST_TEMPLATE = 200_000;

    /** Brackets in brackets in an expression: the library tries each in several ways, so its time doubles with every one. */
    static final int DEEPEST_BRACKETS = 12;

    /** Longest text that a template makes. */
    static final int LONGEST_TEXT = 10_000_000;

    private static final long MOST_NANOS = 5_000_000_000L;
    private static final int MOST_VALUES = 100_000;
    private static final int DEEPEST = 40;

    /** Filters of Jinja that no template can fill memory with. */
    private static final Set<String> FILTERS = Set.of(
            "abs",
            "attr",
            "bool",
            "capitalize",
            "count",
            "d",
            "default",
            "dictsort",
            "e",
            "escape",
            "first",
            "float",
            "forceescape",
            "int",
            "join",
            "last",
            "length",
            "list",
            "lower",
            "map",
            "reject",
            "rejectattr",
            "replace",
            "reverse",
            "round",
            "safe",
            "select",
            "selectattr",
            "sort",
            "split",
            "string",
            "sum",
            "title",
            "tojson",
            "trim",
            "truncate",
            "unique",
            "upper");

    /** Tags of Jinja that reach no other template. */
    private static final Set<String> TAGS =
            Set.of("break", "call", "continue", "do", "else", "elif", "for", "if", "macro", "raw", "set", "filter");

    private static final ScopedValue<Long> END = ScopedValue.newInstance();

    private Sandbox() {}

    /** A template used up its time. An error, since the library goes on after exceptions. */
    private static final class TimeUp extends Error {
        private static final long serialVersionUID = 1L;

        TimeUp() {
            super("time", null, false, false);
        }
    }

    /** The limits, as the library knows them. */
    static JinjavaConfig.Builder limits(JinjavaConfig.Builder config) {
        var plain = new Jinjava().getGlobalContext();
        JinjavaNodePreProcessor usual = new JinjavaNodePreProcessor();
        return config.withMaxOutputSize(LONGEST_TEXT)
                .withMaxStringLength(LONGEST_TEXT)
                .withMaxListSize(MOST_VALUES)
                .withMaxMapSize(MOST_VALUES)
                .withMaxRenderDepth(DEEPEST)
                .withRestrictedProperties(Set.of("class", "classLoader", "____int3rpr3t3r____"))
                .withDisabled(Map.of(
                        Library.FILTER,
                        others(
                                plain.getAllFilters().stream()
                                        .map(Filter::getName)
                                        .collect(Collectors.toSet()),
                                FILTERS),
                        Library.TAG,
                        others(plain.getAllTags().stream().map(Tag::getName).collect(Collectors.toSet()), TAGS)))
                .withNodePreProcessor((Node node, JinjavaInterpreter interpreter) -> {
                    if (END.isBound() && System.nanoTime() - END.get() > 0) {
                        throw new TimeUp();
                    }
                    usual.accept(node, interpreter);
                });
    }

    private static Set<String> others(Set<String> all, Set<String> allowed) {
        return all.stream()
                .filter(n -> !allowed.contains(n.startsWith("end") ? n.substring(3) : n))
                .collect(Collectors.toSet());
    }

    /**
     * Does something with a template, for a while.
     *
     * @throws LoupeException if it takes too long or is nested too deeply
     */
    static <T> T run(Supplier<T> work) {
        try {
            return ScopedValue.where(END, System.nanoTime() + MOST_NANOS).call(work::get);
        } catch (TimeUp e) {
            throw new LoupeException("The model's chat template does not end within " + MOST_NANOS / 1_000_000_000
                    + " s; send the prompt as text instead.");
        } catch (StackOverflowError
                | NoClassDefFoundError e) { // a class for macros that call themselves, which we have not
            throw new LoupeException(
                    "The model's chat template is nested too deeply; send the prompt as text instead.");
        }
    }
}
