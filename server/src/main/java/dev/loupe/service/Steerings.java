package dev.loupe.service;

import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Continuation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import dev.loupe.steer.ChatTurn;
import dev.loupe.steer.CompiledVariant;
import dev.loupe.steer.Dose;
import dev.loupe.steer.DoseResponse;
import dev.loupe.steer.SteerListener;
import dev.loupe.steer.SteerRequest;
import dev.loupe.steer.SteerResult;
import dev.loupe.steer.Steering;
import dev.loupe.steer.SteeringContext;
import dev.loupe.steer.SteeringVector;
import dev.loupe.steer.Variant;
import dev.loupe.steer.VariantFiles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;

/** Steering: writing with features turned up or down, and the saved variants. */
public final class Steerings {
    private static final int MOST_ACTIVE = 8;

    private final Workspace workspace;
    private final Models models;
    private final SteeringContext context;
    private final Saes saes;
    private final Features features;

    Steerings(Workspace workspace, Models models, Saes saes, Features features) {
        this.workspace = workspace;
        this.models = models;
        this.saes = saes;
        this.features = features;
        this.context = new SteeringContext() {
            @Override
            public Sae sae(String name) {
                return saes.open(name);
            }

            @Override
            public OptionalDouble maxActivation(String sae, int id) {
                return features.maxActivation(sae, id);
            }

            @Override
            public SteeringVector vector(String name) {
                return VariantFiles.openVector(workspace.variants(), name);
            }
        };
    }

    /**
     * Writes the default and the steered text. A request that names no model means the embedded one.
     *
     * @param listener hears both texts while they are written
     */
    public SteerResult run(SteerRequest request, SteerListener listener, Progress progress) {
        String model = request.model();
        return Steering.run(models.open(model == null ? Models.BUILTIN : model), request, context, listener, progress);
    }

    /** Writes the next answer in two conversations; see {@link Steering#answer}. */
    ChatTurn answer(
            LanguageModel model,
            int[] plain,
            int[] steered,
            SteerRequest settings,
            SteerListener listener,
            Progress progress) {
        return Steering.answer(model, plain, steered, settings, context, listener, progress);
    }

    /**
     * Begins a text under a variant (the OpenAI-compatible routes), beside all others that are being written.
     *
     * @param prompt token ids
     */
    public Continuation begin(LanguageModel model, int[] prompt, Variant variant, Sampling sampling) {
        CompiledVariant.Run run = Steering.compile(variant, model, context).on(prompt, prompt.length);
        return model.begin(prompt, sampling, run.taps());
    }

    /** Logits of a text under a variant, {@code [1, positions, d_vocab]}. */
    public Activation logits(LanguageModel model, int[] ids, Variant variant) {
        CompiledVariant.Run run = Steering.compile(variant, model, context).on(ids, ids.length);
        return model.forward(TokenBatch.of(ids), run.taps(), Want.ALL_LOGITS).allLogits();
    }

    /**
     * The features that were active at each token of a written text, prompt first, as the model saw it: under the edits for
     * the steered one.
     *
     * @param steered which of the two texts
     * @param sae the SAE
     * @return for each token at most {@value #MOST_ACTIVE} features, strongest first; none for special tokens
     */
    public List<List<ActiveFeature>> active(SteerResult result, boolean steered, String sae) {
        SteerRequest request = result.request();
        String name = request.model();
        LanguageModel model = models.open(name == null ? Models.BUILTIN : name);
        return active(
                model,
                model.tokenizer().encode(request.prompt()),
                steered ? result.steeredTokens() : result.defaultTokens(),
                steered ? request.variant() : Variant.NONE,
                sae);
    }

    /**
     * The same for any text.
     *
     * @param prompt what was there before
     * @param written what the model wrote after it
     * @param variant the edits under which it did
     */
    public List<List<ActiveFeature>> active(
            LanguageModel model, int[] prompt, List<SteerResult.StreamToken> written, Variant variant, String sae) {
        Sae s = saes.open(sae);
        SaeNeeds.check(s, model);
        int[] ids = Arrays.copyOf(prompt, prompt.length + written.size());
        for (int i = 0; i < written.size(); i++) {
            ids[prompt.length + i] = written.get(i).id();
        }
        Taps read = Taps.read(model.hook(s.hookName()).hook());
        Taps taps = variant.edits().isEmpty()
                ? read
                : Steering.compile(variant, model, context)
                        .on(ids, prompt.length)
                        .taps()
                        .merge(read);
        Activation x = model.forward(TokenBatch.of(ids), taps, Want.NOTHING)
                .activation(model.hook(s.hookName()).hook());
        float[][] rows = new float[ids.length][];
        for (int p = 0; p < ids.length; p++) {
            rows[p] = x.row(0, p);
        }
        SparseCodes codes = s.encode(Matrix.copyOf(rows));
        FeatureIndex index = Features.indexed(workspace, sae) ? features.index(sae) : null;
        List<List<ActiveFeature>> all = new ArrayList<>();
        for (int p = 0; p < ids.length; p++) {
            List<ActiveFeature> here = new ArrayList<>();
            for (int e = codes.start(p); e < codes.end(p) && !model.tokenizer().isSpecial(ids[p]); e++) {
                int id = codes.ids()[e];
                here.add(new ActiveFeature(
                        id, index == null ? "" : index.summary(id).label(), codes.values()[e]));
            }
            here.sort(Comparator.comparingDouble(f -> -f.value()));
            all.add(List.copyOf(here.subList(0, Math.min(MOST_ACTIVE, here.size()))));
        }
        return all;
    }

    /** What a variant does at several strengths. A request that names no model means the embedded one. */
    public DoseResponse sweep(Dose request, Progress progress) {
        String model = request.model();
        return DoseResponse.run(models.open(model == null ? Models.BUILTIN : model), request, context, progress);
    }

    /** Checks a variant against a model: what each edit comes to, in words and absolute units. */
    public List<String> explain(String model, Variant variant) {
        return Steering.compile(variant, models.open(model), context).words();
    }

    /** The same for a model that is open. */
    public List<String> explain(LanguageModel model, Variant variant) {
        return Steering.compile(variant, model, context).words();
    }

    /** Names of the saved variants. */
    public List<String> variants() {
        return VariantFiles.list(workspace.variants());
    }

    /**
     * A saved variant.
     *
     * @throws dev.loupe.base.NotFoundException if there is none of that name
     */
    public Variant variant(String name) {
        return VariantFiles.open(workspace.variants(), name);
    }

    /** Saves a variant under its name, replacing one of that name. */
    public void save(Variant variant) {
        VariantFiles.save(workspace.variants(), variant);
    }

    /** Deletes a saved variant. */
    public void delete(String name) {
        VariantFiles.delete(workspace.variants(), name);
    }
}
