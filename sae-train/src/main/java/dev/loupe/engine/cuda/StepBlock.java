package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One {@code Step} as kernels receive it; all zero at first. */
final class StepBlock {
    private final StepLayout layout;
    private final MemorySegment memory;

    StepBlock(StepLayout layout, Arena arena) {
        this.layout = layout;
        this.memory = arena.allocate(layout.bytes(), 8);
    }

    MemorySegment memory() {
        return memory;
    }

    private int at(String name, String type) {
        StepLayout.Field f = layout.field(name);
        if (!(type.equals("pointer") ? f.type().endsWith("*") : f.type().equals(type))) {
            throw new IllegalStateException("the field " + name + " is of type " + f.type());
        }
        return f.offset();
    }

    /** Sets an address; 0 for none. */
    void pointer(String name, long address) {
        memory.set(JAVA_LONG, at(name, "pointer"), address);
    }

    /** An address that was set. */
    long pointer(String name) {
        return memory.get(JAVA_LONG, at(name, "pointer"));
    }

    void set(String name, double value) {
        memory.set(JAVA_DOUBLE, at(name, "double"), value);
    }

    void set(String name, float value) {
        memory.set(JAVA_FLOAT, at(name, "float"), value);
    }

    void set(String name, int value) {
        memory.set(JAVA_INT, at(name, "int"), value);
    }

    void set(String name, boolean value) {
        set(name, value ? 1 : 0);
    }

    /** A whole number that was set. */
    int get(String name) {
        return memory.get(JAVA_INT, at(name, "int"));
    }
}
