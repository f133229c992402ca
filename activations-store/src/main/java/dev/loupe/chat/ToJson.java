package dev.loupe.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.Collections;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code tojson} as transformers has it: Python's {@code json.dumps} with {@code ensure_ascii=False}. */
final class ToJson implements Filter {
    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, String... arguments) {
        return write(value, 0);
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
        return write(value, named.get("indent") instanceof Number n ? Math.clamp(n.intValue(), 0, 16) : 0);
    }

    /** A value as JSON; {@code indent} 0 for one line. */
    static String write(@Nullable Object value, int indent) {
        StringBuilder out = new StringBuilder();
        write(value, indent, 0, out);
        return out.toString();
    }

    private static void write(@Nullable Object value, int indent, int depth, StringBuilder out) {
        switch (value) {
            case Map<?, ?> map -> {
                String before = "{";
                for (Map.Entry<?, ?> e : map.entrySet()) {
                    out.append(before);
                    line(indent, depth + 1, out);
                    quote(String.valueOf(e.getKey()), out);
                    out.append(": ");
                    write(e.getValue(), indent, depth + 1, out);
                    before = indent > 0 ? "," : ", ";
                }
                end(map.isEmpty(), "{", "}", indent, depth, out);
            }
            case Iterable<?> list -> {
                String before = "[";
                for (Object element : list) {
                    out.append(before);
                    line(indent, depth + 1, out);
                    write(element, indent, depth + 1, out);
                    before = indent > 0 ? "," : ", ";
                }
                end(!list.iterator().hasNext(), "[", "]", indent, depth, out);
            }
            case null -> out.append("null");
            case Number n -> out.append(n);
            case Boolean b -> out.append(b);
            default -> quote(String.valueOf(value), out);
        }
    }

    private static void end(boolean empty, String open, String close, int indent, int depth, StringBuilder out) {
        if (empty) {
            out.append(open);
        } else {
            line(indent, depth, out);
        }
        out.append(close);
    }

    private static void line(int indent, int depth, StringBuilder out) {
        if (indent > 0) {
            out.append('\n').append(String.join("", Collections.nCopies(indent * depth, " ")));
        }
    }

    private static void quote(String text, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < 0x20) {
                        out.append(String.format(java.util.Locale.ROOT, "\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
