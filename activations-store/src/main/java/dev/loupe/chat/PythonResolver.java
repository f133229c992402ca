package dev.loupe.chat;

import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import java.beans.FeatureDescriptor;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/** Python's methods of strings and mappings, which templates call; everything else is left to the library. */
final class PythonResolver extends ELResolver {
    private final ELResolver other = JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY;

    @Override
    public @Nullable Object invoke(
            ELContext context, @Nullable Object base, Object method, Class<?> @Nullable [] types, Object[] arguments) {
        if (base instanceof CharSequence text) {
            Object result = ofString(text.toString(), String.valueOf(method), arguments);
            if (result != null) {
                context.setPropertyResolved(true);
                return result;
            }
        }
        if (base instanceof Map<?, ?> map && "get".equals(method) && arguments.length > 0) {
            Object value = map.get(arguments[0]);
            context.setPropertyResolved(true);
            return value == null && arguments.length > 1 ? arguments[1] : value;
        }
        return other.invoke(context, base, method, types, arguments);
    }

    /** The result of a method of Python's str; null if it is none of those known. */
    private static @Nullable Object ofString(String s, String method, Object[] arguments) {
        String first = arguments.length == 0 || arguments[0] == null ? null : String.valueOf(arguments[0]);
        return switch (method) {
            case "strip" -> strip(s, first, true, true);
            case "lstrip" -> strip(s, first, true, false);
            case "rstrip" -> strip(s, first, false, true);
            case "startswith" -> first != null && s.startsWith(first);
            case "endswith" -> first != null && s.endsWith(first);
            case "upper" -> s.toUpperCase(Locale.ROOT);
            case "lower" -> s.toLowerCase(Locale.ROOT);
            case "capitalize" ->
                s.isEmpty()
                        ? s
                        : s.substring(0, 1).toUpperCase(Locale.ROOT)
                                + s.substring(1).toLowerCase(Locale.ROOT);
            case "title" -> title(s);
            case "replace" ->
                first == null || arguments.length < 2 ? null : replaced(s, first, String.valueOf(arguments[1]));
            case "split" -> split(s, first, arguments.length > 1 ? ((Number) arguments[1]).intValue() : -1);
            case "find" -> first == null ? null : (Object) (long) s.indexOf(first);
            default -> null;
        };
    }

    private static String replaced(String s, String what, String with) {
        long most = what.isEmpty() ? s.length() + 1L : s.length() / what.length();
        if (s.length() + most * with.length() > Sandbox.LONGEST_TEXT) {
            int times = what.isEmpty() ? s.length() + 1 : times(s, what);
            if (s.length() + (long) times * with.length() > Sandbox.LONGEST_TEXT) {
                throw new IllegalArgumentException("replace makes a text that is too long");
            }
        }
        return s.replace(what, with);
    }

    private static int times(String s, String what) {
        int times = 0;
        for (int at = s.indexOf(what); at >= 0; at = s.indexOf(what, at + what.length())) {
            times++;
        }
        return times;
    }

    private static String strip(String s, @Nullable String characters, boolean left, boolean right) {
        int from = 0;
        int to = s.length();
        while (left && from < to && in(s.charAt(from), characters)) {
            from++;
        }
        while (right && from < to && in(s.charAt(to - 1), characters)) {
            to--;
        }
        return s.substring(from, to);
    }

    private static boolean in(char c, @Nullable String characters) {
        return characters == null
                ? Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085'
                : characters.indexOf(c) >= 0;
    }

    private static List<String> split(String s, @Nullable String separator, int most) {
        if (separator == null) {
            String stripped = strip(s, null, true, true);
            return stripped.isEmpty() ? List.of() : Arrays.asList(stripped.split("\\s+"));
        }
        List<String> parts = new java.util.ArrayList<>();
        int from = 0;
        for (int at; (at = s.indexOf(separator, from)) >= 0 && (most < 0 || parts.size() < most); ) {
            parts.add(s.substring(from, at));
            from = at + separator.length();
        }
        parts.add(s.substring(from));
        return parts;
    }

    private static String title(String s) {
        StringBuilder text = new StringBuilder(s.length());
        boolean inside = false;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            text.append(inside ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inside = Character.isLetter(c);
        }
        return text.toString();
    }

    @Override
    public @Nullable Object getValue(ELContext context, @Nullable Object base, Object property) {
        return other.getValue(context, base, property);
    }

    @Override
    public Class<?> getType(ELContext context, @Nullable Object base, Object property) {
        return other.getType(context, base, property);
    }

    @Override
    public boolean isReadOnly(ELContext context, @Nullable Object base, Object property) {
        return other.isReadOnly(context, base, property);
    }

    @Override
    public void setValue(ELContext context, @Nullable Object base, Object property, Object value) {
        other.setValue(context, base, property, value);
    }

    @Override
    public Class<?> getCommonPropertyType(ELContext context, @Nullable Object base) {
        return other.getCommonPropertyType(context, base);
    }

    @Override
    public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, @Nullable Object base) {
        return other.getFeatureDescriptors(context, base);
    }
}
