package dev.loupe.engine.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import dev.loupe.engine.Selection;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.sae.SparseCodes;
import dev.loupe.train.TrainDevice;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Encoding on a GPU (of paper) against the processor's encoder. */
class CudaEncoderTest {
    private static final int CARD = 8;

    /** Every rule that a finished SAE has; gates, BatchTopK and Matryoshka are read as thresholds. */
    enum Rule {
        RELU(Architecture.RELU, Selection.POSITIVE, false),
        TOPK(Architecture.TOPK, Selection.TOPK, false),
        STATISTICAL(Architecture.TOPK, Selection.STATISTICAL, true),
        JUMPRELU(Architecture.JUMPRELU, Selection.THRESHOLD, false);

        private final Architecture architecture;
        private final Selection selection;
        private final boolean statistical;

        Rule(Architecture architecture, Selection selection, boolean statistical) {
            this.architecture = architecture;
            this.selection = selection;
            this.statistical = statistical;
        }
    }

    @AfterEach
    void nothingWasWrittenBesideItsMemoryAndAllWasGivenBack() {
        TrainDevice.use(-1);
        System.clearProperty("loupe.cuda.least");
        CardEncoders.INSTANCE.releaseAll();
        assertThat(FakeCuda.damaged()).isZero();
        assertThat(FakeCuda.used()).isZero();
    }

    static Sae sae(Cases.Random random, Rule rule, int d, int n, boolean transcoder) {
        float[] theta = new float[rule == Rule.JUMPRELU ? n : 0];
        for (int i = 0; i < theta.length; i++) {
            theta[i] = random.nextFloat() - 0.2f; // some below zero, which rectifies anyway
        }
        int dOut = transcoder ? d + 3 : d;
        return new Sae(
                "x",
                new SaeConfig(
                        rule.architecture,
                        rule.architecture == Architecture.TOPK ? Math.max(1, n / 5) : 0,
                        !transcoder && random.nextBoolean(),
                        "toy",
                        "blocks.1.hook_resid_post",
                        transcoder ? "blocks.2.hook_resid_post" : "",
                        SaeConfig.selection(rule.statistical, Map.of("context_size", 64))),
                new SaeWeights(
                        Matrix.copyOf(random.matrix(n, d)),
                        Matrix.copyOf(random.matrix(n, dOut)),
                        random.floats(n),
                        random.floats(dOut),
                        theta),
                SaeProvenance.unknown());
    }

    static CudaEncoder.Weights weights(Sae sae, Rule rule) {
        return new CudaEncoder.Weights(
                sae.encoderRows(),
                sae.bEnc(),
                sae.applyBDecToInput() ? sae.bDec() : new float[0],
                sae.threshold(),
                rule.selection,
                sae.k());
    }

    @ParameterizedTest
    @EnumSource(Rule.class)
    void latentsAreThoseOfTheProcessorAtAwkwardSizes(Rule rule) {
        Cases.check(6, random -> {
            int d = 1 + random.nextInt(40);
            int n = 1 + random.nextInt(150);
            int rows = 1 + random.nextInt(70);
            Sae sae = sae(random, rule, d, n, random.nextBoolean());
            Matrix x = Matrix.copyOf(random.matrix(rows, d));
            SparseCodes expected = sae.encode(x);
            try (CudaEncoder card = new CudaEncoder(FakeCuda.device(), 32, weights(sae, rule))) {
                same(card.encode(x), expected);
                same(card.encode(x.rows(0, 1)), sae.encode(x.rows(0, 1)));
            }
            assertThat(FakeCuda.used()).isZero();
        });
    }

    /** More latents than there was room for at first, in more than one piece of rows. */
    @Test
    void rowsInPiecesAndMoreActiveLatentsThanThereIsRoomFor() {
        Cases.Random random = Cases.random();
        Sae sae = sae(random, Rule.RELU, 3, 400, false);
        Matrix x = Matrix.copyOf(random.matrix(4100, 3));
        try (CudaEncoder card = new CudaEncoder(FakeCuda.device(), 32, weights(sae, Rule.RELU))) {
            CudaEncoder.Codes codes = card.encode(x);
            assertThat(codes.ids().length).isGreaterThan(64 * 4100);
            same(codes, sae.encode(x));
        }
    }

    static void same(CudaEncoder.Codes codes, SparseCodes expected) {
        assertThat(codes.badRow()).isEqualTo(-1);
        assertThat(codes.counts()).hasSize(expected.rows());
        int at = 0;
        for (int r = 0; r < expected.rows(); r++) {
            Map<Integer, Float> wanted = new TreeMap<>();
            float least = Float.POSITIVE_INFINITY;
            for (int e = expected.start(r); e < expected.end(r); e++) {
                wanted.put(expected.ids()[e], expected.values()[e]);
                least = Math.min(least, expected.values()[e]);
            }
            int before = -1;
            for (int e = at; e < at + codes.counts()[r]; e++) {
                assertThat(codes.ids()[e]).as("ascending").isGreaterThan(before);
                before = codes.ids()[e];
                Float value = wanted.remove(before);
                double near = 1e-4 * (1 + Math.abs(codes.values()[e]));
                // rounding decides about a latent that is as good as at the limit
                assertThat((double) codes.values()[e]).isCloseTo(value == null ? least : value, within(near));
            }
            for (float missing : wanted.values()) {
                assertThat((double) missing).isCloseTo(least, within(1e-4 * (1 + least)));
            }
            at += codes.counts()[r];
        }
    }

    @Test
    void largeBatchesOfAnSaeGoToTheCardThatWasChosen() {
        Cases.Random random = Cases.random();
        FakeCuda.install(CARD);
        Sae sae = sae(random, Rule.TOPK, 20, 90, false);
        Sae other = sae(random, Rule.JUMPRELU, 12, 60, false);
        Matrix x = Matrix.copyOf(random.matrix(50, 20));
        SparseCodes expected = sae.encode(x);
        long before = FakeCuda.launches();
        TrainDevice.use(CARD);
        assertThat(sae.encode(x).values()).isEqualTo(expected.values());
        assertThat(FakeCuda.launches()).as("too little work").isEqualTo(before);
        System.setProperty("loupe.cuda.least", "1");
        SparseCodes codes = sae.encode(x);
        assertThat(FakeCuda.launches()).isGreaterThan(before);
        assertThat(codes.offsets()).isEqualTo(expected.offsets());
        for (int e = 0; e < codes.size(); e++) {
            assertThat(codes.ids()[e]).isEqualTo(expected.ids()[e]);
            assertThat(codes.values()[e]).isCloseTo(expected.values()[e], within(1e-4f));
        }
        // an SAE that finds no room takes that of others, and they theirs again
        FakeCuda.memory(50 << 20); // one fits, two do not
        Matrix y = Matrix.copyOf(random.matrix(9, 12));
        assertThat(other.encode(y).size()).isPositive();
        assertThat(sae.encode(x).offsets()).isEqualTo(expected.offsets());
        x.set(3, 1, Float.NaN);
        assertThatThrownBy(() -> sae.encode(x))
                .isInstanceOf(LoupeException.class)
                .hasMessage("Row 3 of the activations holds NaN or an infinity: capture it again or leave it out.");
        assertThat(other.encode(y).size()).isPositive();
    }
}
