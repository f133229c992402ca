package dev.loupe.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Progress;
import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToyStore;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An SAE of two places that hold the same values, made so that its latents are those of an SAE of one of them. */
class PlacesIndexTest {
    @TempDir
    Path dir;

    @Test
    void anIndexOfACrosscoderIsThatOfAnSaeWithTheSameLatents() {
        Cases.Random random = Cases.random();
        FeatureWorld w = new FeatureWorld(random, Architecture.JUMPRELU);
        int d = FeatureWorld.D;
        Sae one = w.sae;
        Matrix enc = Matrix.allocate(Arena.ofAuto(), one.dSae(), 2 * d);
        Matrix dec = Matrix.allocate(Arena.ofAuto(), one.dSae(), 2 * d);
        for (int i = 0; i < one.dSae(); i++) {
            for (int j = 0; j < d; j++) {
                enc.set(i, j, one.encoderRows().get(i, j) / 4);
                enc.set(i, d + j, one.encoderRows().get(i, j) * 3 / 4);
                dec.set(i, j, random.nextFloat());
                dec.set(i, d + j, one.decoderRows().get(i, j));
            }
        }
        float[] bDec = new float[2 * d];
        System.arraycopy(one.bDec(), 0, bDec, 0, d);
        System.arraycopy(one.bDec(), 0, bDec, d, d);
        String in = ToyModel.HOOK.name();
        String last = ToyModel.NORMALIZED.name();
        Sae two = new Sae(
                "two",
                new SaeConfig(Architecture.JUMPRELU, 0, true, "toy", in + "," + last, Map.of()),
                new SaeWeights(enc, dec, one.bEnc(), bDec, one.threshold()),
                SaeProvenance.unknown());
        Map<String, ToyStore.Source> sources = new LinkedHashMap<>();
        sources.put(last, w.model::activations);
        sources.put(in, w.model::activations);
        IndexOptions options = IndexOptions.standard();
        try (ActivationStore store = ToyStore.write(dir.resolve("store"), d, w.docs, sources)) {
            FeatureIndex a = FeatureIndexer.build(one, store, w.model, options, dir, Progress.silent());
            FeatureIndex b = FeatureIndexer.build(two, store, w.model, options, dir, Progress.silent());
            assertThat(b.size()).isEqualTo(a.size());
            for (int i = 0; i < a.size(); i++) {
                assertThat(b.summary(i).fired()).isEqualTo(a.summary(i).fired());
                assertThat((double) b.summary(i).max())
                        .isCloseTo(
                                a.summary(i).max(),
                                within(1e-4 * (1 + a.summary(i).max())));
            }
        }
        assertThat(TextActivations.of(two, w.model, " Word2ending3", true).active())
                .hasSameSizeAs(
                        TextActivations.of(one, w.model, " Word2ending3", true).active());
        assertThat(LogitLens.directions(two).row(3))
                .containsExactly(one.decoderRows().row(3));
    }

    @Test
    void whatWritesToSeveralMlpsIsSeenThroughTheLensAsTheirSum() {
        Cases.Random random = Cases.random();
        Matrix dec = Matrix.copyOf(random.matrix(5, 6));
        Sae sae = new Sae(
                "clt",
                new SaeConfig(
                        Architecture.RELU,
                        0,
                        false,
                        "toy",
                        "blocks.0.hook_mlp_in",
                        "blocks.0.hook_mlp_out,blocks.1.hook_mlp_out",
                        Map.of()),
                new SaeWeights(Matrix.copyOf(random.matrix(5, 3)), dec, new float[5], new float[6], new float[0]),
                SaeProvenance.unknown());
        assertThat(LogitLens.directions(sae).get(2, 1)).isEqualTo(dec.get(2, 1) + dec.get(2, 4));
    }
}
