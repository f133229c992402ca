package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.eval.SaeReport;
import dev.loupe.model.HookPoint;
import dev.loupe.model.SafetensorsFile;
import dev.loupe.model.SafetensorsWriter;
import dev.loupe.model.Taps;
import dev.loupe.model.TensorEntry;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeProvenance;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.StoreManifest;
import dev.loupe.train.SweepPlan;
import dev.loupe.train.TrainConfig;
import dev.loupe.train.TrainTask;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The control that every figure of an SAE should be read beside: the same recipe on a copy of the model whose weights are
 * random (Heap et al., arXiv 2501.17727). Matrices are drawn from a normal distribution with the mean and spread of the
 * trained ones; norms and biases stay. The copy, its store and its SAE are ordinary artifacts named after the originals.
 */
public final class RandomControl {
    private static final String MODEL = "model.safetensors";
    private static final String SUFFIX = ".random";
    private static final long SEED = 17;
    private static final int TRIAL_SEQUENCES = 4;
    private static final Pattern SHARE = Pattern.compile("share ([0-9.eE-]+) .*");

    private final Workspace workspace;
    private final Models models;
    private final Stores stores;
    private final Saes saes;
    private final Sweeps sweeps;
    private final Evaluations evaluations;

    RandomControl(
            Workspace workspace, Models models, Stores stores, Saes saes, Sweeps sweeps, Evaluations evaluations) {
        this.workspace = workspace;
        this.models = models;
        this.stores = stores;
        this.saes = saes;
        this.sweeps = sweeps;
        this.evaluations = evaluations;
    }

    /** The name of the control of anything. */
    public static String name(String original) {
        return original + SUFFIX;
    }

    /** Whether a name is that of a control. */
    public static boolean is(String name) {
        return name.endsWith(SUFFIX);
    }

    /**
     * The control of an SAE that is there already: its own, or that of an SAE with the same recipe on the same store, which
     * differs in nothing but its seed.
     */
    public Optional<String> find(String sae) {
        List<String> all = saes.names();
        if (all.contains(name(sae))) {
            return Optional.of(name(sae));
        }
        if (!all.contains(sae) || all.stream().noneMatch(RandomControl::is)) {
            return Optional.empty();
        }
        SaeProvenance mine = saes.open(sae).provenance();
        String store = mine.store() == null ? "" : name(mine.store());
        return all.stream()
                .filter(RandomControl::is)
                .filter(n -> {
                    SaeProvenance p = saes.open(n).provenance();
                    return store.equals(p.store())
                            && !mine.settings().isEmpty()
                            && mine.settings().equals(p.settings())
                            && Objects.equals(mine.hook(), p.hook());
                })
                .findFirst();
    }

    /** The report of the control of an SAE, if both are there. */
    public Optional<SaeReport> report(String sae) {
        return find(sae).flatMap(evaluations::find);
    }

    /**
     * About how many seconds {@link #run} will take: the capture from a pass over a few sequences, the training from trial
     * steps, the evaluation from that of the SAE itself.
     */
    public double seconds(String name, Progress progress) {
        Sae sae = saes.open(name);
        TrainConfig config = recipe(name, sae);
        try (ActivationStore store = stores.open(saes.store(name))) {
            double seconds = evaluations.report(name).map(SaeReport::seconds).orElse(0.0);
            if (!Workspace.named(workspace.activations(), "store.json").contains(name(store.name()))) {
                seconds += store.rows() * secondsPerToken(sae, store);
            }
            TrainTask trial = new TrainTask(
                    name(name),
                    store.name(),
                    store.fingerprint(),
                    sae.hookName(),
                    "",
                    config,
                    sae.provenance().seed());
            return seconds
                    + SweepPlan.of(stores.folder(store.name()), workspace.saes(), List.of(trial), progress)
                            .seconds();
        }
    }

    private double secondsPerToken(Sae sae, ActivationStore store) {
        int most = Math.min(TRIAL_SEQUENCES, store.sequences().size());
        Taps read = Taps.read(HookPoint.of(sae.hookName()));
        double best = Double.MAX_VALUE;
        for (int s = 0; s < most; s++) {
            int[] tokens = store.sequenceTokens(s);
            long begin = System.nanoTime();
            models.of(sae).forward(new TokenBatch(new int[][] {tokens}), read, Want.NOTHING);
            best = Math.min(best, (System.nanoTime() - begin) / 1e9 / tokens.length);
        }
        return most == 0 ? 0 : best;
    }

    /**
     * Makes what is missing of the control of an SAE, and its report.
     *
     * @throws LoupeException if the SAE was not trained here on a store, or its model is no single file of safetensors
     */
    public SaeReport run(String name, Progress progress) {
        Optional<String> there = find(name);
        if (there.isPresent() && evaluations.isCurrent(there.get())) {
            return evaluations.report(there.get()).orElseThrow();
        }
        Sae sae = saes.open(name);
        TrainConfig config = recipe(name, sae);
        TrainTask task;
        try (ActivationStore store = stores.open(saes.store(name))) {
            StoreManifest.Content content = store.manifest().content();
            String model = randomModel(content.model().id(), progress);
            String copy = name(store.name());
            if (!Workspace.named(workspace.activations(), "store.json").contains(copy)) {
                progress.check();
                stores.capture(capture(copy, model, content, List.of(sae.hookName())), progress);
            }
            task = new TrainTask(
                    name(name),
                    copy,
                    "",
                    sae.hookName(),
                    "",
                    config,
                    sae.provenance().seed());
        }
        sweeps.run(task, progress);
        evaluations.elsewhere(List.of(task.name()), null, null, progress);
        return evaluations.isCurrent(task.name())
                ? evaluations.report(task.name()).orElseThrow()
                : evaluations.run(task.name(), null, progress);
    }

    private static TrainConfig recipe(String name, Sae sae) {
        TrainConfig config;
        try {
            config = dev.loupe.base.Json.MAPPER.convertValue(sae.provenance().settings(), TrainConfig.class);
        } catch (tools.jackson.core.JacksonException e) {
            throw new LoupeException(
                    "The SAE " + name + " does not say how it was trained, so the same recipe cannot be repeated.", e);
        }
        if (sae.isTranscoder() || config == null || config.dSae() != sae.dSae()) {
            throw new LoupeException(
                    "The control on a random model is made for SAEs that Loupe trained; " + name + " is none.");
        }
        return config;
    }

    private CaptureRequest capture(String name, String model, StoreManifest.Content content, List<String> hooks) {
        CaptureRequest request = CaptureRequest.of(
                        name, workspace.activations(), model, content.corpus().spec(), hooks, content.tokens())
                .withJsonField(content.corpus().jsonField())
                .withContext(content.sequence().context())
                .withPrependBos(content.sequence().prependBos())
                .withSeed(content.seed());
        Matcher share = SHARE.matcher(content.corpus().heldOut());
        return share.matches()
                ? request.withHeldOut(share.group(1))
                : request; // else the model's own list, copied along
    }

    /** The random copy of a model in this workspace, made if it is not there. */
    private String randomModel(String id, Progress progress) {
        String name = name(Path.of(id).getFileName().toString());
        Path target = workspace.models().resolve(name);
        if (Files.isDirectory(target)) {
            return name;
        }
        Path folder = models.folder(id);
        if (!Files.isRegularFile(folder.resolve(MODEL))) {
            throw new LoupeException("The control on a random model needs a model of one file " + MODEL + "; " + id
                    + " is stored in another form.");
        }
        AtomicFiles.writeFolder(target, temporary -> {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path f : files.filter(Files::isRegularFile).toList()) {
                    String file = String.valueOf(f.getFileName());
                    if (!file.endsWith(".safetensors")) {
                        Files.copy(f, temporary.resolve(file));
                    }
                }
            }
            randomise(folder.resolve(MODEL), temporary.resolve(MODEL), progress);
        });
        return name;
    }

    private static void randomise(Path from, Path to, Progress progress) {
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(SEED);
        try (SafetensorsFile file = SafetensorsFile.open(from)) {
            SafetensorsWriter writer = new SafetensorsWriter().metadata(file.metadata());
            progress.stage("random weights", file.tensors().size(), "tensors");
            int done = 0;
            for (TensorEntry t : file.tensors().values()) {
                progress.check();
                float[] values = file.floats(t.name());
                if (t.shape().size() > 1) {
                    redraw(values, random);
                }
                writer.add(
                        t.name(),
                        values,
                        t.shape().stream().mapToLong(Long::longValue).toArray());
                progress.advance(++done);
            }
            writer.write(to);
        }
    }

    private static void redraw(float[] values, RandomGenerator random) {
        double sum = 0;
        double squares = 0;
        for (float v : values) {
            sum += v;
            squares += (double) v * v;
        }
        double mean = sum / values.length;
        double spread = Math.sqrt(Math.max(0, squares / values.length - mean * mean));
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian(mean, spread);
        }
    }
}
