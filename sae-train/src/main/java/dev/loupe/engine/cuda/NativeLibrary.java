package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.loupe.base.LoupeException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/** A shared library whose functions return 0 where all went well. It stays loaded for the life of the process. */
final class NativeLibrary {
    private final String name;
    private final SymbolLookup symbols;

    /** @param name a path, or a name for the system to look up */
    NativeLibrary(String name) {
        this.name = name;
        try {
            symbols = SymbolLookup.libraryLookup(name, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new LoupeException(
                    "The library " + name + " cannot be loaded; reinstall it, or see what it needs" + " with ldd "
                            + name + ".",
                    e);
        }
    }

    /** Whether the library has a function. */
    boolean has(String function) {
        return symbols.find(function).isPresent();
    }

    /** A function that returns a status. */
    MethodHandle function(String function, MemoryLayout... arguments) {
        return handle(function, FunctionDescriptor.of(JAVA_INT, arguments));
    }

    /** Any function. */
    MethodHandle handle(String function, FunctionDescriptor type) {
        MemorySegment symbol = symbols.find(function)
                .orElseThrow(() -> new LoupeException("The library " + name + " has no " + function
                        + ": it is too old for Loupe, which needs CUDA " + CudaLibraries.RANGE + "."));
        return Linker.nativeLinker().downcallHandle(symbol, type);
    }

    /** One call. */
    interface Call {
        int run() throws Throwable;
    }

    /** The status of a call. */
    static int status(Call call) {
        try {
            return call.run();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a native function threw", e);
        }
    }

    /** The text at an address, or a stand-in where there is none. */
    static String text(@Nullable MemorySegment at, String otherwise) {
        return at == null || at.address() == 0
                ? otherwise
                : at.reinterpret(Long.MAX_VALUE).getString(0);
    }

    @Override
    public String toString() {
        return name;
    }
}
