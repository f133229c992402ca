package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.Nearest;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.cluster.Executors;
import dev.loupe.model.HookInfo;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.Shuffle;
import dev.loupe.train.ClusterTraining;
import dev.loupe.train.Method;
import dev.loupe.train.MethodSettings;
import dev.loupe.train.Places;
import dev.loupe.train.TrainConfig;
import dev.loupe.train.TrainGroup;
import dev.loupe.train.TrainJob;
import dev.loupe.train.TrainPreset;
import dev.loupe.train.TrainRequest;
import dev.loupe.train.TrainResult;
import dev.loupe.train.TrainTask;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Training SAEs on a store or straight from a model. */
public final class Trainings {
    /** The recipes aim at this many active latents; fewer latents than that need a target of their own. */
    private static final int LEAST_PRESET_WIDTH = 64;

    private final Workspace workspace;
    private final Stores stores;
    private final Models models;

    private final Executors executors;

    Trainings(Workspace workspace, Stores stores, Models models, Executors executors) {
        this.workspace = workspace;
        this.stores = stores;
        this.models = models;
        this.executors = executors;
    }

    /** Trains one SAE per seed; those that are there already, complete and with the same settings, are kept. */
    public TrainSummary run(TrainSpec spec, Progress progress) {
        fetch(spec.store(), progress);
        TrainRequest request = request(spec);
        if (request.rows() instanceof TrainRequest.Rows.Live live) {
            models.fetch(live.capture().model(), progress);
        }
        return executors.remote()
                ? elsewhere(request, spec, progress)
                : TrainSummary.of(TrainJob.run(request, progress));
    }

    /** Brings a store here from where a cluster keeps it, if it is there only. */
    public void fetch(@Nullable String store, Progress progress) {
        if (store != null && !store.equals(TrainSpec.NO_STORE)) {
            executors.fetch(workspace.activations().resolve(Names.check(store)), progress);
        }
    }

    /** Seeds on a cluster, each as it would be trained here. */
    private TrainSummary elsewhere(TrainRequest request, TrainSpec spec, Progress progress) {
        if (!(request.rows() instanceof TrainRequest.Rows.Stored stored)
                || stored.shuffle() != Shuffle.FULL
                || Places.several(request.hook())) {
            throw new UsageException(
                    "A cluster trains SAEs on the rows of a store, in the full shuffle, at one hook point:"
                            + " leave --on out for this training.");
        }
        List<TrainTask> tasks;
        try (ActivationStore store = ActivationStore.open(stored.folder())) {
            String hook = request.hook().isEmpty() ? Sweeps.only(store) : request.hook();
            tasks = request.seeds().stream()
                    .map(seed -> new TrainTask(
                            request.nameOf(seed),
                            spec.store(),
                            store.fingerprint(),
                            hook,
                            request.hookOut(),
                            request.config(),
                            seed))
                    .toList();
        }
        List<TrainResult> results = new ArrayList<>();
        for (TrainGroup.Outcome o : elsewhere(stored.folder(), tasks, progress)) {
            if (o.result() == null) {
                throw new LoupeException(String.valueOf(o.failure()));
            }
            results.add(o.result());
        }
        return TrainSummary.of(results);
    }

    /** Trains on a cluster what is not there, and leaves it where the cluster keeps it. */
    List<TrainGroup.Outcome> elsewhere(Path store, List<TrainTask> tasks, Progress progress) {
        List<Path> saes =
                tasks.stream().map(t -> workspace.saes().resolve(t.name())).toList();
        try (Executors.Claim claim = executors.claim(saes, progress)) {
            saes.forEach(folder -> executors.fetch(folder, progress));
            List<TrainGroup.Outcome> outcomes =
                    ClusterTraining.run(store, workspace.saes(), tasks, executors.get(progress), progress);
            for (TrainGroup.Outcome o : outcomes) {
                if (o.result() != null) {
                    executors.keep(o.result().folder(), progress);
                }
            }
            return outcomes;
        }
    }

    /**
     * The request that a spec comes to.
     *
     * @throws UsageException if it cannot be trained, in one sentence
     */
    public TrainRequest request(TrainSpec spec) {
        TrainConfig config = config(spec);
        begin(config.initFrom());
        return new TrainRequest(
                spec.name(),
                rows(spec),
                workspace.saes(),
                spec.hook() == null ? "" : spec.hook(),
                spec.hookOut() == null ? "" : spec.hookOut(),
                config,
                spec.seeds().isEmpty() ? List.of(0L) : spec.seeds());
    }

    /** Refuses to begin with the weights of an SAE that is not there. */
    private void begin(String from) {
        if (from.isEmpty()
                || Files.isDirectory(workspace.saes().resolve(from))
                || Files.isDirectory(workspace.saes().resolve(TranscoderSet.nameOf(from, 0)))) {
            return;
        }
        List<String> names = Workspace.named(workspace.saes(), Saes.CONFIG);
        throw new NotFoundException("There is no SAE \"" + from + "\" whose weights a training could begin with; "
                + (names.isEmpty() ? "there is none yet." : "did you mean " + Nearest.to(from, names) + "?"));
    }

    /** Gets a model that is on a hub only. */
    void fetch(@Nullable LiveSpec live, Progress progress) {
        if (live != null) {
            models.fetch(live.model() == null ? Models.BUILTIN : live.model(), progress);
        }
    }

    /** The hook points that SAEs can be at: a store's, or those of the model that gives the rows. */
    List<String> hooks(String store, @Nullable LiveSpec live) {
        if (live != null) {
            return models.hooks(live.model() == null ? Models.BUILTIN : live.model(), Progress.silent()).stream()
                    .map(HookInfo::name)
                    .toList();
        }
        try (ActivationStore s = stores.open(store)) {
            return s.hooks();
        }
    }

    TrainRequest.Rows rows(TrainSpec spec) {
        LiveSpec live = spec.live();
        if (live == null) {
            Shuffle shuffle = spec.shuffle() == null ? Shuffle.FULL : Shuffle.of(spec.shuffle());
            return new TrainRequest.Rows.Stored(stores.folder(spec.store()), shuffle);
        }
        String model = live.model() == null ? Models.BUILTIN : live.model();
        List<String> hooks = new ArrayList<>();
        hooks.addAll(Places.captured(String.valueOf(spec.hook())));
        if (spec.hookOut() != null) {
            hooks.addAll(Places.captured(spec.hookOut()));
        }
        CaptureRequest capture = new CaptureRequest(
                TrainSpec.NO_STORE,
                workspace.activations(),
                model,
                live.text(),
                live.jsonField() == null ? "" : live.jsonField(),
                hooks,
                1,
                live.context() == null ? 0 : live.context(),
                live.prependBos(),
                "",
                live.heldOut() == null ? "" : live.heldOut(),
                0,
                live.rules());
        return new TrainRequest.Rows.Live(capture, () -> models.open(model));
    }

    static TrainConfig config(TrainSpec spec) {
        Method method = Method.of(spec.arch());
        Map<String, Object> changes = new LinkedHashMap<>();
        if (spec.k() != null) {
            if (!method.choosesK()) {
                throw new UsageException(
                        "k is a setting of topk, batchtopk and matryoshka; " + method.id() + " takes an L0 target.");
            }
            changes.put("k", spec.k());
        }
        if (spec.l0Target() != null) {
            if (method.choosesK()) {
                throw new UsageException("An L0 target is no setting of " + method.id() + ", which takes k.");
            }
            changes.put("l0_target", spec.l0Target());
        }
        if (spec.l1() != null) {
            if (!method.paysForActivations()) {
                throw new UsageException("l1 is a setting of relu, panneal and gated.");
            }
            changes.put("l1", spec.l1());
            if (spec.l0Target() == null) {
                changes.put("l0_target", 0); // a weight that was asked for is not steered away
            }
        }
        TrainConfig base = TrainPreset.of(spec.preset() == null ? "demo" : spec.preset())
                .config(method, Math.max(LEAST_PRESET_WIDTH, spec.dSae()));
        if (spec.dSae() < LEAST_PRESET_WIDTH) {
            changes.put("d_sae", spec.dSae());
        }
        if (spec.steps() != null) {
            changes.put("steps", spec.steps());
        }
        if (spec.hookOut() != null) { // as EleutherAI's sparsify: no pre-bias, a free decoder that starts at zero
            if (spec.hook() == null) {
                throw new UsageException("A transcoder needs both hook points: name the one that it reads, too.");
            }
            changes.put("apply_b_dec_to_input", false);
            if (method != Method.GATED) {
                changes.put("decoder", "free");
                changes.put("decoder_norm", 0);
            }
        }
        if (spec.hookOut() == null && spec.hook() != null && Places.several(spec.hook())) {
            changes.put("apply_b_dec_to_input", false); // a crosscoder, as published
            if (method.paysForActivations() && method != Method.GATED) {
                changes.put("decoder", "free"); // its penalty is on the norms at the places
            }
        }
        once(spec);
        changes.putAll(spec.set());
        boolean fixed = method.paysForActivations() && spec.set().containsKey("l1")
                || method == Method.JUMPRELU && spec.set().containsKey("l0_coefficient");
        if (fixed && spec.l0Target() == null && !spec.set().containsKey("l0_target")) {
            changes.put("l0_target", 0); // a weight that was asked for is not steered away
        }
        if (spec.tokens() != null) {
            int batch = changes.get("batch") instanceof Number n ? n.intValue() : base.batch();
            changes.put("steps", Math.ceilDiv(spec.tokens(), Math.max(1, batch)));
        }
        TrainConfig config = changes.isEmpty() ? base : base.with(changes);
        MethodSettings.check(base, config, spec.set().keySet());
        return config;
    }

    /** Refuses what is said twice and differently: by itself and under {@code set}. */
    private static void once(TrainSpec spec) {
        twice("d_sae", spec.dSae(), spec);
        twice("k", spec.k(), spec);
        twice("l0_target", spec.l0Target(), spec);
        twice("l1", spec.l1(), spec);
        twice("steps", spec.steps(), spec);
        if (spec.tokens() != null && spec.set().containsKey("steps")) {
            throw new UsageException("Give steps or tokens, not both.");
        }
    }

    private static void twice(String name, @Nullable Number value, TrainSpec spec) {
        Object other = spec.set().get(name);
        if (value == null || other == null) {
            return;
        }
        if (!(other instanceof Number n) || n.doubleValue() != value.doubleValue()) {
            throw new UsageException(
                    "The setting " + name + " is given twice, as " + value + " and as " + other + ": leave one out.");
        }
    }
}
