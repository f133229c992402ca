package dev.loupe.engine.cuda;

import dev.loupe.base.LoupeException;
import dev.loupe.engine.Selection;
import dev.loupe.math.Matrix;
import dev.loupe.sae.EncodingDevice;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeWeights;
import dev.loupe.sae.SparseCodes;
import java.lang.ref.Cleaner;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Encoding on the GPU that was chosen: brings the weights of an SAE there with the first batch that is worth it. The memory
 * is given back when the SAE is not used any more, or when another one needs it.
 */
final class CardEncoders implements EncodingDevice {
    static final CardEncoders INSTANCE = new CardEncoders();

    private static final Cleaner CLEANER = Cleaner.create();

    /** By whose they are; the lock of all that is done there, which is one thing at a time. */
    private final Map<Object, Open> open = new WeakHashMap<>();

    private record Open(int card, CudaEncoder encoder, Cleaner.Cleanable release) {}

    private CardEncoders() {}

    @Override
    public boolean takes(double multiplications) {
        return ChosenCard.pays(multiplications);
    }

    @Override
    public SparseCodes encode(Object owner, SaeConfig config, SaeWeights w, Matrix x) {
        CudaEncoder.Codes codes;
        synchronized (open) {
            codes = encoder(owner, config, w).encode(x);
            java.lang.ref.Reference.reachabilityFence(owner);
        }
        if (codes.badRow() >= 0) {
            throw EncodingDevice.badRow(codes.badRow());
        }
        int[] offsets = new int[codes.counts().length + 1];
        for (int r = 0; r < codes.counts().length; r++) {
            offsets[r + 1] = offsets[r] + codes.counts()[r];
        }
        return new SparseCodes(offsets, codes.ids(), codes.values());
    }

    private CudaEncoder encoder(Object owner, SaeConfig config, SaeWeights w) {
        int card = ChosenCard.index();
        @Nullable Open known = open.get(owner);
        if (known != null && known.card == card) {
            return known.encoder;
        }
        if (known != null) {
            open.remove(owner);
            known.release.clean();
        }
        CudaEncoder.Weights weights = weights(config, w);
        CudaEncoder made;
        try {
            made = new CudaEncoder(card, weights);
        } catch (LoupeException e) {
            if (open.isEmpty()) {
                throw e;
            }
            releaseAll(); // perhaps there was too little memory
            made = new CudaEncoder(card, weights);
        }
        open.put(owner, new Open(card, made, CLEANER.register(owner, made::close)));
        return made;
    }

    private static CudaEncoder.Weights weights(SaeConfig config, SaeWeights w) {
        Selection selection = switch (config.architecture()) {
            case RELU -> Selection.POSITIVE;
            case TOPK -> config.approximate() ? Selection.STATISTICAL : Selection.TOPK;
            case JUMPRELU -> Selection.THRESHOLD;
        };
        float[] minus = config.applyBDecToInput() ? w.bDec() : new float[0];
        return new CudaEncoder.Weights(w.encoderRows(), w.bEnc(), minus, w.threshold(), selection, config.k());
    }

    /** Gives the memory of all SAEs back; those that are used again bring their weights again. */
    void releaseAll() {
        synchronized (open) {
            open.values().forEach(o -> o.release.clean());
            open.clear();
        }
    }
}
