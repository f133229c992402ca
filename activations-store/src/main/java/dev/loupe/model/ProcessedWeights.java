package dev.loupe.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.loupe.base.UsageException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * A checkpoint's weights under a {@link WeightRegime}: rewrites each tensor while it is read, so that whoever reads them
 * needs no regimes. The order is that of TransformerLens ({@code ProcessWeights.process_weights}): norms are folded, then
 * writing weights centred, then the unembedding, then biases of values folded.
 */
final class ProcessedWeights implements TensorSource {
    private static final String WEIGHT = ".weight";
    private static final String BIAS = ".bias";

    /** A map that reads the residual stream through a norm; {@code columns} if it is stored {@code [in, out]}. */
    private record Reading(String norm, boolean columns) {}

    private final TensorSource source;
    private final ModelSpec raw;
    private final WeightRegime regime;
    private final TensorNames names;
    private final Map<String, Reading> reading = new HashMap<>();
    private final Map<String, Boolean> writing = new HashMap<>(); // a map, and whether it is stored [in, out]
    private final Set<String> folded = new HashSet<>(); // norms
    private final Map<String, String> attentionOf = new HashMap<>(); // output projection: values of its block

    /**
     * Weights of a model under a regime.
     *
     * @param raw the model as its checkpoint has it
     * @param source its weights; closed with this
     */
    ProcessedWeights(TensorSource source, ModelSpec raw, WeightRegime regime) {
        this.source = source;
        this.raw = raw;
        this.regime = regime;
        this.names = raw.architecture().tensors();
        for (int i = 0; i < raw.config().nLayers(); i++) {
            block(names.block().replace("%d", Integer.toString(i)));
        }
        reading.put(names.unembed(), new Reading(names.finalNorm(), false));
        folded.add(names.finalNorm());
    }

    private void block(String p) {
        String ln1 = p + names.ln1();
        String ln2 = p + names.ln2();
        for (String map : new String[] {names.q(), names.k(), names.v()}) {
            reading.put(p + map, new Reading(ln1, names.columns()));
        }
        reading.put(p + names.mlpIn(), new Reading(ln2, names.columns()));
        if (names.mlpLinear() != null) {
            reading.put(p + names.mlpLinear(), new Reading(ln2, names.columns()));
        }
        writing.put(p + names.o(), names.columns());
        writing.put(p + names.mlpOut(), names.columns());
        attentionOf.put(p + names.o(), p + names.v());
        folded.add(ln1);
        folded.add(ln2);
    }

    /**
     * The description of a model under a regime: folding makes biases where there were none, and an unembedding of its own.
     *
     * @throws UsageException if the regime is not defined for the family
     */
    static ModelSpec spec(ModelSpec raw, WeightRegime regime) {
        if (regime.isRaw()) {
            return raw;
        }
        Architecture a = raw.architecture();
        boolean layerNorm = a.norm() == NormKind.LAYER;
        String family = raw.config().family();
        if (regime.centerWritingWeights() && !layerNorm) {
            throw new UsageException("The weight regime center_writing_weights is not defined for a " + family
                    + ": its norms are RMSNorms, which do not ignore the mean of the residual stream; leave it out.");
        }
        if (regime.centerUnembed() && a.logitCap() > 0) {
            throw new UsageException("The weight regime center_unembed is not defined for a " + family
                    + " whose logits are soft-capped: the cap does not ignore a constant; leave it out.");
        }
        boolean folds = regime.foldLn() && layerNorm;
        Architecture processed = new Architecture(
                a.tensors(),
                a.norm(),
                a.biasQkv() || folds,
                a.biasO() || regime.foldValueBiases() && (a.biasQkv() || folds),
                a.biasMlp() || folds,
                a.activation(),
                a.parallel(),
                a.rotaryDims(),
                a.embedScale(),
                a.scoreCap(),
                a.logitCap());
        boolean tied = raw.config().tiedEmbeddings()
                && !regime.foldLn()
                && !regime.centerUnembed()
                && !regime.centerWritingWeights();
        return new ModelSpec(processed, raw.config().withTiedEmbeddings(tied), raw.layers());
    }

    @Override
    public boolean has(String tensor) {
        return source.has(WeightsReader.stored(source, tensor))
                || tensor.equals(names.unembed() + WEIGHT)
                || tensor.equals(names.unembed() + BIAS) && regime.foldLn() && layerNorm()
                || tensor.endsWith(BIAS) && isMap(tensor.substring(0, tensor.length() - BIAS.length()));
    }

    @Override
    public void check(String tensor, long... shape) {
        String stored = WeightsReader.stored(source, checkpoints(tensor));
        if (source.has(stored) || !has(tensor)) {
            source.check(stored, shape);
        }
    }

    private boolean isMap(String name) {
        return !name.equals(names.unembed()) && (reading.containsKey(name) || writing.containsKey(name));
    }

    private boolean layerNorm() {
        return raw.architecture().norm() == NormKind.LAYER;
    }

    @Override
    public void read(String tensor, MemorySegment target, long... shape) {
        boolean isBias = tensor.endsWith(BIAS);
        String name = tensor.substring(0, tensor.lastIndexOf('.'));
        if (regime.foldLn() && folded.contains(name)) {
            // a gain of 1, where the checkpoint holds w - 1 that is 0; a bias of 0
            fill(target, isBias || raw.architecture().norm() == NormKind.RMS_LESS_ONE ? 0 : 1);
        } else if (isBias) {
            readBias(name, target, shape);
        } else {
            readWeight(name, target, shape);
        }
    }

    private void readWeight(String name, MemorySegment target, long... shape) {
        raw(name + WEIGHT, target, shape);
        Reading reader = reading.get(name);
        if (reader != null && regime.foldLn()) {
            WeightGrid grid = WeightGrid.of(target, reader.columns(), shape);
            grid.scaleInputs(gain(reader.norm(), grid.in()));
            if (layerNorm()) {
                grid.centreRows();
            }
        }
        if (name.equals(names.unembed()) && regime.centerUnembed()) {
            WeightGrid.of(target, false, shape).centreColumns();
        }
        if (regime.centerWritingWeights()) {
            Boolean columns = writing.get(name);
            if (columns != null) { // [out, in], out being d_model
                WeightGrid.of(target, columns, shape).centreColumns();
            } else if (name.equals(names.embed()) || name.equals(names.positions())) {
                WeightGrid.of(target, false, shape).centreRows();
            }
        }
    }

    private void readBias(String name, MemorySegment target, long... shape) {
        rawOrZero(name + BIAS, target, shape);
        Reading reader = reading.get(name);
        if (reader != null && regime.foldLn() && layerNorm()) {
            try (Arena own = Arena.ofConfined()) {
                int in = raw.config().dModel();
                MemorySegment weight = own.allocate(4 * shape[0] * in, 64);
                raw(name + WEIGHT, weight, reader.columns() ? new long[] {in, shape[0]} : new long[] {shape[0], in});
                float[] beta = floats(reader.norm() + BIAS, in);
                add(target, new WeightGrid(weight, shape[0], in, reader.columns()).times(beta));
            }
        }
        if (name.equals(names.unembed()) && regime.centerUnembed()
                || regime.centerWritingWeights() && writing.containsKey(name)) {
            new WeightGrid(target, 1, shape[0], false).centreRows();
        }
        if (regime.foldValueBiases()) {
            if (name.equals(attentionOf.get(outputOf(name)))) {
                clearValues(target);
            }
            String values = attentionOf.get(name);
            if (values != null) {
                add(target, throughOutput(name, valueBias(values)));
            }
        }
    }

    /** The output projection of the block whose values have this name; the name itself if there is none. */
    private String outputOf(String values) {
        return values.endsWith(names.v())
                ? values.substring(0, values.length() - names.v().length()) + names.o()
                : values;
    }

    /** The bias of values as the other rewritings leave it, {@code [kv heads * d_head]}. */
    private float[] valueBias(String values) {
        ModelConfig c = raw.config();
        int kv = c.nKeyValueHeads() * c.dHead();
        boolean apart = names.packing() == TensorNames.Packing.APART;
        int rows = apart ? kv : 3 * kv;
        try (Arena own = Arena.ofConfined()) {
            MemorySegment all = own.allocate(4L * rows, 64);
            new ProcessedWeights(source, raw, withValueBiases()).readBias(values, all, rows);
            float[] bias = new float[kv];
            for (int i = 0; i < kv; i++) {
                bias[i] = all.getAtIndex(JAVA_FLOAT, valueRow(i));
            }
            return bias;
        }
    }

    private WeightRegime withValueBiases() {
        return new WeightRegime(regime.foldLn(), regime.centerWritingWeights(), regime.centerUnembed(), false);
    }

    /** Where value {@code i} (head by head) is among the rows of the tensor that holds it. */
    private long valueRow(int i) {
        ModelConfig c = raw.config();
        int h = c.dHead();
        return switch (names.packing()) {
            case APART -> i;
            case STACKED -> 2L * c.nHeads() * h + i;
            case BY_HEAD -> (i / h * 3L + 2) * h + i % h;
        };
    }

    private void clearValues(MemorySegment bias) {
        int kv = raw.config().nKeyValueHeads() * raw.config().dHead();
        for (int i = 0; i < kv; i++) {
            bias.setAtIndex(JAVA_FLOAT, valueRow(i), 0);
        }
    }

    /** W_O applied to a bias of values, which each of a group's query heads sees. */
    private double[] throughOutput(String output, float[] bias) {
        ModelConfig c = raw.config();
        int group = c.nHeads() / c.nKeyValueHeads();
        int in = c.nHeads() * c.dHead();
        float[] byQueryHead = new float[in];
        for (int i = 0; i < in; i++) {
            byQueryHead[i] = bias[i / c.dHead() / group * c.dHead() + i % c.dHead()];
        }
        long out = c.dModel();
        try (Arena own = Arena.ofConfined()) {
            MemorySegment weight = own.allocate(4 * out * in, 64);
            readWeight(output, weight, names.columns() ? new long[] {in, out} : new long[] {out, in});
            return new WeightGrid(weight, out, in, names.columns()).times(byQueryHead);
        }
    }

    private float[] gain(String norm, long width) {
        float[] gain = floats(norm + WEIGHT, width);
        for (int i = 0; i < gain.length && raw.architecture().norm() == NormKind.RMS_LESS_ONE; i++) {
            gain[i] += 1;
        }
        return gain;
    }

    private float[] floats(String tensor, long width) {
        try (Arena own = Arena.ofConfined()) {
            MemorySegment memory = own.allocate(4 * width, 64);
            raw(tensor, memory, width);
            return memory.toArray(JAVA_FLOAT);
        }
    }

    private void rawOrZero(String tensor, MemorySegment target, long... shape) {
        if (source.has(WeightsReader.stored(source, tensor))) {
            raw(tensor, target, shape);
        } else {
            fill(target, 0);
        }
    }

    /** A tensor as the checkpoint has it; a tied unembedding is the embedding. */
    private void raw(String tensor, MemorySegment target, long... shape) {
        source.read(WeightsReader.stored(source, checkpoints(tensor)), target, shape);
    }

    /** The tensor of the checkpoint that one of ours comes from. */
    private String checkpoints(String tensor) {
        boolean tied = raw.config().tiedEmbeddings() && tensor.equals(names.unembed() + WEIGHT);
        return tied ? names.embed() + WEIGHT : tensor;
    }

    private static void fill(MemorySegment target, float value) {
        for (long i = 0; i < target.byteSize() / 4; i++) {
            target.setAtIndex(JAVA_FLOAT, i, value);
        }
    }

    private static void add(MemorySegment target, double[] more) {
        for (int i = 0; i < more.length; i++) {
            target.setAtIndex(JAVA_FLOAT, i, (float) (target.getAtIndex(JAVA_FLOAT, i) + more[i]));
        }
    }

    @Override
    public String checksum() {
        return source.checksum();
    }

    @Override
    public void close() {
        source.close();
    }
}
