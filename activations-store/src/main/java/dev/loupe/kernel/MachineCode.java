package dev.loupe.kernel;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Instructions that the Vector API cannot express, as a function. Code is written into fresh memory which is then made
 * executable and can no longer be written. Where that is not possible (another processor or system, a kernel that forbids
 * it, {@code -Dloupe.machineCode=off}) callers take their path in Java.
 */
final class MachineCode {
    private static final long PAGE = 4096;
    private static final int READ_WRITE = 3;
    private static final int READ_EXECUTE = 5;
    private static final int PRIVATE_ANONYMOUS = 0x22;

    private static final Set<String> FLAGS = readFlags();

    private MachineCode() {}

    /** What the processor can do, by the names of /proc/cpuinfo; empty where they are not known or not to be used. */
    static Set<String> flags() {
        return FLAGS;
    }

    private static Set<String> readFlags() {
        boolean fits = System.getProperty("os.name", "").equals("Linux")
                && System.getProperty("os.arch", "").toLowerCase(Locale.ROOT).equals("amd64")
                && !System.getProperty("loupe.machineCode", "on").equals("off");
        Path info = Path.of("/proc/cpuinfo");
        if (!fits || !Files.isReadable(info)) {
            return Set.of();
        }
        try (var lines = Files.lines(info)) {
            Optional<String> flags =
                    lines.filter(l -> l.startsWith("flags")).findFirst().map(l -> l.substring(l.indexOf(':') + 1));
            return flags.map(f ->
                            (Set<String>) new TreeSet<>(Arrays.asList(f.trim().split("\\s+"))))
                    .orElse(Set.of());
        } catch (IOException | java.io.UncheckedIOException e) {
            return Set.of();
        }
    }

    /** The function that these instructions are, or nothing where the system does not allow it. */
    static Optional<MethodHandle> load(byte[] code, FunctionDescriptor type) {
        try {
            Linker linker = Linker.nativeLinker();
            MethodHandle mmap = linker.downcallHandle(
                    symbol(linker, "mmap"),
                    FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
            MethodHandle mprotect = linker.downcallHandle(
                    symbol(linker, "mprotect"), FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
            long size = Math.ceilDiv(code.length, PAGE) * PAGE;
            MemorySegment memory =
                    (MemorySegment) mmap.invokeExact(MemorySegment.NULL, size, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L);
            if (memory.address() == -1) {
                return Optional.empty();
            }
            MemorySegment writable = memory.reinterpret(size);
            MemorySegment.copy(code, 0, writable, JAVA_BYTE, 0, code.length);
            if ((int) mprotect.invokeExact(writable, size, READ_EXECUTE) != 0) {
                return Optional.empty();
            }
            return Optional.of(linker.downcallHandle(writable, type)); // stays for the life of the process
        } catch (Throwable e) {
            return Optional.empty();
        }
    }

    private static MemorySegment symbol(Linker linker, String name) {
        SymbolLookup lookup = linker.defaultLookup();
        return lookup.find(name).orElseThrow();
    }
}
