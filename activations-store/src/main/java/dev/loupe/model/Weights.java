package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a model as float32 tensors over memory of ours. Matrices keep the checkpoint's layout
 * {@code [out, in]}.
 */
final class Weights implements AutoCloseable {
    /** One linear map. */
    record Linear(NDArray weight, @Nullable NDArray bias) {
        /** {@code x W^T + b}. */
        NDArray apply(NDArray x) {
            return ai.djl.nn.core.Linear.linear(x, weight, bias).singletonOrThrow();
        }

        /** {@code g W}: the gradient with respect to x. */
        NDArray backward(NDArray g) {
            return g.matMul(weight);
        }
    }

    /** One block. */
    record Layer(
            NDArray ln1,
            Linear q,
            Linear k,
            Linear v,
            @Nullable NDArray qNorm,
            @Nullable NDArray kNorm,
            Linear o,
            NDArray ln2,
            Linear gate,
            Linear up,
            Linear down) {}

    private final Arena arena;
    final NDManager manager;
    final NDArray embed;
    final List<Layer> layers;
    final NDArray finalNorm;
    final Linear unembed;

    /** Reads everything; the source is not needed afterwards. */
    @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as the object: close() ends it
    Weights(TensorSource source, ModelSpec spec) {
        arena = Arena.ofShared();
        manager = Torch.newManager();
        try {
            ModelConfig c = spec.config();
            Architecture a = spec.architecture();
            embed = tensor(source, a.embed(), c.dVocab(), c.dModel());
            finalNorm = tensor(source, a.finalNorm(), c.dModel());
            unembed =
                    new Linear(c.tiedEmbeddings() ? embed : tensor(source, a.unembed(), c.dVocab(), c.dModel()), null);
            int q = c.nHeads() * c.dHead();
            int kv = c.nKeyValueHeads() * c.dHead();
            List<Layer> list = new ArrayList<>();
            for (int i = 0; i < c.nLayers(); i++) {
                String p = a.block().replace("%d", Integer.toString(i));
                list.add(new Layer(
                        tensor(source, p + a.ln1(), c.dModel()),
                        linear(source, p + a.q(), q, c.dModel(), a.biasQkv()),
                        linear(source, p + a.k(), kv, c.dModel(), a.biasQkv()),
                        linear(source, p + a.v(), kv, c.dModel(), a.biasQkv()),
                        a.qNorm() == null ? null : tensor(source, p + a.qNorm(), c.dHead()),
                        a.kNorm() == null ? null : tensor(source, p + a.kNorm(), c.dHead()),
                        linear(source, p + a.o(), c.dModel(), q, a.biasO()),
                        tensor(source, p + a.ln2(), c.dModel()),
                        linear(source, p + a.gate(), c.dMlp(), c.dModel(), a.biasMlp()),
                        linear(source, p + a.up(), c.dMlp(), c.dModel(), a.biasMlp()),
                        linear(source, p + a.down(), c.dModel(), c.dMlp(), a.biasMlp())));
            }
            layers = List.copyOf(list);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private Linear linear(TensorSource source, String name, long out, long in, boolean bias) {
        return new Linear(tensor(source, name + ".weight", out, in), bias ? tensor(source, name + ".bias", out) : null);
    }

    private NDArray tensor(TensorSource source, String name, long... shape) {
        long elements = 1;
        for (long n : shape) {
            elements = Math.multiplyExact(elements, n);
        }
        MemorySegment memory = arena.allocate(4 * elements, 64);
        source.read(name, memory, shape);
        return Torch.wrap(manager, memory, shape);
    }

    @Override
    public void close() {
        manager.close(); // before the memory under its tensors
        arena.close();
    }
}
