package dev.loupe.sae;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The part of Python's pickle (protocol 2 and what newer ones add for plain values) that a state dict of PyTorch needs.
 * Names of classes are data here: {@code _rebuild_tensor_v2} becomes a {@link TensorRef}, {@code OrderedDict} a map, and any
 * other call is refused.
 */
final class Unpickler {
    private final ByteBuffer in;
    private final List<@Nullable Object> stack = new ArrayList<>();
    private final List<Integer> marks = new ArrayList<>();
    private final Map<Integer, @Nullable Object> memo = new HashMap<>();

    /** A tensor that lies in a storage: {@code type} as {@code FloatStorage}, offset and strides in elements. */
    record TensorRef(String type, String storage, long offset, List<Integer> shape, List<Integer> stride) {}

    private record Global(String module, String name) {}

    private record Storage(String type, String key) {}

    Unpickler(byte[] program) {
        in = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** @throws IllegalStateException if there is something that is not plain data */
    @Nullable Object run() {
        while (true) {
            if (!in.hasRemaining()) {
                throw new IllegalStateException("it ends in the middle");
            }
            int op = in.get() & 255;
            switch (op) {
                case 0x80 -> in.get(); // protocol
                case 0x95 -> in.getLong(); // frame
                case '.' -> {
                    return pop();
                }
                case '(' -> marks.add(stack.size());
                case '}' -> stack.add(new LinkedHashMap<Object, Object>());
                case ']' -> stack.add(new ArrayList<Object>());
                case ')' -> stack.add(List.of());
                case 'N' -> stack.add(null);
                case 0x88 -> stack.add(true);
                case 0x89 -> stack.add(false);
                case 'J' -> stack.add((long) in.getInt());
                case 'K' -> stack.add((long) (in.get() & 255));
                case 'M' -> stack.add((long) (in.getShort() & 0xFFFF));
                case 0x8a -> stack.add(bigInteger(in.get() & 255));
                case 'G' -> stack.add(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
                case 'X' -> stack.add(text(in.getInt()));
                case 0x8c -> stack.add(text(in.get() & 255));
                case 'c' -> stack.add(new Global(line(), line()));
                case 0x93 -> {
                    String name = (String) pop();
                    stack.add(new Global((String) java.util.Objects.requireNonNull(pop()), String.valueOf(name)));
                }
                case 'q' -> memo.put(in.get() & 255, stack.getLast());
                case 'r' -> memo.put(in.getInt(), stack.getLast());
                case 0x94 -> memo.put(memo.size(), stack.getLast());
                case 'h' -> stack.add(memo.get(in.get() & 255));
                case 'j' -> stack.add(memo.get(in.getInt()));
                case 't' -> stack.add(marked());
                case 0x85 -> stack.add(tuple(1));
                case 0x86 -> stack.add(tuple(2));
                case 0x87 -> stack.add(tuple(3));
                case 'a' -> {
                    Object item = pop();
                    list(stack.getLast()).add(item);
                }
                case 'e' -> {
                    List<@Nullable Object> items = marked();
                    list(stack.getLast()).addAll(items);
                }
                case 's' -> {
                    Object value = pop();
                    Object key = pop();
                    map(stack.getLast()).put(key, value);
                }
                case 'u' -> {
                    List<@Nullable Object> items = marked();
                    for (int i = 0; i + 1 < items.size(); i += 2) {
                        map(stack.getLast()).put(items.get(i), items.get(i + 1));
                    }
                }
                case 'Q' -> stack.add(storage(pop()));
                case 'R' -> {
                    Object arguments = pop();
                    stack.add(call(pop(), list(arguments)));
                }
                case 'b' -> pop(); // attributes of a dictionary, such as its _metadata
                default -> throw new IllegalStateException("it holds more than tensors and plain values");
            }
        }
    }

    private @Nullable Object pop() {
        if (stack.isEmpty()) {
            throw new IllegalStateException("it ends in the middle");
        }
        return stack.removeLast();
    }

    private List<@Nullable Object> tuple(int n) {
        if (stack.size() < n) {
            throw new IllegalStateException("it ends in the middle");
        }
        List<@Nullable Object> from = stack.subList(stack.size() - n, stack.size());
        List<@Nullable Object> tuple = new ArrayList<>(from);
        from.clear();
        return tuple;
    }

    private List<@Nullable Object> marked() {
        if (marks.isEmpty()) {
            throw new IllegalStateException("it ends in the middle");
        }
        return tuple(stack.size() - marks.removeLast());
    }

    private Object call(@Nullable Object function, List<@Nullable Object> arguments) {
        if (function instanceof Global g) {
            if (g.name.equals("_rebuild_tensor_v2") && g.module.equals("torch._utils")) {
                Storage s = (Storage) java.util.Objects.requireNonNull(arguments.get(0));
                long offset = (Long) java.util.Objects.requireNonNull(arguments.get(1));
                return new TensorRef(s.type, s.key, offset, ints(arguments.get(2)), ints(arguments.get(3)));
            }
            if (g.name.equals("_rebuild_parameter") && g.module.equals("torch._utils")) {
                return java.util.Objects.requireNonNull(arguments.get(0));
            }
            if (g.name.equals("OrderedDict") && g.module.equals("collections")) {
                return new LinkedHashMap<Object, Object>();
            }
            throw new IllegalStateException("it calls " + g.module + "." + g.name + ", which is no plain data");
        }
        throw new IllegalStateException("it holds more than tensors and plain values");
    }

    private static Storage storage(@Nullable Object id) {
        List<@Nullable Object> parts = list(id);
        Global type = (Global) java.util.Objects.requireNonNull(parts.get(1));
        return new Storage(type.name, String.valueOf(parts.get(2)));
    }

    private static List<Integer> ints(@Nullable Object values) {
        List<Integer> result = new ArrayList<>();
        for (Object v : list(values)) {
            int i = Math.toIntExact((Long) java.util.Objects.requireNonNull(v));
            if (i < 0) {
                throw new IllegalStateException("a shape has the size " + i);
            }
            result.add(i);
        }
        return result;
    }

    @SuppressWarnings("unchecked")
    private static List<@Nullable Object> list(@Nullable Object o) {
        return (List<@Nullable Object>) java.util.Objects.requireNonNull(o, "it ends in the middle");
    }

    @SuppressWarnings("unchecked")
    private static Map<@Nullable Object, @Nullable Object> map(@Nullable Object o) {
        return (Map<@Nullable Object, @Nullable Object>) java.util.Objects.requireNonNull(o, "it ends in the middle");
    }

    private long bigInteger(int length) {
        byte[] bytes = new byte[length];
        for (int i = length - 1; i >= 0; i--) {
            bytes[i] = in.get();
        }
        return length == 0 ? 0 : new BigInteger(bytes).longValueExact();
    }

    private String text(int length) {
        if (length < 0 || length > in.remaining()) {
            throw new IllegalStateException("it ends in the middle");
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private String line() {
        StringBuilder text = new StringBuilder();
        for (char c = (char) (in.get() & 255); c != '\n'; c = (char) (in.get() & 255)) {
            text.append(c);
        }
        return text.toString();
    }
}
