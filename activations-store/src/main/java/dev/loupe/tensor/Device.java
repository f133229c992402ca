package dev.loupe.tensor;

import dev.loupe.base.UsageException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a model's tensors live, and with it what computes: on the processor Loupe's own kernels, in memory that Java
 * reads and writes; elsewhere the tensor library's operations alone.
 *
 * @param tensors whether the tensor library computes everything
 * @param cuda number of the GPU; −1 for the processor
 */
public record Device(boolean tensors, int cuda) {
    /** The processor, with Loupe's kernels. */
    public static final Device CPU = new Device(false, -1);

    /**
     * The processor, with the operations that a GPU would run and tensors out of Java's reach: slower, and there to test
     * that way of computing on any machine.
     */
    public static final Device CPU_TENSORS = new Device(true, -1);

    private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,3}))?");

    /** A GPU of NVIDIA's, counted from 0. */
    public static Device cuda(int index) {
        return new Device(true, index);
    }

    /**
     * The device of a name: {@code cpu}, {@code cuda} (which is the first GPU), {@code cuda:N}, {@code cpu-tensors}, or
     * {@code auto}, which is the processor.
     *
     * @throws UsageException if it is none of these
     */
    public static Device parse(String text) {
        String name = text.strip().toLowerCase(Locale.ROOT);
        Matcher gpu = CUDA.matcher(name);
        if (gpu.matches()) {
            return cuda(gpu.group(1) == null ? 0 : Integer.parseInt(gpu.group(1)));
        }
        return switch (name) {
            case "auto", "cpu" -> CPU;
            case "cpu-tensors" -> CPU_TENSORS;
            default -> throw new UsageException("There is no device \"" + text + "\"; use auto, cpu or cuda:0.");
        };
    }

    /** Whether it is a GPU. */
    public boolean isCuda() {
        return cuda >= 0;
    }

    /** GPUs that the driver of NVIDIA shows; 0 where there is no driver. Loads nothing of the tensor library. */
    public static int gpus() {
        return Cuda.gpus();
    }

    /**
     * Fails unless this machine has the device: for a GPU asks the driver. Says nothing of the libraries, which are
     * loaded (and first downloaded, if need be) with the first model.
     *
     * @throws UsageException if there is no such GPU
     */
    public void require() {
        if (isCuda()) {
            Cuda.require(cuda);
        }
    }

    @Override
    public String toString() {
        return isCuda() ? "cuda:" + cuda : tensors ? "cpu-tensors" : "cpu";
    }
}
