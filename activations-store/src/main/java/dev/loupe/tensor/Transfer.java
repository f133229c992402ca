package dev.loupe.tensor;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.lang.foreign.MemorySegment;

/** Copies between memory of Java's and tensors out of its reach. */
final class Transfer {
    private Transfer() {}

    /** A float32 tensor of a manager with these values. */
    static NDArray up(NDManager manager, MemorySegment memory, long... shape) {
        try (NDManager host = host()) {
            NDArray here = Torch.wrap(host, memory, shape);
            NDArray there = manager.getDevice().isGpu() ? here.toDevice(manager.getDevice(), true) : here.duplicate();
            there.attach(manager);
            return there;
        }
    }

    /** Writes the values of a float32 tensor, row-major, into memory of exactly that size. */
    static void down(NDArray array, MemorySegment target) {
        try (NDManager host = host()) {
            NDArray here = array.getDevice().isGpu() ? array.toDevice(ai.djl.Device.cpu(), true) : array;
            Torch.assign(Torch.wrap(host, target, array.getShape().getShape()), here);
            if (here != array) {
                here.close();
            }
        }
    }

    private static NDManager host() {
        return Engine.getEngine("PyTorch").newBaseManager(ai.djl.Device.cpu());
    }
}
