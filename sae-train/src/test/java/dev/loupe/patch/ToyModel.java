package dev.loupe.patch;

import dev.loupe.fixtures.Cases;
import dev.loupe.model.Activation;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.Editor;
import dev.loupe.model.Forward;
import dev.loupe.model.Generation;
import dev.loupe.model.HookInfo;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LogitSeed;
import dev.loupe.model.ModelConfig;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.TokenListener;
import dev.loupe.model.Tokenizer;
import dev.loupe.model.Want;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A transformer-shaped toy in plain double loops: attention is the mean over the positions so far, the neurons are
 * linear or tanh. With linear neurons the whole model is linear, so every patching method must agree exactly.
 */
public final class ToyModel implements LanguageModel {
    public static final int LAYERS = 3;
    public static final int WIDTH = 12;
    public static final int HEADS = 3;
    public static final int MLP = 10;
    private static final String[] KINDS = {
        "hook_resid_pre",
        "attn.hook_z",
        "hook_attn_out",
        "hook_resid_mid",
        "mlp.hook_post",
        "hook_mlp_out",
        "hook_resid_post"
    };

    private final boolean linear;
    private final Tokenizer tokenizer = new ToyTokenizer();
    private final float[][] embed;
    private final float[][] unembed;
    private final float[][][] toZ = new float[LAYERS][][];
    private final float[][][] fromZ = new float[LAYERS][][];
    private final float[][][] in = new float[LAYERS][][];
    private final float[][][] out = new float[LAYERS][][];

    public ToyModel(long seed, boolean linear) {
        this.linear = linear;
        Cases.Random r = Cases.Random.of(seed);
        embed = r.matrix(ToyTokenizer.SIZE, WIDTH);
        unembed = r.matrix(ToyTokenizer.SIZE, WIDTH);
        for (int l = 0; l < LAYERS; l++) {
            toZ[l] = small(r.matrix(WIDTH, WIDTH));
            fromZ[l] = small(r.matrix(WIDTH, WIDTH));
            in[l] = small(r.matrix(MLP, WIDTH));
            out[l] = small(r.matrix(WIDTH, MLP));
        }
    }

    private static float[][] small(float[][] m) {
        for (float[] row : m) {
            for (int i = 0; i < row.length; i++) {
                row[i] *= 0.4f;
            }
        }
        return m;
    }

    @Override
    public Forward forward(TokenBatch tokens, Taps taps, Want want) {
        return new Pass(tokens, taps);
    }

    @Override
    public Backward backward(TokenBatch tokens, Taps taps, BackwardPlan plan) {
        Pass f = new Pass(tokens, taps);
        Map<HookPoint, Activation> gradients = new HashMap<>();
        plan.wrt().forEach(h -> gradients.put(h, empty(h, tokens)));
        LogitSeed seed = java.util.Objects.requireNonNull(plan.seed());
        double[] values = new double[tokens.size()];
        for (int b = 0; b < tokens.size(); b++) {
            float[] seedOut = new float[ToyTokenizer.SIZE];
            values[b] = seed.seed(b, f.lastLogits(b), seedOut);
            int t = tokens.length(b);
            double[][] g = new double[t][WIDTH];
            g[t - 1] = timesTransposed(unembed, seedOut);
            for (int l = LAYERS - 1; l >= 0; l--) {
                keep(gradients, HookPoint.residPost(l), b, g);
                keep(gradients, HookPoint.mlpOut(l), b, g);
                double[][] post = new double[t][];
                double[][] mid = new double[t][WIDTH];
                for (int p = 0; p < t; p++) {
                    post[p] = timesTransposed(out[l], floats(g[p]));
                    double[] pre = post[p].clone();
                    for (int i = 0; i < MLP && !linear; i++) {
                        double u = f.pre.get(l)[b][p][i];
                        pre[i] *= 1 - Math.tanh(u) * Math.tanh(u);
                    }
                    double[] through = timesTransposed(in[l], floats(pre));
                    for (int i = 0; i < WIDTH; i++) {
                        mid[p][i] = g[p][i] + through[i];
                    }
                }
                keep(gradients, HookPoint.mlpPost(l), b, post);
                keep(gradients, HookPoint.residMid(l), b, mid);
                keep(gradients, HookPoint.attnOut(l), b, mid);
                double[][] z = new double[t][];
                double[][] before = new double[t][];
                for (int p = 0; p < t; p++) {
                    z[p] = timesTransposed(fromZ[l], floats(mid[p]));
                    before[p] = mid[p].clone();
                }
                keep(gradients, HookPoint.z(l), b, z);
                for (int p = 0; p < t; p++) {
                    double[] through = timesTransposed(toZ[l], floats(z[p]));
                    for (int from = 0; from <= p; from++) {
                        for (int i = 0; i < WIDTH; i++) {
                            before[from][i] += through[i] / (p + 1);
                        }
                    }
                }
                g = before;
                keep(gradients, HookPoint.residPre(l), b, g);
            }
        }
        return new Backward() {
            @Override
            public double value(int row) {
                return values[row];
            }

            @Override
            public Activation gradient(HookPoint hook) {
                return gradients.get(hook);
            }

            @Override
            public Forward forward() {
                return f;
            }
        };
    }

    private static void keep(Map<HookPoint, Activation> all, HookPoint hook, int b, double[][] g) {
        Activation a = all.get(hook);
        if (a != null) {
            for (int p = 0; p < g.length; p++) {
                a.setRow(b, p, floats(g[p]));
            }
        }
    }

    private Activation empty(HookPoint hook, TokenBatch tokens) {
        int[] lengths = new int[tokens.size()];
        for (int b = 0; b < lengths.length; b++) {
            lengths[b] = tokens.length(b);
        }
        int width = hook(hook.name()).width();
        return Activation.of(
                hook,
                Arena.ofAuto().allocate(4L * lengths.length * tokens.positions() * width, 64),
                tokens.positions(),
                width,
                0,
                lengths);
    }

    /** One forward pass, everything kept. */
    private final class Pass implements Forward {
        private final Map<HookPoint, Activation> all = new LinkedHashMap<>();
        private final Map<Integer, float[][][]> pre = new HashMap<>();
        private final TokenBatch tokens;

        Pass(TokenBatch tokens, Taps taps) {
            this.tokens = tokens;
            Activation x = empty(HookPoint.residPre(0), tokens);
            each((b, p) -> x.setRow(b, p, embed[tokens.ids()[b][p]]));
            Activation resid = x;
            for (int l = 0; l < LAYERS; l++) {
                int layer = l;
                Activation before = done(copy(HookPoint.residPre(l), resid), taps);
                Activation z = empty(HookPoint.z(l), tokens);
                each((b, p) -> {
                    float[] mean = new float[WIDTH];
                    for (int from = 0; from <= p; from++) {
                        float[] row = before.row(b, from);
                        for (int i = 0; i < WIDTH; i++) {
                            mean[i] += row[i] / (p + 1);
                        }
                    }
                    z.setRow(b, p, floats(times(toZ[layer], mean)));
                });
                done(z, taps);
                Activation attn = done(map(HookPoint.attnOut(l), fromZ[l], z), taps);
                Activation mid = done(sum(HookPoint.residMid(l), before, attn), taps);
                Activation post = map(HookPoint.mlpPost(l), in[l], mid);
                float[][][] kept = new float[tokens.size()][tokens.positions()][];
                pre.put(l, kept);
                each((b, p) -> {
                    float[] u = post.row(b, p);
                    kept[b][p] = u.clone();
                    for (int i = 0; i < MLP && !linear; i++) {
                        u[i] = (float) Math.tanh(u[i]);
                    }
                    post.setRow(b, p, u);
                });
                done(post, taps);
                Activation mlp = done(map(HookPoint.mlpOut(l), out[l], post), taps);
                resid = done(sum(HookPoint.residPost(l), mid, mlp), taps);
            }
        }

        private void each(java.util.function.BiConsumer<Integer, Integer> work) {
            for (int b = 0; b < tokens.size(); b++) {
                for (int p = 0; p < tokens.length(b); p++) {
                    work.accept(b, p);
                }
            }
        }

        private Activation map(HookPoint hook, float[][] w, Activation from) {
            Activation to = empty(hook, tokens);
            each((b, p) -> to.setRow(b, p, floats(times(w, from.row(b, p)))));
            return to;
        }

        private Activation copy(HookPoint hook, Activation from) {
            Activation to = empty(hook, tokens);
            each((b, p) -> to.setRow(b, p, from.row(b, p)));
            return to;
        }

        private Activation sum(HookPoint hook, Activation x, Activation y) {
            Activation to = copy(hook, x);
            each((b, p) -> {
                for (int i = 0; i < x.width(); i++) {
                    to.set(b, p, i, x.get(b, p, i) + y.get(b, p, i));
                }
            });
            return to;
        }

        private Activation done(Activation a, Taps taps) {
            for (Editor e : taps.editors(a.hook())) {
                e.edit(a);
            }
            all.put(a.hook(), a);
            return a;
        }

        @Override
        public Activation activation(HookPoint hook) {
            return all.get(hook);
        }

        @Override
        public float[] lastLogits(int row) {
            return floats(
                    times(unembed, all.get(HookPoint.residPost(LAYERS - 1)).row(row, tokens.length(row) - 1)));
        }

        @Override
        public Activation allLogits() {
            throw new UnsupportedOperationException();
        }

        @Override
        public float[][] tokenLoss() {
            throw new UnsupportedOperationException();
        }

        @Override
        public double meanLoss() {
            throw new UnsupportedOperationException();
        }
    }

    private static double[] times(float[][] w, float[] x) {
        double[] y = new double[w.length];
        for (int r = 0; r < y.length; r++) {
            for (int c = 0; c < x.length; c++) {
                y[r] += (double) w[r][c] * x[c];
            }
        }
        return y;
    }

    private static double[] timesTransposed(float[][] w, float[] x) {
        double[] y = new double[w[0].length];
        for (int r = 0; r < x.length; r++) {
            for (int c = 0; c < y.length; c++) {
                y[c] += (double) w[r][c] * x[r];
            }
        }
        return y;
    }

    private static float[] floats(double[] x) {
        float[] y = new float[x.length];
        for (int i = 0; i < y.length; i++) {
            y[i] = (float) x[i];
        }
        return y;
    }

    @Override
    public String id() {
        return "toy";
    }

    @Override
    public ModelConfig config() {
        return new ModelConfig(
                "Toy", LAYERS, WIDTH, HEADS, HEADS, WIDTH / HEADS, MLP, ToyTokenizer.SIZE, 16, 0, 0, false, 0);
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public List<HookInfo> hooks() {
        List<HookInfo> all = new java.util.ArrayList<>();
        for (int l = 0; l < LAYERS; l++) {
            for (String kind : KINDS) {
                all.add(new HookInfo(HookPoint.block(l, kind), "", kind.equals("mlp.hook_post") ? MLP : WIDTH, ""));
            }
        }
        return all;
    }

    @Override
    public HookInfo hook(String name) {
        return hooks().stream()
                .filter(h -> h.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new dev.loupe.base.UsageException("no hook " + name));
    }

    @Override
    public String weightsChecksum() {
        return "toy";
    }

    @Override
    public List<String> heldOutHashes() {
        return List.of();
    }

    @Override
    public Generation generate(int[] prompt, Sampling sampling, Taps taps, TokenListener listener) {
        throw new UnsupportedOperationException();
    }

    @Override
    public dev.loupe.math.Matrix logitLens(dev.loupe.math.Matrix directions, boolean foldFinalNorm) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
