package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import dev.loupe.model.HookPoint;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model's MLPs replaced by latents: one transcoder per layer (arXiv 2406.11944; with skip connections 2501.18823), or a
 * cross-layer transcoder, whose latents also write to the later layers ({@link CrossLayerTranscoder}). With f_l the latents
 * of layer l, the output of layer m is
 *
 * <pre>{@code ŷ_m = Σ_{l ≤ m} W_dec(l → m)ᵀ f_l + b_dec(m) [+ W_skip(m) x_m]}</pre>
 *
 * <p>Layers are counted from 0 in the order of the set. Immutable and safe to use from any thread.
 */
public final class TranscoderSet {
    private static final Pattern LAYER = Pattern.compile("-l(\\d+)");

    private final String name;
    private final List<Sae> layers;
    private final boolean crossLayer;

    /**
     * A set of layers.
     *
     * @param layers each reads one place; it writes one, or its own and all later layers' (side by side, b_dec only for its
     *     own)
     * @throws LoupeException if the layers do not fit together
     */
    public TranscoderSet(String name, List<Sae> layers) {
        this.name = name;
        this.layers = List.copyOf(layers);
        if (layers.isEmpty()) {
            throw new LoupeException("The transcoder set " + name + " has no layer.");
        }
        this.crossLayer = layers.getFirst().hooksOut().size() > 1;
        for (int l = 0; l < layers.size(); l++) {
            Sae s = layers.get(l);
            int written = crossLayer ? layers.size() - l : 1;
            int width = layers.getLast().dOut();
            if (!s.isTranscoder()
                    || s.hooksIn().size() != 1
                    || s.hooksOut().size() != written
                    || s.dOut() != written * width
                    || (crossLayer && s.weights().skips())
                    || !s.modelId().equals(layers.getFirst().modelId())) {
                throw new LoupeException(
                        "The layers of the transcoder set " + name + " do not fit together: " + s.name()
                                + " reads " + s.hookName() + " and writes " + s.hookNameOut() + " (" + s.dOut()
                                + " values), where a layer of this set writes " + written + " place(s) of " + width
                                + " values of one model.");
            }
        }
    }

    /**
     * Opens the layers {@code NAME-l0}, {@code NAME-l1}, ... of a folder of SAEs.
     *
     * @throws NotFoundException if there is none
     */
    public static TranscoderSet open(Path saesDir, String name) {
        List<Sae> layers = new ArrayList<>();
        while (Files.isDirectory(saesDir.resolve(nameOf(name, layers.size())))) {
            layers.add(Sae.open(saesDir.resolve(nameOf(name, layers.size()))));
        }
        if (layers.isEmpty()) {
            throw new NotFoundException("There is no transcoder set \"" + name + "\": its first layer would be the SAE "
                    + nameOf(name, 0) + "; train one with --hook \"blocks.*.hook_mlp_in\" --hook-out"
                    + " \"blocks.*.hook_mlp_out\".");
        }
        return new TranscoderSet(name, layers);
    }

    /** Whether a name is that of a set in a folder of SAEs rather than of an SAE. */
    public static boolean isSet(Path saesDir, String name) {
        return !Files.isDirectory(saesDir.resolve(name)) && Files.isDirectory(saesDir.resolve(nameOf(name, 0)));
    }

    /** The name of a layer's SAE. */
    public static String nameOf(String set, int layer) {
        return set + "-l" + layer;
    }

    /** The set's name from that of one of its layers; the same name if it is none. */
    public static String setOf(String layer) {
        Matcher m = LAYER.matcher(layer);
        int at = layer.lastIndexOf("-l");
        return at > 0 && m.region(at, layer.length()).matches() ? layer.substring(0, at) : layer;
    }

    /** Its name. */
    public String name() {
        return name;
    }

    /** The number of layers. */
    public int size() {
        return layers.size();
    }

    /** Whether latents write to later layers, too. */
    public boolean crossLayer() {
        return crossLayer;
    }

    /** A layer as an SAE: its encoder, thresholds, decoder rows (side by side for all layers that it writes). */
    public Sae layer(int layer) {
        return layers.get(layer);
    }

    /** The id of the language model. */
    public String modelId() {
        return layers.getFirst().modelId();
    }

    /** The number of latents of a layer. */
    public int dSae(int layer) {
        return layers.get(layer).dSae();
    }

    /** The width of what a layer reads. */
    public int dIn(int layer) {
        return layers.get(layer).dIn();
    }

    /** The width of what each layer writes. */
    public int dOut() {
        return layers.getLast().dOut();
    }

    /** The place that a layer reads. */
    public HookPoint hookIn(int layer) {
        return HookPoint.of(layers.get(layer).hookName());
    }

    /** The place that a layer's output stands for. */
    public HookPoint hookOut(int layer) {
        return HookPoint.of(layers.get(layer).hooksOut().getFirst());
    }

    /** Whether latents of a layer write to the output of another one. */
    public boolean writes(int from, int to) {
        return crossLayer ? from <= to : from == to;
    }

    /**
     * The active latents of a layer.
     *
     * @param x [rows, d_in] raw values of {@link #hookIn}
     */
    public SparseCodes encode(int layer, Matrix x) {
        return layers.get(layer).encode(x);
    }

    /** The direction that a latent reads, [d_in]; a copy. */
    public float[] encoderRow(int layer, int latent) {
        return layers.get(layer).encoderRows().row(latent);
    }

    /**
     * What a latent of a layer adds to the output of another per unit of its activation, [d_out]; a copy.
     *
     * @throws UsageException if it does not write there
     */
    public float[] decoderRow(int from, int latent, int to) {
        float[] row = new float[dOut()];
        addLatent(from, latent, to, 1, row);
        return row;
    }

    /** Adds an activation of a latent to an output of length d_out. */
    public void addLatent(int from, int latent, int to, float activation, float[] out) {
        if (!writes(from, to)) {
            throw new UsageException("Latents of layer " + from + " do not write to layer " + to + ".");
        }
        Matrix rows = layers.get(from).decoderRows();
        long at = rows.offset(latent) + (crossLayer ? (long) (to - from) * dOut() * Matrix.BYTES : 0);
        VectorOps.axpy(activation, rows.segment(), at, out, 0, dOut());
    }

    /** b_dec of a layer's output, [d_out]; a copy. */
    public float[] bDec(int layer) {
        return java.util.Arrays.copyOf(layers.get(layer).bDec(), dOut());
    }

    /** Whether the layers have skip connections. */
    public boolean skips() {
        return layers.getFirst().weights().skips();
    }

    /** Adds W_skip · x of a layer to its output; nothing without a skip connection. */
    public void addSkip(int layer, float[] x, float[] out) {
        layers.get(layer).addSkip(x, out);
    }

    /**
     * The outputs of all layers from latents.
     *
     * @param codes of each layer, of the same rows
     * @param x what each layer read, for the skip connections; may be empty without them
     * @return for each layer [rows, d_out] in memory of the arena
     */
    public List<Matrix> decode(List<SparseCodes> codes, List<Matrix> x, Arena arena) {
        List<Matrix> outputs = new ArrayList<>();
        for (int to = 0; to < size(); to++) {
            Matrix out = Matrix.allocate(arena, codes.get(to).rows(), dOut());
            for (int r = 0; r < codes.get(to).rows(); r++) {
                float[] row = bDec(to);
                for (int from = crossLayer ? 0 : to; from <= to; from++) {
                    SparseCodes c = codes.get(from);
                    for (int e = c.start(r); e < c.end(r); e++) {
                        addLatent(from, c.ids()[e], to, c.values()[e], row);
                    }
                }
                if (skips()) {
                    addSkip(to, x.get(to).row(r), row);
                }
                out.setRow(r, row);
            }
            outputs.add(out);
        }
        return outputs;
    }

    /** The outputs of all layers from what they read: decode of encode. */
    public List<Matrix> reconstruct(List<Matrix> x, Arena arena) {
        List<SparseCodes> codes = new ArrayList<>();
        for (int l = 0; l < size(); l++) {
            codes.add(encode(l, x.get(l)));
        }
        return decode(codes, x, arena);
    }
}
