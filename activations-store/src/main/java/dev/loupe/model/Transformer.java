package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A decoder-only transformer whose blocks follow an {@link Architecture}. */
final class Transformer implements LanguageModel {
    private final String id;
    private final ModelSpec spec;
    private final Tokenizer tokenizer;
    private final ModelOptions options;
    private final List<String> heldOut;
    private final Core core;
    private final Gradients gradients;
    private final Scheduler scheduler;
    private final Map<String, HookInfo> hooks;
    private @Nullable String checksum; // made when it is first asked for

    Transformer(String id, Core core, Tokenizer tokenizer, ModelOptions options, List<String> heldOut) {
        this.id = id;
        this.spec = core.spec;
        this.core = core;
        this.gradients = new Gradients(core);
        this.scheduler = new Scheduler(core, tokenizer);
        this.tokenizer = tokenizer;
        this.options = options;
        this.heldOut = List.copyOf(heldOut);
        hooks = spec.hooks().stream()
                .collect(Collectors.toMap(HookInfo::name, h -> h, (a, b) -> a, LinkedHashMap::new));
    }

    /** Weights and blocks. */
    Core core() {
        return core;
    }

    @Override
    public Forward forward(TokenBatch tokens, Taps taps, Want want) {
        check(tokens);
        checkTaps(taps);
        boolean whole = want == Want.ALL_LOGITS // joining them would cost more than it gains
                || !taps.edited().isEmpty() // editors see the batch that they were written for
                || (long) tokens.size() * tokens.positions() <= BatchGroups.TOKENS;
        if (whole || tokens.size() == 1) {
            return pass(tokens.ids(), tokens.positions(), taps, want);
        }
        List<ForwardResult> parts = new ArrayList<>();
        for (int[] rows : BatchGroups.split(tokens)) {
            parts.add(pass(Arrays.copyOfRange(tokens.ids(), rows[0], rows[1]), tokens.positions(), taps, want));
        }
        return BatchGroups.join(parts, lengths(tokens.ids()), taps);
    }

    private ForwardResult pass(int[][] ids, int positions, Taps taps, Want want) {
        try (ModelUse.Lease lease = core.use.begin();
                NDManager manager = core.newManager();
                NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Pass pass = new Pass(manager, lengths(ids), positions, taps, want != Want.NOTHING, false);
            NDArray resid = core.run(pass, ids, null);
            if (resid == null || pass.finished()) {
                return new ForwardResult(pass.read(), null, null, null);
            }
            NDArray normed = core.head.normed(pass, resid, new Norm.State(false));
            return new ForwardResult(
                    pass.read(),
                    want == Want.LAST_LOGITS ? core.head.last(pass, normed) : null,
                    want == Want.ALL_LOGITS ? core.head.all(pass, normed) : null,
                    want == Want.TOKEN_LOSS ? core.head.loss(pass, normed, ids) : null);
        }
    }

    @Override
    public KeptPass keep(TokenBatch tokens, Taps taps, long keepBytes) {
        check(tokens);
        checkTaps(taps);
        KeptPass kept = gradients.keep(tokens, taps, keepBytes, this::checkPlan);
        return kept == null ? KeptPass.again(this, tokens, taps) : kept;
    }

    @Override
    public Backward backward(TokenBatch tokens, Taps taps, BackwardPlan plan) {
        check(tokens);
        checkTaps(taps);
        checkPlan(plan);
        return gradients.run(tokens, taps, plan);
    }

    private void checkPlan(BackwardPlan plan) {
        checkTaps(plan.flow());
        plan.wrt().forEach(h -> hook(h.name()));
    }

    @Override
    public Variations variations(int[] tokens, int position) {
        check(TokenBatch.of(tokens));
        return new SharedRuns(core, tokens, position);
    }

    @Override
    public Generation generate(int[] prompt, Sampling sampling, Taps taps, TokenListener listener) {
        return begin(prompt, sampling, taps).listen(listener);
    }

    @Override
    public Continuation begin(int[] prompt, Sampling sampling, Taps taps) {
        if (prompt.length == 0) {
            throw new UsageException("The prompt has no tokens: give some text, or let BOS be prepended.");
        }
        check(TokenBatch.of(prompt));
        checkTaps(taps);
        if (!taps.reads().isEmpty()) {
            throw new UsageException("Activations cannot be kept while text is generated (" + taps.reads()
                    + "): look at them in an editor, or run the finished text once more.");
        }
        return scheduler.begin(prompt.clone(), sampling, taps);
    }

    @Override
    public int writing() {
        return scheduler.writing();
    }

    @Override
    public Matrix logitLens(Matrix directions, boolean foldFinalNorm) {
        if (directions.cols() != spec.config().dModel()) {
            throw new UsageException("The directions have " + directions.cols() + " dimensions; the residual stream of"
                    + " model " + id + " has " + spec.config().dModel() + ".");
        }
        try (ModelUse.Lease lease = core.use.begin();
                NDManager manager = core.newManager()) {
            return core.head.lens(manager, directions, foldFinalNorm);
        }
    }

    @Override
    public Matrix logitsOf(Matrix residuals) {
        if (residuals.cols() != spec.config().dModel()) {
            throw new UsageException(
                    "The values have " + residuals.cols() + " dimensions; the residual stream of model " + id + " has "
                            + spec.config().dModel() + ".");
        }
        try (ModelUse.Lease lease = core.use.begin();
                NDManager manager = core.newManager()) {
            return core.head.logitsOf(manager, residuals);
        }
    }

    @Override
    public MlpKind mlp() {
        return MlpKind.of(
                spec.architecture().activation(), spec.architecture().tensors().mlpLinear() != null);
    }

    @Override
    public ProjectionWeights projection(int layer, Projection which) {
        if (layer < 0 || layer >= spec.config().nLayers()) {
            throw new UsageException("There is no layer " + layer + ": the model " + id + " has layers 0 to "
                    + (spec.config().nLayers() - 1) + ".");
        }
        try (ModelUse.Lease lease = core.use.begin()) {
            return Projections.of(core.weights.layers.get(layer), layer, which, id);
        }
    }

    private void check(TokenBatch tokens) {
        int vocab = spec.config().dVocab();
        for (int[] row : tokens.ids()) {
            if (row.length > spec.config().nCtx()) {
                throw new UsageException("A sequence of " + row.length + " tokens is longer than the context of "
                        + spec.config().nCtx() + " tokens that model " + id + " was made for: cut it.");
            }
            for (int token : row) {
                if (token < 0 || token >= vocab) {
                    throw new UsageException("Token id " + token + " is outside the vocabulary of model " + id
                            + ", which has the ids 0 to " + (vocab - 1) + ".");
                }
            }
        }
    }

    private void checkTaps(Taps taps) {
        taps.reads().forEach(h -> hook(h.name()));
        taps.edited().forEach(h -> hook(h.name()));
    }

    static int[] lengths(int[][] ids) {
        return Arrays.stream(ids).mapToInt(row -> row.length).toArray();
    }

    @Override
    public HookInfo hook(String name) {
        HookInfo info =
                hooks.get(HookAliases.canonical(name, spec.architecture().tensors()));
        if (info == null) {
            throw new UsageException("Model " + id + " has no hook point \"" + name + "\"; it has hook_embed, "
                    + hooks.values().stream()
                            .filter(h -> h.hook().layer() == 0)
                            .map(h -> "blocks.N." + h.hook().local())
                            .collect(Collectors.joining(", "))
                    + " (N from 0 to " + (spec.config().nLayers() - 1)
                    + "), ln_final.hook_scale and ln_final.hook_normalized.");
        }
        return info;
    }

    @Override
    public List<HookInfo> hooks() {
        return List.copyOf(hooks.values());
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public ModelConfig config() {
        return spec.config();
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public WeightRegime weightRegime() {
        return options.weights();
    }

    @Override
    public double logitCap() {
        return core.spec.architecture().logitCap();
    }

    @Override
    public Precision precision() {
        return options.precision();
    }

    @Override
    public String weightsChecksum() {
        synchronized (core) {
            if (checksum == null) {
                try (ModelUse.Lease lease = core.use.begin()) {
                    checksum = core.weights.checksum();
                }
            }
            return checksum;
        }
    }

    @Override
    public List<String> heldOutHashes() {
        return heldOut;
    }

    /** What computes gradients. */
    Gradients gradients() {
        return gradients;
    }

    /** Tensors alive in this model's manager: weights and constants between passes. */
    int liveArrays() {
        return core.weights.manager.getManagedArrays().size();
    }

    @Override
    public void close() {
        scheduler.close();
        tokenizer.close();
        core.use.end(core.weights::close);
    }
}
