package dev.loupe.compare;

import java.util.Arrays;
import java.util.function.IntUnaryOperator;

/**
 * Many short lists, each of the {@code capacity} best (value, id) that it was offered, as heaps with the worst on top.
 * Among equal values a mix of list and id decides: whole groups of equal rows would otherwise all keep the same few
 * partners. The order is strict, so the content does not depend on the order of the offers.
 */
final class TopLists {
    private final int capacity;
    private final float[] values;
    private final int[] ids;
    private final int[] sizes;

    TopLists(int lists, int capacity) {
        this.capacity = capacity;
        this.values = new float[Math.multiplyExact(lists, capacity)];
        this.ids = new int[values.length];
        this.sizes = new int[lists];
    }

    int lists() {
        return sizes.length;
    }

    int capacity() {
        return capacity;
    }

    int size(int list) {
        return sizes[list];
    }

    int id(int list, int at) {
        return ids[list * capacity + at];
    }

    float value(int list, int at) {
        return values[list * capacity + at];
    }

    /** What a value must at least be to get into the list: minus infinity while there is room. */
    float cut(int list) {
        return sizes[list] < capacity ? Float.NEGATIVE_INFINITY : values[list * capacity];
    }

    void clear() {
        Arrays.fill(sizes, 0);
    }

    /** Empties one list. */
    void clear(int list) {
        sizes[list] = 0;
    }

    /** Takes the value if it is among the best. */
    void offer(int list, int tie, float value, int id) {
        int base = list * capacity;
        if (sizes[list] < capacity) {
            int at = sizes[list]++;
            while (at > 0) {
                int up = (at - 1) / 2;
                if (!worse(tie, value, id, values[base + up], ids[base + up])) {
                    break;
                }
                values[base + at] = values[base + up];
                ids[base + at] = ids[base + up];
                at = up;
            }
            values[base + at] = value;
            ids[base + at] = id;
        } else if (worse(tie, values[base], ids[base], value, id)) {
            int at = 0;
            for (int down; (down = 2 * at + 1) < capacity; at = down) {
                if (down + 1 < capacity
                        && worse(
                                tie,
                                values[base + down + 1],
                                ids[base + down + 1],
                                values[base + down],
                                ids[base + down])) {
                    down++;
                }
                if (!worse(tie, values[base + down], ids[base + down], value, id)) {
                    break;
                }
                values[base + at] = values[base + down];
                ids[base + at] = ids[base + down];
            }
            values[base + at] = value;
            ids[base + at] = id;
        }
    }

    /** Offers everything that a list of another one holds. */
    void offerAll(int list, int tie, TopLists other, int otherList) {
        for (int e = 0; e < other.sizes[otherList]; e++) {
            offer(list, tie, other.value(otherList, e), other.id(otherList, e));
        }
    }

    /**
     * Puts every list into the one order, worst first, whatever the order of the offers was; a list stays a heap.
     *
     * @param tie of a list, as it was offered with
     */
    void sort(IntUnaryOperator tie) {
        for (int list = 0; list < sizes.length; list++) {
            int base = list * capacity;
            int t = tie.applyAsInt(list);
            for (int e = 1; e < sizes[list]; e++) {
                float value = values[base + e];
                int id = ids[base + e];
                int at = e;
                while (at > 0 && worse(t, value, id, values[base + at - 1], ids[base + at - 1])) {
                    values[base + at] = values[base + at - 1];
                    ids[base + at] = ids[base + at - 1];
                    at--;
                }
                values[base + at] = value;
                ids[base + at] = id;
            }
        }
    }

    private static boolean worse(int tie, float value, int id, float otherValue, int otherId) {
        if (value != otherValue) {
            return value < otherValue;
        }
        int a = mix(tie, id);
        int b = mix(tie, otherId);
        return a != b ? a < b : id > otherId;
    }

    /** A number that looks random and depends on both. */
    static int mix(int a, int b) {
        int h = a * 0x9E3779B9 + b * 0x85EBCA6B;
        h = (h ^ (h >>> 16)) * 0x7FEB352D;
        h = (h ^ (h >>> 15)) * 0x846CA68B;
        return h ^ (h >>> 16);
    }

    /** The best entry of every list: its id; ties go to the lowest id, an empty list gives −1. */
    int[] bestIds() {
        int[] best = new int[lists()];
        for (int list = 0; list < best.length; list++) {
            best[list] = -1;
            float value = Float.NEGATIVE_INFINITY;
            for (int e = 0; e < sizes[list]; e++) {
                if (value(list, e) > value || (value(list, e) == value && id(list, e) < best[list])) {
                    value = value(list, e);
                    best[list] = id(list, e);
                }
            }
        }
        return best;
    }

    /** The best value of every list, 0 for an empty one. */
    float[] bestValues() {
        float[] best = new float[lists()];
        for (int list = 0; list < best.length; list++) {
            float value = sizes[list] == 0 ? 0 : Float.NEGATIVE_INFINITY;
            for (int e = 0; e < sizes[list]; e++) {
                value = Math.max(value, value(list, e));
            }
            best[list] = value;
        }
        return best;
    }

    float[] rawValues() {
        return values;
    }

    int[] rawIds() {
        return ids;
    }

    int[] rawSizes() {
        return sizes;
    }
}
