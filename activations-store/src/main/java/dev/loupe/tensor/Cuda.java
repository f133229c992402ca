package dev.loupe.tensor;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.net.UnknownHostException;

/** The GPUs of this machine, and the tensor library's build for them. */
final class Cuda {
    private Cuda() {}

    /** How many GPUs the driver shows; 0 where it is not installed, or fails. */
    static int gpus() {
        String name = System.getProperty("os.name", "").startsWith("Windows") ? "nvcuda" : "libcuda.so.1";
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup driver = SymbolLookup.libraryLookup(name, arena);
            MethodHandle init = function(driver, "cuInit", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
            MethodHandle count = function(driver, "cuDeviceGetCount", FunctionDescriptor.of(JAVA_INT, ADDRESS));
            MemorySegment answer = arena.allocate(JAVA_INT);
            if ((int) init.invokeExact(0) != 0 || (int) count.invokeExact(answer) != 0) {
                return 0;
            }
            return answer.get(JAVA_INT, 0);
        } catch (IllegalArgumentException e) { // no such library
            return 0;
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("the driver of the GPU failed", e);
        }
    }

    private static MethodHandle function(SymbolLookup driver, String name, FunctionDescriptor type) {
        MemorySegment symbol =
                driver.find(name).orElseThrow(() -> new IllegalArgumentException("the driver has no " + name));
        return Linker.nativeLinker().downcallHandle(symbol, type);
    }

    /** Fails unless the driver shows this GPU. */
    static void require(int index) {
        int gpus = gpus();
        if (gpus == 0) {
            throw new UsageException("The device cuda:" + index
                    + " was asked for, and this machine shows no NVIDIA GPU: its driver (libcuda.so.1) is missing or finds"
                    + " none (try nvidia-smi). Install the driver, or go on with --device cpu.");
        }
        if (index >= gpus) {
            throw new UsageException("The device cuda:" + index + " was asked for, and this machine has "
                    + (gpus == 1 ? "one GPU, cuda:0." : "the GPUs cuda:0 to cuda:" + (gpus - 1) + "."));
        }
    }

    /** A manager of tensors on a GPU. */
    static NDManager newManager(int index) {
        require(index);
        Engine engine = engine();
        if (!engine.hasCapability("CUDA")) {
            throw new LoupeException("The tensor library that is loaded has no CUDA ("
                    + (NativeEnvironment.ownLibrary() == null
                            ? "it was loaded for the processor before"
                            : "PYTORCH_LIBRARY_PATH is " + NativeEnvironment.ownLibrary())
                    + "): point PYTORCH_LIBRARY_PATH to the lib folder of PyTorch " + NativeEnvironment.version()
                    + " for CUDA 12, or go on with --device cpu.");
        }
        NDManager manager = engine.newBaseManager(ai.djl.Device.gpu(index));
        try (NDArray probe = manager.create(new float[] {1, 2})) {
            ai.djl.Device where = probe.getDevice();
            if (!where.isGpu() || where.getDeviceId() != index || Torch.toArray(probe)[1] != 2) {
                throw new IllegalStateException("a tensor for cuda:" + index + " was made on " + where);
            }
        } catch (EngineException | IllegalStateException e) {
            manager.close();
            throw new LoupeException(
                    "The GPU cuda:" + index + " takes no tensors (" + first(e) + "): see whether the"
                            + " driver fits CUDA 12 (nvidia-smi), or go on with --device cpu.",
                    e);
        }
        return manager;
    }

    /** The tensor library's build for CUDA; loaded, and downloaded before that unless a folder of the user's has it. */
    private static synchronized Engine engine() {
        Torch.offline();
        NativeEnvironment.cuda();
        try {
            return Engine.getEngine("PyTorch");
        } catch (EngineException | LinkageError e) {
            throw new LoupeException(
                    "The libraries for --device cuda:0 cannot be loaded (" + first(e)
                            + "). They come from publish.djl.ai when first needed (a few GB), or from the folder that"
                            + " PYTORCH_LIBRARY_PATH names: the lib folder of PyTorch " + NativeEnvironment.version()
                            + " for CUDA 12. Go on with --device cpu otherwise.",
                    e);
        } finally {
            System.setProperty("ai.djl.offline", "true");
        }
    }

    private static String first(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String message = root.getMessage();
        if (root instanceof UnknownHostException) {
            return "no network: " + message;
        }
        return message == null
                ? root.getClass().getSimpleName()
                : message.lines().findFirst().orElse("").strip();
    }
}
