package dev.loupe.inspect;

import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.model.Forward;
import dev.loupe.model.HookInfo;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Takes one logit apart: {@link LogitAttribution}. */
public final class Attributor {
    private static final HookPoint SCALE = HookPoint.of("ln_final.hook_scale");

    private final TextInspector inspector;
    private final LanguageModel model;
    private final Set<String> hooks;

    /** For a model. */
    public Attributor(LanguageModel model) {
        this.inspector = new TextInspector(model);
        this.model = model;
        this.hooks = model.hooks().stream().map(HookInfo::name).collect(Collectors.toSet());
    }

    private record Named(String kind, int layer, int index, String name, float[] vector) {}

    /**
     * Takes a logit apart.
     *
     * @param position of the prediction; below 0 counted from the end
     * @param token whose logit; null for the one that the model predicts there
     * @param versus another token, for the difference of the two logits; or null
     * @param sae whose latents are told apart; or null
     */
    public LogitAttribution of(
            InspectedText text, int position, @Nullable Integer token, @Nullable Integer versus, @Nullable Sae sae) {
        int p = text.position(position);
        boolean headwise = !hooks.contains("blocks.0.ln1_post.hook_scale");
        Forward run = model.forward(TokenBatch.of(text.ids()), taps(headwise, sae), Want.ALL_LOGITS);
        Softmax s = new Softmax(run.allLogits().row(0, p));
        int answer = token == null ? s.best() : token;
        double scale = run.activation(SCALE).get(0, p, 0);
        double bias = inspector.bias(answer, versus);
        List<LogitPart> layers = parts(blocks(run, p), answer, versus, scale);
        layers.add(new LogitPart("bias", -1, -1, "last norm's and unembedding's bias", bias));
        List<LogitPart> heads = headwise ? parts(heads(run, p), answer, versus, scale) : List.of();
        List<LogitPart> latents = sae == null ? List.of() : latents(run, p, sae, answer, versus, scale);
        double total = layers.stream().mapToDouble(LogitPart::value).sum();
        return new LogitAttribution(
                text,
                p,
                s.score(answer, model.tokenizer()),
                versus == null ? null : s.score(versus, model.tokenizer()),
                total,
                scale,
                layers,
                heads,
                latents,
                headwise ? "" : "This family norms the sum of its heads, so single heads have no share of their own.");
    }

    private Taps taps(boolean headwise, @Nullable Sae sae) {
        Taps.Builder taps = Taps.builder().read(SCALE).read(HookPoint.residPre(0));
        for (int layer = 0; layer < model.config().nLayers(); layer++) {
            taps.read(HookPoint.attnOut(layer)).read(HookPoint.mlpOut(layer));
            if (headwise) {
                taps.read(result(layer));
            }
        }
        if (sae != null) {
            if (sae.hooksIn().size() > 1 || sae.hooksOut().size() > 1) {
                throw new UsageException("The crosscoder " + sae.name()
                        + " reads or writes several places at once; a logit is taken apart at one place only.");
            }
            SaeNeeds.check(sae, model);
            if (!HookPoint.of(out(sae)).local().startsWith("hook_")
                    || sae.dOut() != model.config().dModel()) {
                throw new LoupeException("The SAE " + sae.name() + " writes at " + out(sae)
                        + ", which is no part of the residual stream: its latents add to no logit directly.");
            }
            taps.read(model.hook(sae.hookName()).hook())
                    .read(model.hook(out(sae)).hook());
        }
        return taps.build();
    }

    private static HookPoint result(int layer) {
        return HookPoint.block(layer, "attn.hook_result");
    }

    private static String out(Sae sae) {
        String out = sae.isTranscoder() ? sae.config().hookNameOut() : null;
        return out == null ? sae.hookName() : out;
    }

    private List<Named> blocks(Forward run, int p) {
        List<Named> all = new ArrayList<>();
        all.add(new Named(
                "embedding",
                -1,
                -1,
                "embedding",
                run.activation(HookPoint.residPre(0)).row(0, p)));
        for (int l = 0; l < model.config().nLayers(); l++) {
            all.add(new Named(
                    "attention",
                    l,
                    -1,
                    "L" + l + " attention",
                    run.activation(HookPoint.attnOut(l)).row(0, p)));
            all.add(new Named(
                    "mlp",
                    l,
                    -1,
                    "L" + l + " MLP",
                    run.activation(HookPoint.mlpOut(l)).row(0, p)));
        }
        return all;
    }

    private List<Named> heads(Forward run, int p) {
        List<Named> all = new ArrayList<>();
        int d = model.config().dModel();
        for (int l = 0; l < model.config().nLayers(); l++) {
            float[] results = run.activation(result(l)).row(0, p);
            float[] bias = run.activation(HookPoint.attnOut(l)).row(0, p);
            for (int h = 0; h < results.length / d; h++) {
                float[] one = new float[d];
                System.arraycopy(results, h * d, one, 0, d);
                for (int i = 0; i < d; i++) {
                    bias[i] -= one[i];
                }
                all.add(new Named("head", l, h, "L" + l + " head " + h, one));
            }
            all.add(new Named("head", l, -1, "L" + l + " output bias", bias));
        }
        return all;
    }

    private List<LogitPart> latents(Forward run, int p, Sae sae, int answer, @Nullable Integer versus, double scale) {
        float[] in = run.activation(model.hook(sae.hookName()).hook()).row(0, p);
        float[] error = run.activation(model.hook(out(sae)).hook()).row(0, p);
        SparseCodes codes = sae.encode(Matrix.copyOf(new float[][] {in}));
        int layer = HookPoint.of(out(sae)).layer();
        List<Named> all = new ArrayList<>();
        for (int e = codes.start(0); e < codes.end(0); e++) {
            float[] vector = sae.decoderRows().row(codes.ids()[e]);
            for (int i = 0; i < vector.length; i++) {
                vector[i] *= codes.values()[e];
            }
            int id = codes.ids()[e];
            all.add(new Named("latent", layer, id, sae.name() + ":" + id, vector));
        }
        float[] constant = sae.bDec().clone();
        sae.addSkip(in, constant);
        float[] rebuilt = new float[sae.dOut()];
        sae.decode(codes, 0, rebuilt);
        sae.addSkip(in, rebuilt);
        for (int i = 0; i < error.length; i++) {
            error[i] -= rebuilt[i];
        }
        List<LogitPart> parts = parts(all, answer, versus, scale);
        parts.sort(Comparator.comparingDouble((LogitPart q) -> -Math.abs(q.value()))
                .thenComparingInt(LogitPart::index));
        parts.addAll(parts(
                List.of(
                        new Named("sae bias", layer, -1, "bias of " + sae.name(), constant),
                        new Named("sae error", layer, -1, "what " + sae.name() + " leaves out", error)),
                answer,
                versus,
                scale));
        return parts;
    }

    private List<LogitPart> parts(List<Named> named, int answer, @Nullable Integer versus, double scale) {
        double[] values = inspector.direct(named.stream().map(Named::vector).toList(), answer, versus);
        List<LogitPart> parts = new ArrayList<>();
        for (int k = 0; k < values.length; k++) {
            Named n = named.get(k);
            parts.add(new LogitPart(n.kind(), n.layer(), n.index(), n.name(), values[k] / scale));
        }
        return parts;
    }
}
