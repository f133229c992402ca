package dev.loupe.diagnose.trust;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.ModelPass;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.OwnWork;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.DoubleOps;
import dev.loupe.math.Matrix;
import dev.loupe.model.Backward;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Rules;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Tokenizer;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What excites latents most: among real text, among all single tokens, and among embeddings that no token has (Nguyen et
 * al., "Synthesizing the preferred inputs for neurons in neural networks via deep generator networks", arXiv 1605.09304).
 */
public final class ActivationMaximum implements Diagnostic {
    private static final int LATENTS = 16;
    private static final int STEPS = 16;

    @Override
    public About about() {
        return About.of(
                "activation-maximum",
                Topic.TRUST,
                "What excites a latent most: real text, a single token, or an input that no text gives?",
                "For the " + LATENTS
                        + " latents that are active on most tokens without being active on a tenth of them:"
                        + " the largest activation on the text, with its token; the largest over every token of the"
                        + " vocabulary alone behind BOS; and the largest found by " + STEPS
                        + " steps of gradient ascent"
                        + " on the embedding of the best single token, held to the length of embeddings, with the token"
                        + " whose embedding is nearest to what is found.",
                Set.of(Need.MODEL, Need.SAE),
                Source.paper(
                                "Synthesizing the preferred inputs for neurons in neural networks via deep generator"
                                        + " networks",
                                "arXiv 1605.09304")
                        .but("Embeddings of one token in place of the code of an image generator; their length is the"
                                + " prior."));
    }

    @Override
    public Study begin(Subject subject) {
        subject.sae().requireSae("be excited");
        return new Exciting(subject);
    }

    private record Best(float value, int token) {}

    private static final class Exciting implements Study, OwnWork {
        private static final HookPoint EMBED = HookPoint.of("hook_embed");

        private final Subject subject;
        private final Sae sae;
        private final HookPoint hook;
        private final Best[] real;
        private final long[] fired;
        private final Map<Integer, Best> single = new LinkedHashMap<>();
        private final Map<Integer, float[]> found = new LinkedHashMap<>(); // value and start
        private final Map<Integer, Integer> nearest = new LinkedHashMap<>();
        private long tokens;
        private boolean asked;

        Exciting(Subject subject) {
            this.subject = subject;
            this.sae = subject.sae();
            this.hook = subject.model().hook(sae.hookName()).hook();
            this.real = new Best[sae.dSae()];
            Arrays.fill(real, new Best(0, -1));
            this.fired = new long[sae.dSae()];
        }

        @Override
        public Wants wants() {
            boolean first = !asked;
            asked = true;
            return first ? Wants.model(List.of(hook)).upTo(16_384) : Wants.nothing();
        }

        @Override
        public void see(ModelPass pass) {
            List<float[]> rows = new ArrayList<>();
            List<Integer> ids = new ArrayList<>();
            pass.ordinary(hook, (row, b, p) -> {
                rows.add(row.clone());
                ids.add(pass.ids()[b][p]);
            });
            if (rows.isEmpty()) {
                return;
            }
            SparseCodes codes = sae.encode(Matrix.copyOf(rows.toArray(float[][]::new)));
            for (int r = 0; r < codes.rows(); r++) {
                for (int e = codes.start(r); e < codes.end(r); e++) {
                    int id = codes.ids()[e];
                    fired[id]++;
                    if (codes.values()[e] > real[id].value()) {
                        real[id] = new Best(codes.values()[e], ids.get(r));
                    }
                }
            }
            tokens += codes.rows();
        }

        private int[] chosen() {
            return IntStream.range(0, fired.length)
                    .filter(i -> fired[i] > 0 && fired[i] < 0.1 * tokens)
                    .boxed()
                    .sorted(Comparator.comparingLong(i -> -fired[i]))
                    .limit(LATENTS)
                    .mapToInt(i -> i)
                    .toArray();
        }

        @Override
        public void work(Progress progress) {
            int[] latents = chosen();
            LanguageModel model = subject.model();
            int vocab = Math.min(model.config().dVocab(), model.tokenizer().vocabSize());
            Integer bos = model.tokenizer().bosId();
            progress.stage("every token alone", vocab, "tokens");
            int step = 256;
            float[][] embeddings = new float[vocab][];
            for (int from = 0; from < vocab; from += step) {
                progress.check();
                int n = Math.min(step, vocab - from);
                int[][] batch = new int[n][];
                for (int i = 0; i < n; i++) {
                    batch[i] = bos == null ? new int[] {from + i} : new int[] {bos, from + i};
                }
                Forward run = model.forward(new TokenBatch(batch), Taps.read(hook, EMBED), Want.NOTHING);
                float[][] rows = new float[n][];
                for (int i = 0; i < n; i++) {
                    rows[i] = run.activation(hook).row(i, batch[i].length - 1);
                    embeddings[from + i] = run.activation(EMBED).row(i, batch[i].length - 1);
                }
                for (int latent : latents) {
                    for (int i = 0; i < n; i++) {
                        float v = sae.preActivation(rows[i], latent);
                        Best best = single.get(latent);
                        if (best == null || v > best.value()) {
                            single.put(latent, new Best(v, from + i));
                        }
                    }
                }
                progress.advance(from + n);
            }
            progress.stage("gradient ascent", latents.length, "latents");
            for (int k = 0; k < latents.length; k++) {
                progress.check();
                ascend(latents[k], embeddings, bos);
                progress.advance(k + 1);
            }
        }

        /** Steps of a tenth of the embedding's length along the gradient, back to that length each time; the best counts. */
        private void ascend(int latent, float[][] embeddings, @Nullable Integer bos) {
            Best start = Objects.requireNonNull(single.get(latent));
            int[] ids = bos == null ? new int[] {start.token()} : new int[] {bos, start.token()};
            int at = ids.length - 1;
            float[] x = embeddings[start.token()].clone();
            double length = Numbers.norm(x);
            float best = start.value();
            float[] bestX = x.clone();
            float[] direction = sae.encoderRows().row(latent);
            for (int s = 0; s < STEPS; s++) {
                float[] here = x.clone();
                Taps taps = Taps.edit(EMBED, a -> a.setRow(0, at, here)).merge(Taps.read(hook));
                Backward run = subject.model()
                        .backward(
                                TokenBatch.of(ids),
                                taps,
                                BackwardPlan.from(
                                        Taps.edit(hook, g -> g.setRow(0, at, direction)), Rules.NONE, List.of(EMBED)));
                float value = sae.preActivation(run.forward().activation(hook).row(0, at), latent);
                if (value > best) {
                    best = value;
                    bestX = here;
                }
                float[] g = run.gradient(EMBED).row(0, at);
                double gn = Numbers.norm(g);
                if (gn == 0) {
                    break;
                }
                for (int j = 0; j < x.length; j++) {
                    x[j] += (float) (0.1 * length * g[j] / gn);
                }
                double now = Numbers.norm(x);
                for (int j = 0; j < x.length; j++) {
                    x[j] *= (float) (length / now);
                }
            }
            found.put(latent, new float[] {best});
            int near = 0;
            double closest = -2;
            for (int t = 0; t < embeddings.length; t++) {
                double norms = Numbers.norm(embeddings[t]) * Numbers.norm(bestX);
                double cosine = norms == 0 ? -2 : DoubleOps.dot(embeddings[t], bestX) / norms;
                if (cosine > closest) {
                    closest = cosine;
                    near = t;
                }
            }
            nearest.put(latent, near);
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "latent:whole:number of the latent",
                    "real:number:largest activation on the text",
                    "real_token:text:where",
                    "single:number:largest pre-activation over single tokens",
                    "single_token:text:which",
                    "ascent:number:largest found by gradient ascent",
                    "nearest_token:text:whose embedding is nearest to it");
            double beaten = 0;
            double ratio = 0;
            int n = 0;
            Tokenizer words = subject.model().tokenizer();
            for (Map.Entry<Integer, float[]> e : found.entrySet()) {
                Best one = Objects.requireNonNull(single.get(e.getKey()));
                Best text = real[e.getKey()];
                table.row(
                        e.getKey(),
                        text.value(),
                        words.token(text.token()),
                        one.value(),
                        words.token(one.token()),
                        e.getValue()[0],
                        words.token(Objects.requireNonNull(nearest.get(e.getKey()))));
                beaten += one.value() > text.value() ? 1 : 0;
                ratio += e.getValue()[0] / text.value();
                n++;
            }
            if (n == 0) {
                throw new LoupeException(
                        "No latent of " + sae.name() + " is active on fewer than a tenth of the tokens.");
            }
            return new Finding(
                    "A single token excites " + (int) beaten + " of " + n
                            + " latents more than any real text looked at; an embedding that no token has reaches "
                            + Numbers.fixed(ratio / n, 2) + " times the largest real activation.",
                    Map.of("single_beats_text", beaten / n, "ascent_over_real", ratio / n, "latents", (double) n),
                    table,
                    List.of());
        }
    }
}
