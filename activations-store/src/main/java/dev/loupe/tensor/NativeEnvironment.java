package dev.loupe.tensor;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Environment variables that native libraries read when they are loaded. Java cannot change its own environment, so this
 * asks the C library, before the tensor library is loaded and without overriding what the user has set.
 */
final class NativeEnvironment {
    private NativeEnvironment() {}

    /**
     * Settings that are good on every machine: threads of the tensor library sleep while they wait (on a machine that
     * is busy with anything else, spinning made passes four times slower), and large tensors use huge pages (a tenth
     * less time in page faults).
     */
    static void prepare() {
        set("OMP_WAIT_POLICY", "passive");
        set("THP_MEM_ALLOC_ENABLE", "1");
    }

    /** Sets a variable unless it is set; does nothing where the C library has no {@code setenv}. */
    static void set(String name, String value) {
        Linker linker = Linker.nativeLinker();
        Optional<MemorySegment> setenv = linker.defaultLookup().find("setenv");
        if (setenv.isEmpty() || System.getenv(name) != null) {
            return;
        }
        MethodHandle call =
                linker.downcallHandle(setenv.get(), FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            int ignored = (int) call.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), 0);
        } catch (Throwable e) {
            throw new IllegalStateException("setenv(" + name + ")", e);
        }
    }
}
