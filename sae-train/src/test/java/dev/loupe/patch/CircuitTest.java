package dev.loupe.patch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Floats;
import dev.loupe.fixtures.ProjectRoot;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sparse feature circuits on a tiny random Llama with random SAEs. */
class CircuitTest {
    private static final List<PromptPair> PAIRS = List.of(
            new PromptPair(new int[] {1, 5, 9, 30, 2}, new int[] {1, 5, 11, 30, 2}, new int[] {3}, new int[] {7}),
            new PromptPair(new int[] {4, 8, 15, 16, 23}, new int[] {4, 8, 21, 16, 23}, new int[] {3}, new int[] {7}));
    private static final Map<String, Sae> SAES = new HashMap<>();

    @TempDir
    static Path folder;

    private static LanguageModel model;

    @BeforeAll
    static void open() throws Exception {
        Path source = ProjectRoot.resolve("activations-store/src/test/resources/dev/loupe/model/golden/tiny-llama");
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(source.resolve(file), folder.resolve(file));
        }
        Files.copy(LanguageModels.builtin(folder).resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
        model = LanguageModels.open(folder, ModelOptions.defaults());
        int width = model.config().dModel();
        SAES.put("a", ToySae.random("a", Architecture.TOPK, width, 20, 4, "blocks.0.hook_attn_out"));
        SAES.put("m", ToySae.random("m", Architecture.JUMPRELU, width, 20, 0, "blocks.0.hook_mlp_out"));
        SAES.put("r0", ToySae.random("r0", Architecture.RELU, width, 20, 0, "blocks.0.hook_resid_post"));
        SAES.put("r1", ToySae.random("r1", Architecture.TOPK, width, 20, 4, "blocks.1.hook_resid_post"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Circuit run(String method, int nodes, String... saes) {
        PatchRequest patch = PatchRequest.of("a", "b", "c", "d").withMethod(PatchMethod.of(method));
        CircuitRequest request = new CircuitRequest(patch, List.of(saes), List.of("ig"), nodes, 0, true, 6);
        return CircuitSearch.run(model, request, PAIRS, PAIRS, SAES::get);
    }

    @Test
    void everythingKeptIsTheCleanRunAndNothingKeptIsTheMeanAblatedOne() {
        Circuit c = run("atp", 10, "a", "m", "r0");
        double clean = 0;
        for (PromptPair p : PAIRS) {
            float[] z = model.forward(TokenBatch.of(p.clean()), Taps.none(), Want.LAST_LOGITS)
                    .lastLogits(0);
            clean += Metric.difference(p, z) / PAIRS.size();
        }
        assertThat(c.whole()).isCloseTo(clean, within(1e-5 * Math.abs(clean)));
        // written another way: every hook replaced by the mean of its values over the corrupted prompts
        Taps.Builder taps = Taps.builder();
        for (String name : List.of("a", "m", "r0")) {
            HookPoint hook = HookPoint.of(SAES.get(name).hookName());
            Activation all = model.forward(Runs.tokens(PAIRS, false), Taps.read(hook), Want.NOTHING)
                    .activation(hook);
            taps.edit(hook, a -> {
                for (int b = 0; b < a.batch(); b++) {
                    for (int p = 0; p < a.length(b); p++) {
                        for (int i = 0; i < a.width(); i++) {
                            a.set(b, p, i, (all.get(0, p, i) + all.get(1, p, i)) / 2);
                        }
                    }
                }
            });
        }
        var ablated = model.forward(Runs.tokens(PAIRS, true), taps.build(), Want.LAST_LOGITS);
        double empty = 0;
        for (int b = 0; b < 2; b++) {
            empty += Metric.difference(PAIRS.get(b), ablated.lastLogits(b)) / 2;
        }
        assertThat(c.empty()).isCloseTo(empty, within(1e-5));
        for (String method : List.of("atp", "ig")) {
            List<Circuit.Point> curve = c.curves().get(method);
            Circuit.Point last = curve.get(curve.size() - 1);
            assertThat(last.nodes()).isEqualTo(c.candidates());
            assertThat(curve.get(0).nodes()).isEqualTo(1);
        }
    }

    @Test
    void aSplicedSaeKeepsWhatItIsToldToKeep() {
        Sae sae = SAES.get("r0");
        HookPoint hook = HookPoint.of(sae.hookName());
        Activation corrupt = model.forward(Runs.tokens(PAIRS, false), Taps.read(hook), Want.NOTHING)
                .activation(hook);
        Spliced spliced = Spliced.of(sae, List.of(Runs.rows(corrupt, 0), Runs.rows(corrupt, 1)));
        Activation plain = model.forward(Runs.tokens(PAIRS, true), Taps.read(hook), Want.NOTHING)
                .activation(hook);
        BitSet all = new BitSet();
        all.set(0, sae.dSae());
        BitSet some = new BitSet();
        some.set(0, 10);
        for (boolean error : new boolean[] {true, false}) {
            Activation a = edited(hook, spliced, some, error);
            for (int b = 0; b < 2; b++) {
                float[][] x = Runs.rows(plain, b);
                SparseCodes codes = sae.encode(Matrix.copyOf(x));
                for (int p = 0; p < x.length; p++) {
                    double[] expected = expected(sae, x[p], codes, p, corrupt, error);
                    for (int i = 0; i < expected.length; i++) {
                        assertThat((double) a.get(b, p, i)).isCloseTo(expected[i], within(1e-5));
                    }
                }
            }
        }
        Activation same = edited(hook, spliced, all, true);
        assertThat(same.row(1, 4)).isEqualTo(plain.row(1, 4));
    }

    private static Activation edited(HookPoint hook, Spliced spliced, BitSet kept, boolean error) {
        Taps taps = Taps.edit(hook, spliced.keeping(kept, error)).merge(Taps.read(hook));
        return model.forward(Runs.tokens(PAIRS, true), taps, Want.NOTHING).activation(hook);
    }

    /** Latents 0 to 9 are the prompt's own, the others the mean over the corrupted prompts; written the plain way. */
    private static double[] expected(Sae sae, float[] x, SparseCodes codes, int p, Activation corrupt, boolean error) {
        double[] f = new double[sae.dSae()];
        double[] own = new double[sae.dSae()];
        for (int e = codes.start(p); e < codes.end(p); e++) {
            own[codes.ids()[e]] = codes.values()[e];
        }
        double[] meanError = new double[x.length];
        for (int b = 0; b < 2; b++) {
            float[] c = corrupt.row(b, p);
            SparseCodes other = sae.encode(Matrix.copyOf(new float[][] {c}));
            double[] g = new double[sae.dSae()];
            for (int e = 0; e < other.size(); e++) {
                g[other.ids()[e]] = other.values()[e];
            }
            double[] y = decoded(sae, g);
            for (int i = 0; i < x.length; i++) {
                meanError[i] += (c[i] - y[i]) / 2;
            }
            for (int i = 10; i < f.length; i++) {
                f[i] += g[i] / 2;
            }
        }
        System.arraycopy(own, 0, f, 0, 10);
        double[] result = decoded(sae, f);
        double[] whole = decoded(sae, own);
        for (int i = 0; i < x.length; i++) {
            result[i] += error ? x[i] - whole[i] : meanError[i];
        }
        return result;
    }

    private static double[] decoded(Sae sae, double[] f) {
        double[] y = new double[sae.dOut()];
        for (int i = 0; i < y.length; i++) {
            y[i] = sae.bDec()[i];
            for (int j = 0; j < f.length; j++) {
                y[i] += f[j] * sae.decoderRows().get(j, i);
            }
        }
        return y;
    }

    @Test
    void effectsOfTheNodesSumToTheEffectOfTheirHook() {
        for (String method : List.of("atp", "relp", "ap", "ig")) {
            Circuit c = run(method, 500, "r0");
            double nodes = c.nodes().stream().mapToDouble(Circuit.Node::effect).sum();
            PatchRequest r = PatchRequest.of("a", "b", "c", "d")
                    .withMethod(PatchMethod.of(method))
                    .withSites("resid_post");
            PatchResult whole = Patching.run(model, r, PAIRS, n -> SAES.get(n), dev.loupe.base.Progress.silent());
            double row = Arrays.stream(whole.grids().get("resid_post")[0]).sum();
            if (method.equals("atp") || method.equals("relp")) {
                assertThat(nodes).isCloseTo(row, within(1e-5));
            }
            assertThat(c.nodes()).anyMatch(n -> n.latent() == null).anyMatch(n -> n.latent() != null);
        }
    }

    /** The residual stream after block 1 is all that the logits see, so a node's effect is the sum of its edges there. */
    @Test
    void edgesIntoEveryNodeOfACutSumToTheEffect() {
        for (String method : List.of("atp", "relp")) {
            Circuit c = run(method, 500, "a", "m", "r0", "r1");
            Map<String, Double> out = new HashMap<>();
            c.edges().stream()
                    .filter(e -> e.source().startsWith("r0/") && e.target().startsWith("r1/"))
                    .forEach(e -> out.merge(e.source(), e.weight(), Double::sum));
            List<Circuit.Node> sources =
                    c.nodes().stream().filter(n -> n.sae().equals("r0")).toList();
            assertThat(sources).hasSizeGreaterThan(3);
            // every latent of r1 that is active behind the first different token differs, so all of them are targets
            double[] effects =
                    sources.stream().mapToDouble(Circuit.Node::effect).toArray();
            double[] sums = sources.stream()
                    .mapToDouble(n -> out.getOrDefault(n.id(), 0.0))
                    .toArray();
            Floats.assertClose(sums, effects, 1e-4);
        }
    }

    @Test
    void anEdgeIsTheSlopeOfTheLaterNodeTimesWhatItIsWorth() {
        Circuit c = run("atp", 500, "a", "r0", "r1");
        PromptPair pair = PAIRS.get(0);
        CircuitRequest one = new CircuitRequest(
                PatchRequest.of("a", "b", "c", "d").withMethod(PatchMethod.ATP),
                List.of("a", "r0", "r1"),
                List.of(),
                500,
                0,
                true,
                1);
        Circuit single = CircuitSearch.run(model, one, List.of(pair), List.of(pair), SAES::get);
        List<HookPoint> hooks = List.of(
                HookPoint.of(SAES.get("a").hookName()),
                HookPoint.of(SAES.get("r0").hookName()),
                HookPoint.of(SAES.get("r1").hookName()));
        Runs.Run run = new Runs(model, hooks, PatchMetric.DIFFERENCE, 1 << 20)
                .backward(List.of(pair), dev.loupe.model.Rules.NONE)
                .get(0);
        int checked = 0;
        double largest = Math.abs(single.edges().get(0).weight());
        for (Circuit.Edge e : single.edges()) {
            if (e.source().endsWith("error") || e.target().endsWith("error") || checked == 12) {
                continue;
            }
            checked++;
            double slope = (through(run, e, 1e-2) - through(run, e, -1e-2)) / 2e-2;
            assertThat(e.weight()).as(e.toString()).isCloseTo(slope, within(2e-3 * largest));
        }
        assertThat(checked).isEqualTo(12);
        assertThat(c.edges()).isNotEmpty();
    }

    /** Σ c · f of the target when the source's change is added to the corrupted run by a share, other hooks held. */
    private static double through(Runs.Run run, Circuit.Edge e, double share) {
        Sae from = SAES.get(e.source().split("/")[0]);
        Sae to = SAES.get(e.target().split("/")[0]);
        int u = Integer.parseInt(e.source().split("/")[1]);
        int v = Integer.parseInt(e.target().split("/")[1]);
        HookPoint a = HookPoint.of(from.hookName());
        HookPoint b = HookPoint.of(to.hookName());
        Latents latents = Latents.of(model, from, run.values());
        Taps.Builder taps = Taps.builder().read(b);
        taps.edit(a, x -> {
            for (int p = 0; p < x.length(0); p++) {
                for (int i = 0; i < x.width(); i++) {
                    x.set(0, p, i, x.get(0, p, i) + (float) (share * latents.change(p, u) * latents.direction(u)[i]));
                }
            }
        });
        boolean past = e.source().startsWith("a/") && e.target().startsWith("r1/");
        if (past) { // the SAE between them is held
            HookPoint held = HookPoint.of(SAES.get("r0").hookName());
            taps.edit(held, x -> {
                for (int p = 0; p < x.length(0); p++) {
                    x.setRow(0, p, run.values().corrupt(held)[p]);
                }
            });
        }
        Activation y = model.forward(TokenBatch.of(run.pair().corrupt()), taps.build(), Want.NOTHING)
                .activation(b);
        SparseCodes base = to.encode(Matrix.copyOf(run.values().corrupt(b)));
        double sum = 0;
        for (int p = 0; p < y.length(0); p++) {
            boolean active = false;
            for (int k = base.start(p); k < base.end(p); k++) {
                active |= base.ids()[k] == v;
            }
            double worth = 0;
            for (int i = 0; i < y.width(); i++) {
                worth += (double) to.decoderRows().get(v, i) * run.gradients().get(b)[p][i];
            }
            sum += active ? worth * to.preActivation(y.row(0, p), v) : 0;
        }
        return sum;
    }

    @Test
    void whatMakesNoCircuitIsRefused() {
        PatchRequest patch = PatchRequest.of("a", "b", "c", "d");
        refused(new CircuitRequest(patch, List.of(), List.of(), 0, 0, null, 0), "at least one");
        refused(new CircuitRequest(patch, List.of("a", "a"), List.of(), 0, 0, null, 0), "twice");
        refused(new CircuitRequest(patch, List.of("a"), List.of("atp_drop"), 0, 0, null, 0), "without sign");
        refused(new CircuitRequest(patch, List.of("a"), List.of(), 5000, 0, null, 0), "not 5000");
        SAES.put("again", SAES.get("a"));
        assertThatThrownBy(() -> run("atp", 5, "a", "again"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("both read blocks.0.hook_attn_out");
    }

    private static void refused(CircuitRequest r, String words) {
        assertThatThrownBy(r::check).isInstanceOf(UsageException.class).hasMessageContaining(words);
    }
}
