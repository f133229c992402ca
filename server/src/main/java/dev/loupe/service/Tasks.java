package dev.loupe.service;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.base.VersionedJson;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.compare.ActivationOverlap;
import dev.loupe.compare.Matching;
import dev.loupe.compare.Overlap;
import dev.loupe.eval.SaeReport;
import dev.loupe.feature.IndexManifest;
import dev.loupe.patch.Circuit;
import dev.loupe.patch.CircuitRequest;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.steer.language.TrialPlan;
import dev.loupe.train.TrainTask;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The kinds of work that a job can be, as values that travel: a kind and a request in JSON. A command runs one in its own
 * process, a server in a child process, a cluster wherever it likes.
 */
public final class Tasks {
    private static final List<String> KINDS = List.of(
            "capture",
            "train",
            "eval",
            "index",
            "compare",
            "seeds",
            "sweep",
            "train-task",
            "languages",
            "diagnose",
            "pull",
            "label",
            "patch",
            "circuit",
            "graph");

    /** So long an evaluation may take for controls that nobody asked for. */
    private static final double CONTROL_SECONDS = 60;

    private Tasks() {}

    /** The names of all kinds. */
    public static List<String> kinds() {
        return KINDS;
    }

    /** Evaluates several SAEs, one after the other. */
    public static EvalResult eval(Workbench bench, EvalSpec spec, Progress progress) {
        fetch(bench, spec.saes(), progress);
        spec.saes().forEach(bench.saes()::folder); // all names are looked at before any work
        bench.evaluations().elsewhere(spec.saes(), spec.store(), spec.text(), progress);
        boolean elsewhere = bench.executors().remote();
        Map<String, SaeReport> reports = new LinkedHashMap<>();
        Map<String, String> controls = new LinkedHashMap<>();
        Map<String, String> missing = new LinkedHashMap<>();
        double left = CONTROL_SECONDS;
        for (String sae : spec.saes()) {
            progress.check();
            reports.put(
                    sae,
                    elsewhere
                            ? bench.evaluations().report(sae).orElseThrow()
                            : bench.evaluations().run(sae, spec.store(), spec.text(), progress));
            RandomControl control = bench.control();
            SaeReport there = control.report(sae).orElse(null);
            if (there == null && spec.randomControl() == null && !RandomControl.is(sae)) {
                String reason = null;
                try {
                    double seconds = control.seconds(sae, progress);
                    if (seconds > left) {
                        reason = "about " + Fmt.duration(Duration.ofSeconds((long) seconds));
                    }
                    left -= seconds > left ? 0 : seconds;
                } catch (CancelledException e) {
                    throw e;
                } catch (LoupeException e) {
                    missing.put(sae, String.valueOf(e.getMessage()));
                    continue;
                }
                if (reason != null) {
                    missing.put(
                            sae,
                            "The control on a random model takes " + reason + ": loupe eval " + sae
                                    + " --random-control.");
                    continue;
                }
            }
            if (there == null && !Boolean.FALSE.equals(spec.randomControl())) {
                there = control.run(sae, progress);
            }
            if (there != null) {
                controls.put(sae, there.sae());
                reports.putIfAbsent(there.sae(), there);
            }
        }
        return new EvalResult(List.copyOf(reports.values()), controls, missing);
    }

    /** Brings SAEs here from where a cluster keeps them, if they are there only. */
    private static void fetch(Workbench bench, List<String> saes, Progress progress) {
        saes.forEach(s -> bench.executors().fetch(bench.workspace().saes().resolve(Names.check(s)), progress));
    }

    /** Indexes several SAEs, one after the other. */
    public static List<IndexManifest> index(Workbench bench, IndexSpec spec, Progress progress) {
        fetch(bench, spec.saes(), progress);
        spec.saes().forEach(bench.saes()::folder);
        List<IndexManifest> all = new ArrayList<>();
        for (String sae : spec.saes()) {
            progress.check();
            all.add(bench.features().build(sae, spec, progress));
            if (Boolean.TRUE.equals(spec.control())) {
                bench.controls().make(sae, progress);
            }
        }
        return all;
    }

    /**
     * Does the work of a file with {@code kind} and {@code request}. Where the file is the {@code request.json} of a job
     * of this workspace, that job is the one that runs; otherwise a new one.
     */
    public static Object runFile(Workbench bench, Path file, Progress progress) {
        JsonNode task = VersionedJson.tree(file, "task in " + file.getFileName());
        String kind = task.path("kind").asString("");
        JsonNode request = task.path("request");
        title(kind, request);
        Path folder = file.toAbsolutePath().normalize().getParent();
        boolean job = folder != null
                && bench.workspace().jobs().equals(folder.getParent())
                && JobWriter.REQUEST.equals(String.valueOf(file.getFileName()));
        String command = "loupe task (" + kind + ")";
        try (MDC.MDCCloseable ignored =
                RequestId.working(task.path("request_id").asString(null))) { // who asked, in the log of this process
            return job && folder != null
                    ? bench.jobs().run(folder, command, progress, p -> run(bench, kind, request, p))
                    : bench.jobs().run(kind, request, command, progress, p -> run(bench, kind, request, p));
        }
    }

    /** The figures of a matching that scripts rely on. */
    public static Map<String, Object> summary(Matching m) {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("a", m.a());
        s.put("b", m.b());
        s.put("shared", m.shared());
        s.put("orphans_a", m.orphansA());
        s.put("orphans_b", m.orphansB());
        s.put("threshold", m.threshold());
        s.put("gap", m.gap());
        s.put("mmcs_ab", m.mmcsAb());
        s.put("mmcs_ba", m.mmcsBa());
        s.put("pw_mcc", m.pwMcc());
        s.put("agreement", m.agreement());
        s.put("notes", m.notes());
        return s;
    }

    /** The figures of what matched latents do. */
    public static Map<String, Object> summary(ActivationOverlap o) {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("store", o.store());
        s.put("tokens", o.tokens());
        s.put("alive_a", o.aliveA());
        s.put("alive_b", o.aliveB());
        s.put("mean_correlation", o.meanCorrelation());
        s.put("mean_correlation_shared", o.meanCorrelationShared());
        s.put("mean_jaccard", o.meanJaccard());
        s.put("mean_jaccard_shared", o.meanJaccardShared());
        s.put("cka", o.cka());
        s.put("cka_tokens", o.ckaTokens());
        return s;
    }

    /** The figures of several SAEs together. */
    public static Map<String, Object> summary(Overlap o) {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("saes", o.saes());
        s.put("threshold", o.threshold());
        s.put("histogram", o.histogram());
        s.put("only_one", o.onlyOne());
        s.put("transitivity", o.transitivity());
        return s;
    }

    /** Does one piece of work; the result is what the command of that name prints. */
    static Object run(Workbench bench, String kind, JsonNode request, Progress progress) {
        return switch (kind) {
            case "capture" -> bench.stores().capture(capture(bench.workspace().activations(), request), progress);
            case "train" -> bench.training().run(read(request, TrainSpec.class, kind), progress);
            case "eval" ->
                Map.of(
                        "saes",
                        eval(bench, read(saes(request), EvalSpec.class, kind), progress)
                                .summary());
            case "index" -> Map.of("indexes", index(bench, read(saes(request), IndexSpec.class, kind), progress));
            case "compare" -> summary(bench.compare().run(read(request, CompareSpec.class, kind), progress));
            case "seeds" -> bench.seeds().run(read(request, SeedsSpec.class, kind), progress);
            case "languages" -> bench.languages().run(read(request, TrialPlan.class, kind), progress);
            case "diagnose" -> bench.diagnose().run(read(request, DiagnoseSpec.class, kind), progress);
            case "sweep" -> bench.sweeps().run(read(request, SweepSpec.class, kind), progress);
            case "train-task" -> bench.sweeps().run(read(request, TrainTask.class, kind), progress);
            case "patch" ->
                summary(bench.patch()
                        .run(new PatchJob(read(request, PatchRequest.class, kind, "name"), name(request)), progress));
            case "circuit" ->
                summary(bench.circuits()
                        .run(
                                new CircuitJob(read(request, CircuitRequest.class, kind, "name"), name(request)),
                                progress));
            case "pull" ->
                bench.models().pull(read(request, PullSpec.class, kind).source(), progress);
            case "label" -> bench.prose().explain(read(request, LabelSpec.class, kind), progress);
            case "graph" -> bench.graphs().run(read(request, GraphSpec.class, kind), progress);
            default -> throw unknown(kind);
        };
    }

    /**
     * One line for people about a request, which is looked at closely enough to refuse nonsense before a process starts.
     *
     * @throws UsageException if there is no such kind, or the request is not one of that kind
     */
    static String title(String kind, JsonNode request) {
        if (!KINDS.contains(kind)) {
            throw unknown(kind);
        }
        if (!request.isObject()) {
            throw new UsageException("The request of a job of kind " + kind + " must be a JSON object.");
        }
        return switch (kind) {
            case "capture", "train" -> {
                String name = Names.check(request.path("name").asString(""));
                if (kind.equals("train")) {
                    read(request, TrainSpec.class, kind);
                } else {
                    capture(Path.of("."), request);
                }
                yield (kind.equals("capture") ? "Capture " : "Train ") + name;
            }
            case "compare" -> {
                CompareSpec spec = read(request, CompareSpec.class, kind);
                yield "Compare " + Names.check(spec.a()) + " and " + Names.check(spec.b());
            }
            case "seeds" -> "Seeds " + read(request, SeedsSpec.class, kind).name();
            case "languages" ->
                "Languages " + Names.check(read(request, TrialPlan.class, kind).name());
            case "sweep" -> {
                request.propertyNames().forEach(key -> SweepSpec.checkKeys(List.of(key)));
                yield "Sweep " + read(request, SweepSpec.class, kind).name();
            }
            case "diagnose" -> {
                List<String> ids = read(request, DiagnoseSpec.class, kind).diagnostics();
                yield "Diagnose: " + (ids.isEmpty() ? "everything" : String.join(", ", ids));
            }
            case "patch" -> {
                name(request);
                PatchRequest r = read(request, PatchRequest.class, kind, "name");
                r.check();
                yield "Patch " + what(r);
            }
            case "circuit" -> {
                name(request);
                CircuitRequest r = read(request, CircuitRequest.class, kind, "name");
                r.check();
                yield "Circuit of " + what(r.patch());
            }
            case "train-task" -> "Train " + read(request, TrainTask.class, kind).name();
            case "label" ->
                "Label features of "
                        + Names.check(read(request, LabelSpec.class, kind).sae());
            case "graph" -> "Graph " + read(request, GraphSpec.class, kind).name();
            case "pull" -> "Pull " + read(request, PullSpec.class, kind).source();
            default -> {
                List<String> names = StreamSupport.stream(
                                saes(request).path("saes").spliterator(), false)
                        .map(n -> Names.check(n.asString("")))
                        .toList();
                if (names.isEmpty()) {
                    throw new UsageException("The request of a job of kind " + kind + " names no SAE: send {\"saes\":"
                            + " [\"NAME\"]}.");
                }
                String what = names.size() == 1 ? names.get(0) : names.size() + " SAEs";
                Class<? extends Record> spec = kind.equals("eval") ? EvalSpec.class : IndexSpec.class;
                read(saes(request), spec, kind);
                yield (kind.equals("eval") ? "Evaluate " : "Index ") + what;
            }
        };
    }

    private static @Nullable String name(JsonNode request) {
        String name = request.path("name").asString("");
        return name.isEmpty() ? null : Names.check(name);
    }

    /** What a request is about, without its texts. */
    private static String what(PatchRequest r) {
        return r.task() != null
                ? r.task()
                : r.named().size() == 1 ? "one pair" : r.named().size() + " pairs";
    }

    /** The figures of a patching result; all of it lies where {@code id} says. */
    public static Map<String, Object> summary(PatchResult r) {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("id", r.id());
        s.put("clean_difference", r.cleanDifference());
        s.put("corrupt_difference", r.corruptDifference());
        s.put("clean_metric", r.cleanMetric());
        s.put("corrupt_metric", r.corruptMetric());
        s.put("unit", r.unit());
        s.put("pairs", r.pairs().size());
        s.put("agreement", r.agreement());
        s.put("notes", r.notes());
        s.put("seconds", r.seconds());
        return s;
    }

    /** The figures of a circuit; all of it lies where {@code id} says. */
    public static Map<String, Object> summary(Circuit c) {
        Map<String, Object> s = new LinkedHashMap<>();
        s.put("id", c.id());
        s.put("nodes", c.nodes().size());
        s.put("edges", c.edges().size());
        s.put("whole", c.whole());
        s.put("empty", c.empty());
        s.put("curves", c.curves());
        s.put("seconds", c.seconds());
        return s;
    }

    /** {@code {"sae": "x"}} does as well as {@code {"saes": ["x"]}}. */
    private static JsonNode saes(JsonNode request) {
        if (request.has("saes") || !request.has("sae")) {
            return request;
        }
        ObjectNode copy = (ObjectNode) request.deepCopy();
        copy.remove("sae");
        copy.putArray("saes").add(request.path("sae").asString(""));
        return copy;
    }

    private static CaptureRequest capture(Path stores, JsonNode request) {
        ObjectNode copy = (ObjectNode) request.deepCopy();
        copy.put("stores_dir", stores.toString());
        if (!copy.has("model")) {
            copy.put("model", Models.BUILTIN);
        }
        return read(copy, CaptureRequest.class, "capture");
    }

    private static <T> T read(JsonNode request, Class<T> type, String kind, String... also) {
        try {
            return Requests.read(request, type, also);
        } catch (JacksonException e) {
            Throwable cause = e.getCause();
            if (cause instanceof UsageException u) {
                throw u;
            }
            throw new UsageException(
                    "This is not the request of a job of kind " + kind + ": " + e.getOriginalMessage() + ".");
        }
    }

    private static UsageException unknown(String kind) {
        return new UsageException("There is no job \"" + kind + "\"; use " + String.join(", ", KINDS) + ".");
    }
}
