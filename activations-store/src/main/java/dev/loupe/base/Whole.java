package dev.loupe.base;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;

/**
 * Whether what was read from a file is all there. JSON may say null or leave out what our records promise to have; the promise
 * is their declaration ({@link Nullable} or not), so nothing has to be written down twice.
 */
final class Whole {
    private static final ClassValue<List<Part>> PARTS = new ClassValue<>() {
        @Override
        protected List<Part> computeValue(Class<?> type) {
            List<Part> parts = new ArrayList<>();
            if (type.isRecord() && type.getPackage().isAnnotationPresent(NullMarked.class)) {
                for (RecordComponent c : type.getRecordComponents()) {
                    if (!c.getType().isPrimitive()) {
                        Method accessor = c.getAccessor();
                        accessor.setAccessible(true);
                        parts.add(new Part(
                                c.getName(), accessor, c.getAnnotatedType().isAnnotationPresent(Nullable.class)));
                    }
                }
            }
            return List.copyOf(parts);
        }
    };

    private record Part(String name, Method accessor, boolean nullable) {
        @Nullable Object of(Object record) {
            try {
                return accessor.invoke(record);
            } catch (IllegalAccessException | InvocationTargetException e) {
                throw new IllegalStateException(e); // accessors of ours do not throw
            }
        }
    }

    private Whole() {}

    /** Where something is missing, such as {@code "nodes[3].label"}; null if nothing is. */
    static @Nullable String missing(@Nullable Object value) {
        if (value instanceof Collection<?> all) {
            int i = 0;
            for (Object element : all) {
                String inner = element == null ? "" : missing(element);
                if (inner != null) {
                    return "[" + i + "]" + dotted(inner);
                }
                i++;
            }
        } else if (value instanceof Map<?, ?> map) {
            for (Map.Entry<?, ?> e : map.entrySet()) {
                String inner = missing(e.getValue()); // open maps may say null
                if (inner != null) {
                    return e.getKey() + dotted(inner);
                }
            }
        } else if (value instanceof Record) {
            for (Part part : PARTS.get(value.getClass())) {
                Object held = part.of(value);
                String inner = held == null ? part.nullable ? null : "" : missing(held);
                if (inner != null) {
                    return part.name + dotted(inner);
                }
            }
        }
        return null;
    }

    private static String dotted(String inner) {
        return inner.isEmpty() || inner.startsWith("[") ? inner : "." + inner;
    }
}
