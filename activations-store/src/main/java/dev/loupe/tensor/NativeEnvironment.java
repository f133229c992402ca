package dev.loupe.tensor;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * Environment variables that native libraries read when they are loaded. Java cannot change its own environment, so this
 * asks the C library, before the tensor library is loaded and without overriding what the user has set.
 */
final class NativeEnvironment {
    /** The build that the tensor library's Java part is linked with, for any CUDA 12. */
    private static final String CUDA_FLAVOR = "cu128";

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

    /** The folder with a build of the tensor library that the user chose; null if there is none. */
    static @Nullable String ownLibrary() {
        String folder = System.getenv("PYTORCH_LIBRARY_PATH");
        return folder == null || folder.isBlank() ? null : folder;
    }

    /**
     * Says which build is in the folder that the user chose: the library would take it for one of years ago. What the
     * user says in {@code PYTORCH_VERSION} and {@code PYTORCH_FLAVOR} wins.
     */
    static void describeOwnLibrary() {
        String folder = ownLibrary();
        if (folder != null) {
            boolean cuda = Files.exists(Path.of(folder, System.mapLibraryName("torch_cuda")));
            property("PYTORCH_VERSION", version());
            property("PYTORCH_FLAVOR", cuda ? CUDA_FLAVOR : "cpu");
        }
    }

    /**
     * Lets the tensor library fetch its build for CUDA, which is too large for Maven's repository, unless the user has
     * one. A version other than that of the build for processors on the class path makes it look elsewhere: the suffix
     * does so, and means nothing.
     */
    static void cuda() {
        if (ownLibrary() == null) {
            property("PYTORCH_VERSION", version() + "-0");
            property("PYTORCH_FLAVOR", CUDA_FLAVOR);
            System.setProperty("ai.djl.offline", "false");
        }
    }

    private static void property(String name, String value) {
        if (System.getProperty(name) == null && System.getenv(name) == null) {
            System.setProperty(name, value);
        }
    }

    /** The version of PyTorch that the tensor library's Java part was built for. */
    static String version() {
        Properties properties = new Properties();
        try (InputStream in = NativeEnvironment.class.getResourceAsStream("/pytorch-engine.properties")) {
            if (in != null) {
                properties.load(in);
            }
        } catch (IOException e) {
            throw new IllegalStateException("the tensor library's description cannot be read", e);
        }
        return properties.getProperty("pytorch_version", "2.7.1");
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
