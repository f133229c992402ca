package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.NotFoundException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.Projection;
import dev.loupe.model.ProjectionWeights;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeConfig;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.sae.SaeWeights;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same latent in other seeds without a comparison, and the neurons it lies along, against plain loops. */
class CounterpartsTest {
    private static final int WIDTH = 192;
    private static final int LATENTS = 1500; // more than one task searches

    @TempDir
    Path folder;

    private Workbench workbench;
    private float[][] a;
    private float[][] b;

    @BeforeEach
    void make() {
        workbench = new Workbench(Workspace.create(folder), Settings.load(Map.of(), Map.of()));
        a = Cases.Random.of(1).matrix(LATENTS, WIDTH);
        b = Cases.Random.of(2).matrix(LATENTS, WIDTH);
        java.util.Arrays.fill(a[7], 0); // no direction
        java.util.Arrays.fill(b[3], 0);
        b[1400] = a[11].clone(); // the same, twice
        b[1401] = a[11].clone();
        save("x-s0", a, 24, 0);
        save("x-s1", b, 24, 1);
        save("other-s1", b, 12, 1); // another k: no seed of the first
    }

    private void save(String name, float[][] rows, int k, long seed) {
        SaeConfig config = new SaeConfig(Architecture.TOPK, k, false, "builtin", "blocks.3.hook_resid_post", Map.of());
        SaeWeights w = new SaeWeights(
                Matrix.copyOf(rows), Matrix.copyOf(rows), new float[LATENTS], new float[WIDTH], new float[0]);
        new Sae(name, config, w, SaeProvenance.unknown())
                .save(workbench.workspace().saes().resolve(name));
    }

    @AfterEach
    void close() {
        workbench.close();
    }

    private static double cosine(float[] x, float[] y) {
        double dot = 0;
        double xx = 0;
        double yy = 0;
        for (int i = 0; i < x.length; i++) {
            dot += (double) x[i] * y[i];
            xx += (double) x[i] * x[i];
            yy += (double) y[i] * y[i];
        }
        return xx > 0 && yy > 0 ? dot / Math.sqrt(xx * yy) : 0;
    }

    @Test
    void another_seed_that_was_not_compared_is_looked_through_by_cosine() {
        for (int id : new int[] {0, 1, 11, 1499, 7}) {
            int best = 0;
            for (int j = 0; j < LATENTS; j++) {
                best = cosine(a[id], b[j]) > cosine(a[id], b[best]) ? j : best;
            }
            List<Counterpart> found = workbench.counterparts().everywhere("x-s0", id);
            assertThat(found).hasSize(1);
            Counterpart c = found.getFirst();
            assertThat(c.sae()).isEqualTo("x-s1");
            assertThat(c.compared()).isFalse();
            assertThat(c.shared()).isFalse();
            assertThat(c.decoderCosine()).isCloseTo(cosine(a[id], b[best]), within(1e-5));
            assertThat(c.id()).isEqualTo(id == 7 ? -1 : best); // 7 has no direction
            assertThat(workbench.counterparts().everywhere("x-s0", id)).isEqualTo(found);
        }
        assertThat(workbench.counterparts().everywhere("x-s0", 11).getFirst().id())
                .isEqualTo(1400);
        assertThat(workbench.counterparts().everywhere("other-s1", 0)).isEmpty();
    }

    @Test
    void what_was_found_is_kept_as_long_as_both_are_the_same() {
        NearestLatents nearest = new NearestLatents();
        Sae first = workbench.saes().open("x-s0");
        Sae other = workbench.saes().open("x-s1");
        NearestLatents.Nearest found = nearest.of(first, 11, other);
        assertThat(nearest.of(first, 11, other)).isSameAs(found); // a search would make another object
        assertThat(workbench.saes().open("x-s0")).isSameAs(first); // what is kept is asked for by these
        assertThat(workbench.saes().open("x-s1")).isSameAs(other);
        Sae again = new Sae("x-s1", other.config(), other.weights(), other.provenance());
        assertThat(nearest.of(first, 11, again)).isEqualTo(found).isNotSameAs(found);
    }

    @Test
    void a_seed_written_anew_is_looked_through_anew() throws Exception {
        assertThat(workbench.counterparts().everywhere("x-s0", 11).getFirst().id())
                .isEqualTo(1400);
        b[1400] = Cases.Random.of(3).floats(WIDTH);
        Path cfg = workbench.workspace().saes().resolve("x-s1/cfg.json");
        dev.loupe.base.AtomicFiles.deleteTree(workbench.workspace().saes().resolve("x-s1"));
        save("x-s1", b, 24, 1);
        Files.setLastModifiedTime(
                cfg,
                java.nio.file.attribute.FileTime.from(java.time.Instant.now().plusSeconds(5)));
        assertThat(workbench.counterparts().everywhere("x-s0", 11).getFirst().id())
                .isEqualTo(1401);
    }

    @Test
    void entries_of_the_decoder_row_and_neurons_that_write_it_are_sorted_by_size() {
        NeuronAlignment found = workbench.alignments().of("x-s0", 5, 6, true);
        assertThat(found.place()).isEqualTo("blocks.3.hook_resid_post");
        assertThat(found.neurons()).isFalse();
        double norm = Math.sqrt(cosineNorm(a[5]));
        double sum = 0;
        for (float v : a[5]) {
            sum += Math.abs(v);
        }
        double before = Double.POSITIVE_INFINITY;
        assertThat(found.dimensions()).hasSize(6);
        for (NeuronAlignment.Dimension d : found.dimensions()) {
            assertThat(d.decoder()).isCloseTo(a[5][d.dimension()] / norm, within(1e-6));
            assertThat(d.encoder()).isCloseTo(d.decoder(), within(1e-6)); // the same rows here
            assertThat(d.share()).isCloseTo(Math.abs(a[5][d.dimension()]) / sum, within(1e-6));
            assertThat(Math.abs(d.decoder())).isLessThanOrEqualTo(before);
            before = Math.abs(d.decoder());
        }
        long larger = 0;
        for (float v : a[5]) {
            larger += Math.abs(v) / norm > before + 1e-7 ? 1 : 0;
        }
        assertThat(larger).isEqualTo(5);

        Sae sae = workbench.saes().open("x-s0");
        LanguageModel model = workbench.models().of(sae);
        double best = 0;
        for (int layer = 0; layer <= 3; layer++) {
            Matrix out = model.projection(layer, Projection.MLP_OUT).weight();
            for (int n = 0; n < out.cols(); n++) {
                float[] column = new float[WIDTH];
                for (int j = 0; j < WIDTH; j++) {
                    column[j] = out.get(j, n);
                }
                best = Math.max(best, Math.abs(cosine(column, a[5])));
            }
        }
        assertThat(found.writers()).hasSize(6);
        assertThat(Math.abs(found.writers().getFirst().cosine())).isCloseTo(best, within(1e-6));
        assertThat(found.writers()).allMatch(w -> w.layer() <= 3);
        assertThat(workbench.alignments().of("x-s0", 5, 6, false).writers()).isEmpty();
        assertThatThrownBy(() -> workbench.alignments().of("x-s0", LATENTS, 6, false))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("0 to 1499");
    }

    @Test
    void gains_of_the_norm_behind_an_mlp_are_part_of_what_its_neurons_write() throws Exception {
        Path source = ProjectRoot.resolve("activations-store/src/test/resources/dev/loupe/model/golden/tiny-gemma2");
        Path model = Files.createDirectories(workbench.workspace().models().resolve("tiny-gemma2"));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(source.resolve(file), model.resolve(file));
        }
        Files.copy(
                LanguageModels.builtin(workbench.workspace().models()).resolve("tokenizer.json"),
                model.resolve("tokenizer.json"));
        LanguageModel gemma = workbench.models().open("tiny-gemma2");
        int d = gemma.config().dModel();
        float[][] rows = Cases.Random.of(4).matrix(3, d);
        SaeConfig config =
                new SaeConfig(Architecture.RELU, 0, false, "tiny-gemma2", "blocks.1.hook_resid_post", Map.of());
        new Sae(
                        "gemma",
                        config,
                        new SaeWeights(
                                Matrix.copyOf(rows), Matrix.copyOf(rows), new float[3], new float[d], new float[0]),
                        SaeProvenance.unknown())
                .save(workbench.workspace().saes().resolve("gemma"));

        List<NeuronAlignment.Writer> writers =
                workbench.alignments().of("gemma", 1, 1000, true).writers();
        assertThat(writers).hasSize(2 * gemma.config().dMlp());
        double apart = 0;
        for (NeuronAlignment.Writer w : writers) {
            ProjectionWeights out = gemma.projection(w.layer(), Projection.MLP_OUT);
            float[] raw = new float[d];
            float[] written = new float[d];
            for (int j = 0; j < d; j++) {
                raw[j] = out.weight().get(j, w.neuron());
                written[j] = out.outGain()[j] * raw[j];
            }
            assertThat(w.cosine()).isCloseTo(cosine(written, rows[1]), within(1e-6));
            apart = Math.max(apart, Math.abs(w.cosine() - cosine(raw, rows[1])));
        }
        assertThat(apart).isGreaterThan(0.01); // the gains of this model matter
    }

    private static double cosineNorm(float[] row) {
        double squares = 0;
        for (float v : row) {
            squares += (double) v * v;
        }
        return squares;
    }
}
