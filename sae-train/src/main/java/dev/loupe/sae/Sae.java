package dev.loupe.sae;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.math.VectorOps;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A sparse autoencoder: π = W_encᵀ(x − b_dec) + b_enc, f = activation(π), x̂ = W_decᵀ f + b_dec. Immutable and safe to use
 * from any thread. Inputs and outputs are raw activations; whatever scale training used is folded into the weights.
 *
 * <p>Some SAEs do not subtract b_dec from the input ({@link #applyBDecToInput()} is false); encoding knows.
 */
public final class Sae {
    private final String name;
    private final @Nullable Path folder;
    private final SaeConfig config;
    private final SaeWeights weights;
    private final SaeProvenance provenance;
    private final Encoder encoder;
    private final SaeNeeds needs;

    /**
     * An SAE in memory.
     *
     * @throws LoupeException if config and weights contradict each other, naming the contradiction
     */
    public Sae(String name, SaeConfig config, SaeWeights weights, SaeProvenance provenance) {
        this(name, null, config, weights, provenance);
    }

    Sae(String name, @Nullable Path folder, SaeConfig config, SaeWeights weights, SaeProvenance provenance) {
        if (config.architecture() == Architecture.TOPK && (config.k() < 1 || config.k() > weights.dSae())) {
            throw new LoupeException("The TopK SAE " + name + " says k = " + config.k() + " with " + weights.dSae()
                    + " latents: k must lie between 1 and d_sae.");
        }
        if ((config.architecture() == Architecture.JUMPRELU) != (weights.threshold().length > 0)) {
            throw new LoupeException("The SAE " + name + " is of architecture "
                    + config.architecture().id() + " but " + (weights.threshold().length > 0 ? "has" : "lacks")
                    + " thresholds.");
        }
        boolean twoPlaces = config.transcodes() || weights.dIn() != weights.bDec().length || weights.skips();
        if (twoPlaces && config.applyBDecToInput()) {
            throw new LoupeException("The transcoder " + name
                    + " subtracts b_dec from its input, but b_dec belongs to the place that it writes.");
        }
        this.name = name;
        this.folder = folder;
        this.config = config;
        this.weights = weights;
        this.provenance = provenance;
        this.encoder = new Encoder(config, weights);
        this.needs = SaeNeeds.of(config.metadata(), name);
    }

    /**
     * Opens a folder in SAELens' layout ({@code cfg.json}, {@code sae_weights.safetensors}), with or without
     * {@code loupe.json}. Everything is validated before anything is used.
     *
     * @throws dev.loupe.base.NotFoundException if there is no such SAE
     * @throws LoupeException if it is damaged, or of a kind that cannot be used, in one sentence
     */
    public static Sae open(Path folder) {
        return SaeFiles.open(folder);
    }

    /** Writes the SAE as a folder that appears whole or not at all; SAELens loads it as it is. */
    public void save(Path target) {
        SaeFiles.save(this, target, temporary -> {});
    }

    /** The name: that of the folder. */
    public String name() {
        return name;
    }

    /**
     * The folder it was opened from.
     *
     * @throws UsageException if it exists in memory only
     */
    public Path folder() {
        if (folder == null) {
            throw new UsageException("The SAE " + name + " has not been saved: it has no folder.");
        }
        return folder;
    }

    /** Which latents are active. */
    public Architecture architecture() {
        return config.architecture();
    }

    /** Architecture, place and conventions. */
    public SaeConfig config() {
        return config;
    }

    /** All parameters; not to be changed. */
    public SaeWeights weights() {
        return weights;
    }

    /** The width of the input. */
    public int dIn() {
        return weights.dIn();
    }

    /** The width of the output; equal to the input's except for transcoders. */
    public int dOut() {
        return weights.decoderRows().cols();
    }

    /** The number of latents. */
    public int dSae() {
        return weights.dSae();
    }

    /** Active latents per token of a TopK SAE; 0 for other architectures. */
    public int k() {
        return config.k();
    }

    /** The place in the language model, by its TransformerLens name. */
    public String hookName() {
        return config.hookName();
    }

    /** The places that it reads: one, or several for a crosscoder. */
    public List<String> hooksIn() {
        return config.hooksIn();
    }

    /** The places that it writes: those that it reads, except for transcoders. */
    public List<String> hooksOut() {
        return config.hooksOut();
    }

    /** {@link #hooksOut} joined by commas. */
    public String hookNameOut() {
        return isTranscoder() ? config.hookNameOut() : hookName();
    }

    /** Whether it writes elsewhere than it reads: {@link SaeConfig#hookNameOut()}. */
    public boolean isTranscoder() {
        return config.transcodes();
    }

    /**
     * Refuses a transcoder or crosscoder where an SAE of one place is needed.
     *
     * @param purpose what needs it, as the end of a sentence: "be evaluated by splicing"
     * @throws UsageException naming both places
     */
    public void requireSae(String purpose) {
        if (isTranscoder()) {
            throw new UsageException(name + " is a transcoder from " + hookName() + " to " + config.hookNameOut()
                    + ", which cannot " + purpose + "; choose an SAE, which writes where it reads.");
        }
        if (hooksIn().size() > 1) {
            throw new UsageException(name + " is a crosscoder of " + hookName() + ", which cannot " + purpose
                    + "; choose an SAE of one hook point.");
        }
    }

    /** The language model. */
    public String modelId() {
        return config.modelId();
    }

    /** What it asks of the model and the text that it is used with. */
    public SaeNeeds needs() {
        return needs;
    }

    /** Whether the encoder sees x − b_dec rather than x. */
    public boolean applyBDecToInput() {
        return config.applyBDecToInput();
    }

    /** Where it comes from. */
    public SaeProvenance provenance() {
        return provenance;
    }

    /** [d_sae, d_in]: row i is the direction that latent i reads (W_enc of the field, transposed); not to be changed. */
    public Matrix encoderRows() {
        return weights.encoderRows();
    }

    /** [d_sae, d_out]: row i is the direction that latent i writes (W_dec); not to be changed. */
    public Matrix decoderRows() {
        return weights.decoderRows();
    }

    /** [d_sae]; not to be changed. */
    public float[] bEnc() {
        return weights.bEnc();
    }

    /** [d_out]; not to be changed. */
    public float[] bDec() {
        return weights.bDec();
    }

    /** [d_sae] for JumpReLU, else empty; not to be changed. */
    public float[] threshold() {
        return weights.threshold();
    }

    /**
     * The active latents of a batch, on all cores.
     *
     * @param x [rows, d_in], raw activations
     * @throws LoupeException if a row holds NaN or an infinity
     * @throws UsageException if the width is not d_in
     */
    public SparseCodes encode(Matrix x) {
        return encoder.encode(x);
    }

    /** Lets another device encode large batches of all SAEs from now on; null for the processor alone. */
    public static void encodeOn(@Nullable EncodingDevice device) {
        Encoder.encodeOn(device);
    }

    /**
     * Reads a few latents, one input at a time, without encoding the others.
     *
     * @throws UsageException if there is no such latent
     */
    public LatentReader reader(int... latents) {
        return new LatentReader(this, latents);
    }

    /** What the encoder sees: x − b_dec, or a copy of x where it does not subtract. */
    float[] centred(float[] x) {
        return encoder.centred(x);
    }

    /** π of one latent for one input: how far it is from firing, also where it does not fire. */
    public float preActivation(float[] x, int latent) {
        float[] centred = encoder.centred(x);
        return VectorOps.dot(centred, 0, encoderRows().segment(), encoderRows().offset(latent), dIn()) + bEnc()[latent];
    }

    /** x̂ of every row: [rows, d_out] in memory of the arena. */
    public Matrix decode(SparseCodes codes, Arena arena) {
        Matrix out = Matrix.allocate(arena, codes.rows(), dOut());
        dev.loupe.math.Parallel.run(Math.ceilDiv(codes.rows(), 64), t -> {
            float[] row = new float[dOut()];
            for (int r = t * 64; r < Math.min(codes.rows(), t * 64 + 64); r++) {
                decode(codes, r, row);
                out.setRow(r, row);
            }
        });
        return out;
    }

    /** x̂ of one row, into {@code out} of length d_out. */
    public void decode(SparseCodes codes, int row, float[] out) {
        System.arraycopy(bDec(), 0, out, 0, dOut());
        for (int e = codes.start(row); e < codes.end(row); e++) {
            VectorOps.axpy(
                    codes.values()[e], decoderRows().segment(), decoderRows().offset(codes.ids()[e]), out, 0, dOut());
        }
    }

    /** x̂ of a batch of raw activations: decode of encode, and the skip connection of a transcoder. */
    public Matrix reconstruct(Matrix x, Arena arena) {
        Matrix out = decode(encode(x), arena);
        if (weights.skips()) {
            dev.loupe.math.Parallel.run((int) Math.ceilDiv(x.rows(), 64L), t -> {
                float[] in = new float[dIn()];
                float[] row = new float[dOut()];
                for (long r = t * 64L; r < Math.min(x.rows(), t * 64L + 64); r++) {
                    x.copyRow(r, in);
                    out.copyRow(r, row);
                    addSkip(in, row);
                    out.setRow(r, row);
                }
            });
        }
        return out;
    }

    /** Adds W_skip · x to what {@link #decode} gave for one row; nothing without a skip connection. */
    public void addSkip(float[] x, float[] out) {
        Matrix skip = weights.skip();
        for (int j = 0; j < skip.rows(); j++) {
            out[j] += VectorOps.dot(x, 0, skip.segment(), skip.offset(j), dIn());
        }
    }

    @Override
    public String toString() {
        return "Sae[" + name + ", " + architecture().id() + ", " + dIn() + " -> " + dSae() + "]";
    }
}
