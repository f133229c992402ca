package dev.loupe.chat;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The functions that templates may call. */
final class ChatFunctions {
    private ChatFunctions() {}

    /** A template refused a conversation. */
    private static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Refusal(String message) {
            super(message, null, false, false);
        }
    }

    /** {@code raise_exception}: ends the rendering. */
    public static Object raise(Object message) {
        throw new Refusal(String.valueOf(message));
    }

    /** What a template said when it refused; null if an error is something else. */
    static @Nullable String refusal(@Nullable Throwable error) {
        for (Throwable t = error; t != null; t = t.getCause()) {
            if (t instanceof Refusal) {
                return t.getMessage();
            }
        }
        return null;
    }

    /** {@code strftime_now}: the local time in Python's format, English names. */
    public static String now(String format) {
        return strftime(ChatTemplate.now(), format);
    }

    /** Python's {@code strftime} with the directives that have one meaning everywhere. */
    static String strftime(LocalDateTime time, String format) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                text.append(c);
                continue;
            }
            char directive = format.charAt(++i);
            boolean bare = directive == '-' && i + 1 < format.length(); // %-d: without a leading zero
            if (bare) {
                directive = format.charAt(++i);
            }
            String pattern = pattern(directive);
            if (directive == '%') {
                text.append('%');
            } else if (pattern == null) {
                text.append('%').append(directive);
            } else {
                String value = time.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH));
                text.append(bare ? value.replaceFirst("^0+(?=.)", "") : value);
            }
        }
        return text.toString();
    }

    private static @Nullable String pattern(char directive) {
        return switch (directive) {
            case 'Y' -> "uuuu";
            case 'y' -> "uu";
            case 'm' -> "MM";
            case 'd' -> "dd";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'p' -> "a";
            case 'b' -> "MMM";
            case 'B' -> "MMMM";
            case 'a' -> "EEE";
            case 'A' -> "EEEE";
            case 'j' -> "DDD";
            case 'F' -> "uuuu-MM-dd";
            case 'T' -> "HH:mm:ss";
            default -> null;
        };
    }
}
