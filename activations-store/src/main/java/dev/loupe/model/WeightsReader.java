package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.loupe.kernel.Storage;
import dev.loupe.kernel.StoredMatrix;
import dev.loupe.tensor.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads a family's tensors into the layout that the passes use: matrices {@code [out, in]}; queries, keys, values apart. */
final class WeightsReader {
    /** Other beginnings of names: models as parts of larger ones, and a head that was renamed. */
    private static final String[][] PREFIXES = {
        {"model.", "language_model.model."},
        {"model.", "model.language_model."},
        {"lm_head", "language_model.lm_head"},
        {"embed_out", "lm_head"}
    };

    private final TensorSource source;
    private final ModelConfig config;
    private final Architecture architecture;
    private final TensorNames names;
    private final Precision precision;
    private final Arena arena;
    private final NDManager manager;
    private final NDArray eps;
    private final NDArray one;

    WeightsReader(TensorSource source, ModelSpec spec, Precision precision, Arena arena, NDManager manager) {
        this.source = source;
        this.precision = precision;
        this.config = spec.config();
        this.architecture = spec.architecture();
        this.names = architecture.tensors();
        this.arena = arena;
        this.manager = manager;
        eps = Torch.floats(manager, new float[] {(float) config.normEps()}, 1);
        one = Torch.floats(manager, new float[] {1f}, 1);
    }

    StoredMatrix embed() {
        return rows(names.embed() + ".weight", config.dVocab(), config.dModel());
    }

    @Nullable NDArray positions() {
        if (names.positions() == null) {
            return null;
        }
        long rows = (long) config.nCtx() + names.positionOffset();
        MemorySegment all = read(names.positions() + ".weight", rows, config.dModel());
        MemorySegment used = all.asSlice(4L * names.positionOffset() * config.dModel());
        return Torch.over(manager, used, config.nCtx(), config.dModel());
    }

    Norm finalNorm() {
        return norm(names.finalNorm(), config.dModel());
    }

    Linear unembed() {
        MemorySegment bias =
                source.has(names.unembed() + ".bias") ? read(names.unembed() + ".bias", config.dVocab()) : null;
        return linear(rows(names.unembed() + ".weight", config.dVocab(), config.dModel()), bias);
    }

    List<Weights.Layer> layers() {
        List<Weights.Layer> layers = new ArrayList<>();
        for (int i = 0; i < config.nLayers(); i++) {
            layers.add(layer(names.block().replace("%d", Integer.toString(i))));
        }
        return List.copyOf(layers);
    }

    private Weights.Layer layer(String p) {
        int d = config.dModel();
        int heads = config.nHeads() * config.dHead();
        boolean mlpBias = architecture.biasMlp();
        Linear[] qkv = qkv(p);
        return new Weights.Layer(
                norm(p + names.ln1(), d),
                qkv[0],
                qkv[1],
                qkv[2],
                headNorm(p, names.qNorm()),
                headNorm(p, names.kNorm()),
                linear(p + names.o(), d, heads, architecture.biasO()),
                names.ln1Post() == null ? null : norm(p + names.ln1Post(), d),
                norm(p + names.ln2(), d),
                linear(p + names.mlpIn(), config.dMlp(), d, mlpBias),
                names.mlpLinear() == null ? null : linear(p + names.mlpLinear(), config.dMlp(), d, mlpBias),
                linear(p + names.mlpOut(), d, config.dMlp(), mlpBias),
                names.ln2Post() == null ? null : norm(p + names.ln2Post(), d));
    }

    private Linear[] qkv(String p) {
        int d = config.dModel();
        int q = config.nHeads() * config.dHead();
        int kv = config.nKeyValueHeads() * config.dHead();
        boolean bias = architecture.biasQkv();
        if (names.packing() == TensorNames.Packing.APART) {
            return new Linear[] {
                linear(p + names.q(), q, d, bias),
                linear(p + names.k(), kv, d, bias),
                linear(p + names.v(), kv, d, bias)
            };
        }
        StoredMatrix weight = matrix(p + names.q() + ".weight", 3L * q, d);
        MemorySegment biases = bias ? read(p + names.q() + ".bias", 3L * q) : null;
        if (names.packing() == TensorNames.Packing.BY_HEAD) {
            MemorySegment apart = apart(weight.memory(), weight.rowBytes());
            weight = new StoredMatrix(apart, weight.storage(), weight.rows(), weight.cols())
                    .forProducts(weight.products());
            biases = biases == null ? null : apart(biases, 4);
        }
        Linear[] parts = new Linear[3];
        for (int i = 0; i < 3; i++) {
            parts[i] =
                    linear(weight.rows(i * q, (i + 1) * q), biases == null ? null : biases.asSlice(4L * i * q, 4L * q));
        }
        return parts;
    }

    /** Rows (head, part, d_head) in the order (part, head, d_head). */
    private MemorySegment apart(MemorySegment rows, long rowBytes) {
        MemorySegment target = arena.allocate(rows.byteSize(), 64);
        long head = config.dHead() * rowBytes;
        for (long h = 0; h < config.nHeads(); h++) {
            for (long part = 0; part < 3; part++) {
                long to = (part * config.nHeads() + h) * head;
                MemorySegment.copy(rows, (h * 3 + part) * head, target, to, head);
            }
        }
        return target;
    }

    private @Nullable Norm headNorm(String p, @Nullable String name) {
        return name == null ? null : norm(p + name, config.dHead());
    }

    private Norm norm(String name, int width) {
        MemorySegment gain = read(name + ".weight", width);
        if (architecture.norm() == NormKind.RMS_LESS_ONE) {
            for (int i = 0; i < width; i++) {
                gain.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1 + gain.getAtIndex(ValueLayout.JAVA_FLOAT, i));
            }
        }
        NDArray bias = architecture.norm() == NormKind.LAYER ? tensor(name + ".bias", width) : null;
        return new Norm(architecture.norm(), Torch.over(manager, gain, width), bias, eps, one);
    }

    private Linear linear(String name, long out, long in, boolean bias) {
        return linear(matrix(name + ".weight", out, in), bias ? read(name + ".bias", out) : null);
    }

    /** A map from its parts in memory, on the model's device. */
    Linear linear(StoredMatrix weight, @Nullable MemorySegment bias) {
        return Linear.of(manager, weight, bias);
    }

    /** A matrix of a block as {@code [out, in]}. */
    private StoredMatrix matrix(String name, long out, long in) {
        if (!names.columns()) {
            return rows(name, out, in);
        }
        source.check(stored(source, name), in, out);
        StoredMatrix there = source.matrix(stored(source, name), in, out);
        try (Arena own = Arena.ofShared()) {
            if (there == null) {
                MemorySegment copy = own.allocate(4 * out * in, 64);
                source.read(stored(source, name), copy, in, out);
                there = new StoredMatrix(copy, Storage.FLOAT32, in, out);
            }
            MemorySegment target = (precision == Precision.FP32 ? arena : own).allocate(4 * out * in, 64);
            there.decodeTransposed(target);
            return precise(new StoredMatrix(target, Storage.FLOAT32, out, in));
        }
    }

    /** A matrix as the source has it: where it lies, or else in memory of ours. */
    private StoredMatrix rows(String name, long rows, long cols) {
        StoredMatrix there = source.matrix(stored(source, name), rows, cols);
        if (there != null) {
            return precise(there);
        }
        try (Arena own = Arena.ofShared()) {
            MemorySegment copy = read(precision == Precision.FP32 ? arena : own, name, rows, cols);
            return precise(new StoredMatrix(copy, Storage.FLOAT32, rows, cols));
        }
    }

    /** A matrix in the precision of the model: float32 is rounded into memory of ours, smaller types stay as they are. */
    private StoredMatrix precise(StoredMatrix matrix) {
        if (precision == Precision.FP32 || matrix.storage() != Storage.FLOAT32) {
            return matrix.forProducts(precision.products());
        }
        MemorySegment target = arena.allocate(2L * matrix.rows() * matrix.cols(), 64);
        matrix.round(target);
        return new StoredMatrix(target, Storage.BFLOAT16, matrix.rows(), matrix.cols())
                .forProducts(precision.products());
    }

    private NDArray tensor(String name, long... shape) {
        return Torch.over(manager, read(name, shape), shape);
    }

    private MemorySegment read(String name, long... shape) {
        return read(arena, name, shape);
    }

    private MemorySegment read(Arena into, String name, long... shape) {
        source.check(stored(source, name), shape);
        long elements = 1;
        for (long n : shape) {
            elements = Math.multiplyExact(elements, n);
        }
        MemorySegment memory = into.allocate(4 * elements, 64);
        source.read(stored(source, name), memory, shape);
        return memory;
    }

    /** What the source calls a tensor: its own name, one within a larger model, or without the model's own prefix. */
    static String stored(TensorSource source, String name) {
        if (source.has(name)) {
            return name;
        }
        for (String[] prefix : PREFIXES) {
            if (name.startsWith(prefix[0])) {
                String other = prefix[1] + name.substring(prefix[0].length());
                if (source.has(other)) {
                    return other;
                }
            }
        }
        String bare = name.substring(name.indexOf('.') + 1);
        return source.has(bare) ? bare : name;
    }
}
