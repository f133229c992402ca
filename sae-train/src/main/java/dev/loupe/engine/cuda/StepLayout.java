package dev.loupe.engine.cuda;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the fields of the kernels' {@code Step} lie in memory, and what their constants are, read out of {@code step.cuh},
 * which is the only place that says so.
 */
final class StepLayout {
    private static final Pattern FIELD =
            Pattern.compile("(?m)^    (unsigned short\\*|float\\*|double\\*|int\\*|double|float|int) (\\w+);");
    private static final Pattern ENUM = Pattern.compile("enum\\s*\\w*\\s*\\{([^}]*)\\};");

    /** Where a field lies. */
    record Field(int offset, String type) {}

    private final Map<String, Field> fields = new LinkedHashMap<>();
    private final Map<String, Integer> constants = new HashMap<>();
    private final int bytes;

    StepLayout(String source) {
        int from = source.indexOf("struct Step {");
        Matcher m = FIELD.matcher(source.substring(from, source.indexOf("};", from)));
        int at = 0;
        while (m.find()) {
            int size = m.group(1).equals("float") || m.group(1).equals("int") ? 4 : 8;
            at = Math.ceilDiv(at, size) * size;
            fields.put(m.group(2), new Field(at, m.group(1)));
            at += size;
        }
        bytes = Math.ceilDiv(at, 8) * 8;
        Matcher e = ENUM.matcher(source);
        while (e.find()) {
            int next = 0;
            for (String part : e.group(1).split(",")) {
                String[] sides = part.split("=");
                if (sides.length > 1) {
                    next = value(sides[1].strip());
                }
                if (!sides[0].isBlank()) {
                    constants.put(sides[0].strip(), next++);
                }
            }
        }
    }

    private int value(String expression) {
        String[] shift = expression.split("<<");
        if (shift.length > 1) {
            return value(shift[0].strip()) << value(shift[1].strip());
        }
        return Character.isDigit(expression.charAt(0)) ? Integer.parseInt(expression) : constant(expression);
    }

    /** A constant by its name. */
    int constant(String name) {
        Integer value = constants.get(name);
        if (value == null) {
            throw new IllegalStateException("step.cuh has no constant " + name);
        }
        return value;
    }

    /** A field by its name. */
    Field field(String name) {
        Field field = fields.get(name);
        if (field == null) {
            throw new IllegalStateException("step.cuh has no field " + name);
        }
        return field;
    }

    /** The size of the whole. */
    int bytes() {
        return bytes;
    }
}
