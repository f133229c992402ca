package dev.loupe.steer.language;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.Document;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.steer.CompiledVariant;
import dev.loupe.steer.Edit;
import dev.loupe.steer.EditOp;
import dev.loupe.steer.Steering;
import dev.loupe.steer.SteeringContext;
import dev.loupe.steer.SteeringVector;
import dev.loupe.steer.Variant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SplittableRandom;

/** What a trial steers with: statistics of training documents, and the edits that each method makes of them. */
final class TrialMethods implements SteeringContext {
    /** The methods that a strength is matched for; {@link #RANDOM} takes those of {@link #LATENTS}. */
    static final List<String> MATCHED =
            List.of("latents", "latents-difference", "neurons", "neurons-difference", "means");

    static final String LATENTS = "latents";
    static final String RANDOM = "random-latents";

    private static final int DOCUMENTS = 32;
    private static final int CONTEXT = 256;
    private static final int MOST_UNITS = 32;

    private final LanguageModel model;
    private final Sae sae;
    private final List<String> languages;
    private final GroupStatistics latents;
    private final GroupStatistics neurons;
    private final GroupStatistics residual;
    private final Arithmetic byLatents;
    private final Arithmetic byNeurons;
    private final Map<String, SteeringVector> vectors = new HashMap<>();

    TrialMethods(LanguageModel model, Sae sae, List<String> languages, Passages corpus, long seed, Progress progress) {
        this.model = model;
        this.sae = sae;
        this.languages = languages;
        int layers = model.config().nLayers();
        int perLayer = model.hook(HookPoint.mlpPost(0).name()).width();
        this.latents = new GroupStatistics(languages, sae.dSae());
        this.neurons = new GroupStatistics(languages, layers * perLayer);
        this.residual = new GroupStatistics(languages, sae.dIn());
        progress.stage("counting neurons and latents by language", languages.size(), "languages");
        for (String l : languages) {
            for (Document d : corpus.training(l).stream().limit(DOCUMENTS).toList()) {
                count(languages.indexOf(l), d.text(), perLayer);
                progress.check();
            }
            progress.advance(languages.indexOf(l) + 1);
        }
        this.byLatents = Arithmetic.latents(latents, Lape.of(latents, Lape.SHARE * 2), sae.name());
        this.byNeurons = Arithmetic.neurons(neurons, Lape.of(neurons, Lape.SHARE * 2), perLayer);
        SplittableRandom random = new SplittableRandom(seed);
        for (int t = 0; t < languages.size(); t++) {
            if (byLatents.specific().members().get(t).isEmpty()) {
                throw new UsageException("The SAE " + sae.name() + " has no latent that is specific to "
                        + languages.get(t) + "; leave the language out or use a wider SAE.");
            }
            keep(randomName(languages.get(t)), random(t, random));
            for (int s = 0; s < languages.size(); s++) {
                if (s != t) {
                    keep(meansName(languages.get(s), languages.get(t)), residual.difference(t, s));
                }
            }
        }
    }

    private void count(int group, String text, int perLayer) {
        int[] ids = model.tokenizer().encode(text);
        ids = Arrays.copyOf(
                ids, Math.min(ids.length, Math.min(CONTEXT, model.config().nCtx())));
        if (ids.length < 2) {
            return;
        }
        int layers = model.config().nLayers();
        List<HookPoint> reads = new ArrayList<>(List.of(HookPoint.of(sae.hookName())));
        for (int l = 0; l < layers; l++) {
            reads.add(HookPoint.mlpPost(l));
            reads.add(HookPoint.block(l, "mlp.hook_pre"));
        }
        Forward f = model.forward(TokenBatch.of(ids), Taps.read(reads), Want.NOTHING);
        Activation at = f.activation(reads.getFirst());
        float[][] rows = new float[ids.length - 1][];
        for (int p = 1; p < ids.length; p++) {
            rows[p - 1] = at.row(0, p);
        }
        SparseCodes codes = sae.encode(Matrix.copyOf(rows));
        for (int p = 1; p < ids.length; p++) {
            if (model.tokenizer().isSpecial(ids[p])) {
                continue;
            }
            latents.token(group);
            neurons.token(group);
            residual.token(group);
            for (int e = codes.start(p - 1); e < codes.end(p - 1); e++) {
                latents.add(group, codes.ids()[e], codes.values()[e], codes.values()[e]);
            }
            for (int i = 0; i < sae.dIn(); i++) {
                residual.add(group, i, rows[p - 1][i], rows[p - 1][i]);
            }
            for (int l = 0; l < layers; l++) {
                float[] post = f.activation(HookPoint.mlpPost(l)).row(0, p);
                float[] pre = f.activation(HookPoint.block(l, "mlp.hook_pre")).row(0, p);
                for (int i = 0; i < perLayer; i++) {
                    neurons.add(group, l * perLayer + i, pre[i], post[i]);
                }
            }
        }
    }

    /** As many latents as the target has, drawn from the others that fire, with the size of the target's. */
    private float[] random(int target, SplittableRandom random) {
        List<Edit> real = byLatents.add(target, 1, MOST_UNITS);
        float[] sum = sum(real);
        float[] other = new float[sae.dIn()];
        List<Integer> specific = byLatents.specific().chosen();
        for (int n = 0, tries = 0; n < real.size() && tries < 100_000; tries++) {
            int u = random.nextInt(sae.dSae());
            if (!specific.contains(u) && latents.rate(target, u) > 0) {
                add(other, sae.decoderRows().row(u), (float) latents.mean(target, u));
                n++;
            }
        }
        double scale = size(sum) / size(other);
        for (int i = 0; i < other.length; i++) {
            other[i] *= (float) scale;
        }
        return other;
    }

    private float[] sum(List<Edit> edits) {
        float[] sum = new float[sae.dIn()];
        for (Edit e : edits) {
            String feature = String.valueOf(e.feature());
            int id = Integer.parseInt(feature.substring(feature.lastIndexOf(':') + 1));
            Double strength = e.strength();
            add(sum, sae.decoderRows().row(id), strength == null ? 0 : strength.floatValue());
        }
        return sum;
    }

    private static void add(float[] sum, float[] d, float by) {
        for (int i = 0; i < d.length; i++) {
            sum[i] += by * d[i];
        }
    }

    private static double size(float[] v) {
        double s = 0;
        for (float x : v) {
            s += (double) x * x;
        }
        return Math.sqrt(s);
    }

    /** Tokens as text. */
    String text(int[] ids) {
        return model.tokenizer().decode(ids, true);
    }

    /** Units that a method edits for a pair. */
    int units(String method, int source, int target) {
        return edits(method, source, target, 1).size();
    }

    /** The edits of a method at a strength. */
    CompiledVariant variant(String method, int source, int target, double strength) {
        return Steering.compile(new Variant(null, edits(method, source, target, strength), null), model, this);
    }

    private List<Edit> edits(String method, int source, int target, double s) {
        String from = languages.get(source);
        String to = languages.get(target);
        return switch (method) {
            case LATENTS -> byLatents.add(target, s, MOST_UNITS);
            case "latents-difference" -> byLatents.difference(target, source, s, MOST_UNITS);
            case "neurons" -> byNeurons.add(target, s, MOST_UNITS);
            case "neurons-difference" -> byNeurons.difference(target, source, s, MOST_UNITS);
            case "means" -> List.of(Edit.vector(meansName(from, to), EditOp.ADD, s));
            case RANDOM -> List.of(Edit.vector(randomName(to), EditOp.ADD, s));
            default -> throw new IllegalArgumentException(method);
        };
    }

    private void keep(String name, float[] values) {
        vectors.put(name, new SteeringVector("1.0", name, model.id(), sae.hookName(), values));
    }

    private static String meansName(String source, String target) {
        return source + "-" + target;
    }

    private static String randomName(String target) {
        return "random-" + target;
    }

    @Override
    public Sae sae(String name) {
        return sae;
    }

    @Override
    public OptionalDouble maxActivation(String name, int id) {
        return OptionalDouble.empty(); // all strengths are absolute
    }

    @Override
    public SteeringVector vector(String name) {
        SteeringVector v = vectors.get(name);
        if (v == null) {
            throw new NotFoundException("There is no vector " + name + ".");
        }
        return v;
    }
}
