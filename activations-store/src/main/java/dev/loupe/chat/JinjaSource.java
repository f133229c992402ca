package dev.loupe.chat;

import dev.loupe.base.LoupeException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Rewrites a template so that the library means what Jinja means: white space around tags is taken away here, by Jinja's
 * rules with {@code trim_blocks} and {@code lstrip_blocks}, and a few constructs that the library reads otherwise or does
 * not know get words that it does.
 */
final class JinjaSource {
    private static final Pattern STRING =
            Pattern.compile("'[^'\\\\]*+(?:\\\\.[^'\\\\]*+)*+'|\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"", Pattern.DOTALL);
    private static final Pattern PLACE = Pattern.compile("\u0001(\\d{1,6})\u0001");
    private static final Pattern NAMESPACE = Pattern.compile("\\bnamespace\\(([^()]*)\\)");
    private static final String NAME = "[\\w.\\[\\]\u0001]+";

    /** A text, or a tag with its two characters and what is inside. */
    private record Part(String kind, String text, char before, char after) {}

    private JinjaSource() {}

    static String translate(String template) {
        if (template.length() > Sandbox.LONGEST_TEMPLATE) {
            throw new LoupeException("The model's chat template is longer than " + Sandbox.LONGEST_TEMPLATE
                    + " characters; send the prompt as text instead.");
        }
        if (template.contains("int3rpr3t3r")) {
            throw new LoupeException("The model's chat template asks for the engine that renders it; send the prompt as"
                    + " text instead.");
        }
        return Sandbox.run(() -> translated(template.replace('\u0001', ' '))); // the mark of places below
    }

    private static String translated(String template) {
        // Jinja drops one line break at the end
        List<Part> parts = parts(template.endsWith("\n") ? template.substring(0, template.length() - 1) : template);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < parts.size(); i++) {
            Part part = parts.get(i);
            switch (part.kind) {
                case "" ->
                    out.append(trimmed(
                            part.text,
                            i == 0 ? null : parts.get(i - 1),
                            i + 1 == parts.size() ? null : parts.get(i + 1)));
                case "#" -> {}
                case "%" -> out.append("{% ").append(block(part.text.strip())).append(" %}");
                default ->
                    out.append("{{ ").append(rewritten(part.text.strip())).append(" }}");
            }
        }
        return out.toString();
    }

    private static List<Part> parts(String s) {
        List<Part> parts = new ArrayList<>();
        int from = 0;
        while (true) {
            int at = next(s, from);
            parts.add(new Part("", s.substring(from, at), ' ', ' ')); // empty ones too: texts and tags alternate
            if (at == s.length()) {
                return parts;
            }
            char kind = s.charAt(at + 1);
            int end = end(s, at + 2, kind);
            int first = at + 2;
            int last = end - 2;
            char before = s.charAt(first);
            char after = s.charAt(last - 1);
            boolean signed = before == '-' || before == '+';
            boolean closed = last - 1 > first && (after == '-' || after == '+');
            String inside = s.substring(signed ? first + 1 : first, closed ? last - 1 : last);
            parts.add(new Part(
                    kind == '{' ? "{" : String.valueOf(kind), inside, signed ? before : ' ', closed ? after : ' '));
            from = end;
        }
    }

    /** Where the next tag begins. */
    private static int next(String s, int from) {
        for (int i = from; i + 1 < s.length(); i++) {
            char c = s.charAt(i + 1);
            if (s.charAt(i) == '{' && (c == '{' || c == '%' || c == '#')) {
                return i;
            }
        }
        return s.length();
    }

    /** Where a tag has ended; strings in it may hold what looks like its end, comments have no strings. */
    private static int end(String s, int from, char kind) {
        char close = kind == '{' ? '}' : kind;
        char quote = 0;
        for (int i = from; i + 1 < s.length(); i++) {
            char c = s.charAt(i);
            if (quote != 0) {
                if (c == '\\') {
                    i++;
                } else if (c == quote) {
                    quote = 0;
                }
            } else if (c == close && s.charAt(i + 1) == '}') {
                return i + 2;
            } else if (kind != '#' && (c == '\'' || c == '"')) {
                quote = c;
            }
        }
        throw new LoupeException("The model's chat template has a tag that begins and does not end ("
                + s.substring(from - 2, Math.min(s.length(), from + 30)).replace('\n', ' ') + "...).");
    }

    private static String trimmed(String text, @Nullable Part before, @Nullable Part after) {
        int from = 0;
        int to = text.length();
        if (before != null && before.after == '-') {
            while (from < to && Character.isWhitespace(text.charAt(from))) {
                from++;
            }
        } else if (before != null && !before.kind.equals("{") && before.after != '+' && text.startsWith("\n")) {
            from = 1; // trim_blocks
        }
        if (after != null && after.before == '-') {
            while (to > from && Character.isWhitespace(text.charAt(to - 1))) {
                to--;
            }
        } else if (after != null && !after.kind.equals("{") && after.before != '+') {
            int start = to;
            while (start > from && (text.charAt(start - 1) == ' ' || text.charAt(start - 1) == '\t')) {
                start--;
            }
            boolean lineStart = start == 0 ? before == null : text.charAt(start - 1) == '\n';
            to = lineStart ? start : to; // lstrip_blocks: the tag is the first on its line
        }
        return text.substring(from, to);
    }

    private static String block(String inside) {
        return switch (inside) {
            case "generation" -> "if true"; // marks what the assistant said, for training
            case "endgeneration" -> "endif";
            default -> rewritten(inside);
        };
    }

    /** Refuses brackets that are nested more deeply than the library can read in a reasonable time. */
    private static void shallow(String expression) {
        int depth = 0;
        for (int i = 0; i < expression.length(); i++) {
            char c = expression.charAt(i);
            depth += c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
            if (depth > Sandbox.DEEPEST_BRACKETS) {
                throw new LoupeException("The model's chat template has brackets nested more than "
                        + Sandbox.DEEPEST_BRACKETS + " deep; send the prompt as text instead.");
            }
        }
    }

    private static String rewritten(String inside) {
        List<String> strings = new ArrayList<>();
        String s = STRING.matcher(inside).replaceAll(m -> {
            strings.add(m.group());
            return "\u0001" + (strings.size() - 1) + "\u0001";
        });
        shallow(s);
        s = s.replaceAll("\\[\\s*::\\s*-1\\s*]", "|reverse");
        s = s.replaceAll("\\b(strftime_now|raise_exception|namespace|range)\\s+is\\s+defined\\b", "true");
        // "not x is defined" is "not (x is defined)"
        s = s.replaceAll("\\bnot\\s+(" + NAME + ")\\s+is\\s+(?!not\\b)", "$1 is not ");
        s = NAMESPACE
                .matcher(s)
                .replaceAll(m -> Matcher.quoteReplacement(
                        "namespace(" + m.group(1).replaceAll("(\\w+)\\s*=\\s*([^,]+)", "$1=($2)") + ")"));
        return PLACE.matcher(s).replaceAll(m -> Matcher.quoteReplacement(strings.get(Integer.parseInt(m.group(1)))));
    }
}
