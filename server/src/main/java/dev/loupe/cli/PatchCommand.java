package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.base.UsageException;
import dev.loupe.patch.PairFiles;
import dev.loupe.patch.PatchPlan;
import dev.loupe.patch.PatchRequest;
import dev.loupe.patch.PatchResult;
import dev.loupe.patch.task.PatchPair;
import dev.loupe.patch.task.TaskScore;
import dev.loupe.service.Rerun;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Patches a prompt pair. */
@Command(
        name = "patch",
        description = "Finds which places of the model caused an answer, from a pair of prompts of equal length.")
final class PatchCommand extends LoupeCommand {
    @Mixin
    private ModelChoice model = new ModelChoice();

    @Option(names = "--clean", paramLabel = "T", description = "The prompt that shows the behaviour.")
    private String clean = "";

    @Option(names = "--corrupt", paramLabel = "T", description = "Its counterpart, of as many tokens.")
    private String corrupt = "";

    @Option(
            names = "--answer",
            paramLabel = "T",
            description = "The token that follows the clean prompt, with its space; several make a set.")
    private List<String> answers = List.of();

    @Option(
            names = "--wrong",
            paramLabel = "T",
            description = "The token that follows the corrupted prompt; several make a set.")
    private List<String> wrongs = List.of();

    @Option(
            names = "--pairs-file",
            paramLabel = "FILE",
            description = "Prompt pairs: CSV with the columns clean, corrupt, answer, wrong, or JSON lines.")
    private @Nullable Path file;

    @Option(names = "--task", paramLabel = "NAME", description = "Pairs of a task of the library (see --tasks).")
    private @Nullable String task;

    @Option(names = "--task-pairs", paramLabel = "N", description = "How many pairs of the task (default: 8).")
    private int taskPairs = 8;

    @Option(names = "--tasks", description = "Show the tasks and how well the model does them; patch nothing.")
    private boolean tasks;

    @Option(names = "--only-correct", description = "Leave out pairs that the model gets wrong.")
    private boolean onlyCorrect;

    @Option(names = "--estimate", description = "Show what it would cost; patch nothing.")
    private boolean estimate;

    @Option(names = "--memory", paramLabel = "MIB", description = "Memory for activations of a batch (default: 1024).")
    private int memory = 1024;

    @Option(
            names = "--method",
            paramLabel = "M",
            description = "relp, atp, ap, ig, atp_qk, atp_drop or atp_star (default: relp).")
    private String method = "relp";

    @Option(
            names = "--metric",
            paramLabel = "M",
            description = "difference, normalised, logprob, probability or kl (default: difference).")
    private String metric = "difference";

    @Option(
            names = "--rules",
            split = ",",
            paramLabel = "R",
            description =
                    "Relevance rules of relp: ln, identity, half, ah, soft or soft:T (default:" + " ln,identity,half).")
    private List<String> rules = PatchRequest.DEFAULT_RULES;

    @Option(
            names = "--sites",
            split = ",",
            paramLabel = "S",
            description =
                    "resid_pre, resid_mid, resid_post, attn_out, mlp_out, q, k, v, z, z_pos, neurons, sae:NAME, error:NAME (default:"
                            + " resid_pre,attn_out,mlp_out).")
    private List<String> sites = PatchRequest.DEFAULT_SITES;

    @Option(names = "--steps", paramLabel = "N", description = "Points on the way for ig (default: 16).")
    private int steps = 16;

    private @Nullable Boolean prependBos;

    @Option(
            names = "--prepend-bos",
            negatable = true,
            description = "Whether BOS stands in front (default: yes if the model has one).")
    private void prependBos(boolean value) {
        prependBos = value;
    }

    @Option(
            names = "--verify",
            paramLabel = "N",
            description = "Check the N largest cells, and N random ones, by exact patching; -1 all (default: 0).")
    private int verify;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the choice of cells to verify (default: 0).")
    private long seed;

    @Option(names = "--save", paramLabel = "NAME", description = "Keep the result under this name.")
    private @Nullable String save;

    @Option(names = "--open", paramLabel = "NAME", description = "Show a saved result instead of computing one.")
    private @Nullable String open;

    @Option(
            names = "--rerun",
            paramLabel = "NAME",
            description = "Compute a saved result again from its own manifest, and say whether every bit is the same.")
    private @Nullable String rerun;

    @Override
    void run(Session session) {
        if (rerun != null) {
            String name = rerun;
            Rerun r = session.shown(p -> session.workbench().patch().rerun(name, p));
            session.result(r, () -> RerunPrinter.print(session, r));
            return;
        }
        if (open != null) {
            PatchResult saved = session.workbench().patch().get(open);
            session.result(json(saved), () -> print(session, saved));
            return;
        }
        session.fetch(model.name());
        if (tasks) {
            List<TaskScore> scores =
                    session.shown(p -> session.workbench().patch().tasks(model.reference(), p));
            session.result(Map.of("model", model.reference(), "tasks", scores), () -> print(session, scores));
            return;
        }
        PatchRequest request = request();
        if (estimate) {
            PatchPlan plan = session.shown(p -> session.workbench().patch().plan(request, p));
            session.result(plan, () -> print(session, plan));
            return;
        }
        PatchResult computed = session.shown(p -> session.workbench().patch().run(request, p));
        PatchResult result =
                save == null ? computed : session.workbench().patch().save(computed, save);
        session.result(json(result), () -> print(session, result));
    }

    private PatchRequest request() {
        List<PatchPair> pairs = file == null ? List.of() : PairFiles.read(file);
        if (clean.isEmpty() && corrupt.isEmpty() && pairs.isEmpty() && task == null) {
            throw new UsageException("There is nothing to patch: give --clean and --corrupt, --pairs-file or --task.");
        }
        return new PatchRequest(
                model.reference(),
                clean,
                corrupt,
                null,
                null,
                method,
                metric,
                rules,
                sites,
                steps,
                prependBos,
                verify,
                seed,
                answers,
                wrongs,
                pairs,
                task,
                taskPairs,
                memory,
                onlyCorrect);
    }

    private static void print(Session session, List<TaskScore> scores) {
        Table table = new Table("task", "pairs", "accuracy", "difference", "", "example");
        for (TaskScore t : scores) {
            table.row(
                    t.name(),
                    t.pairs(),
                    String.format(Locale.ROOT, "%.2f", t.accuracy()),
                    String.format(Locale.ROOT, "%.2f", t.meanDifference()),
                    t.usable() ? "usable" : t.reason(),
                    t.example());
        }
        table.print(session.out);
    }

    private static void print(Session session, PatchPlan plan) {
        session.out.printf(
                Locale.ROOT,
                "%d pairs of %d tokens, %d cells: %d forwards, %d backwards, %d exact runs; %s a batch, about %.1f s%n",
                plan.pairs(),
                plan.positions(),
                plan.cells(),
                plan.forwards(),
                plan.backwards(),
                plan.exactRuns(),
                Fmt.bytes(plan.memoryBytes()),
                plan.seconds());
        if (!plan.memoryWords().isEmpty()) {
            session.out.println(plan.memoryWords());
        }
    }

    private static Map<String, Object> json(PatchResult r) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("clean_difference", r.cleanDifference());
        json.put("corrupt_difference", r.corruptDifference());
        json.put("clean_metric", r.cleanMetric());
        json.put("corrupt_metric", r.corruptMetric());
        json.put("unit", r.unit());
        json.put("clean_tokens", r.cleanTokens());
        json.put("corrupt_tokens", r.corruptTokens());
        json.put("grids", r.grids());
        json.put("axes", r.axes());
        json.put("nodes", r.nodes());
        json.put("verified", r.verified());
        json.put("agreement", r.agreement());
        json.put("pairs", r.pairs());
        json.put("notes", r.notes());
        json.put("seconds", r.seconds());
        return json;
    }

    private static void print(Session session, PatchResult r) {
        session.out.printf(
                Locale.ROOT,
                "metric: clean %.4f, corrupt %.4f (%s)%s%n",
                r.cleanMetric(),
                r.corruptMetric(),
                r.unit(),
                r.pairs().size() > 1 ? ", means over " + r.pairs().size() + " pairs" : "");
        r.notes().forEach(session.out::println);
        r.grids().forEach((site, grid) -> {
            session.out.println();
            PatchResult.Axes axes = r.axes().get(site);
            boolean positions = axes != null && axes.columns().startsWith("position");
            List<String> head = new ArrayList<>(List.of(site));
            for (int c = 0; grid.length > 0 && c < grid[0].length; c++) {
                head.add(
                        positions && c < r.cleanTokens().size()
                                ? r.cleanTokens().get(c).replace("\n", "\\n")
                                : Integer.toString(c));
            }
            Table table = new Table(head.toArray(String[]::new));
            for (int l = 0; l < grid.length; l++) {
                Object[] row = new Object[head.size()];
                row[0] = "layer " + (axes != null && l < axes.layers().length ? axes.layers()[l] : l)
                        + (axes == null || axes.heads() == null ? "" : " head " + axes.heads()[l]);
                for (int c = 0; c + 1 < row.length; c++) {
                    row[c + 1] = String.format(Locale.ROOT, "%.3f", grid[l][c]);
                }
                table.row(row);
            }
            table.print(session.out);
        });
        r.agreement()
                .forEach((site, a) -> session.out.printf(
                        Locale.ROOT,
                        "%s against exact patching, %d cells: Pearson %.3f, Spearman %.3f, slope %.3f; without the"
                                + " largest %.3f%n",
                        site,
                        a.cells(),
                        a.pearson(),
                        a.spearman(),
                        a.slope(),
                        a.withoutTop() == null ? null : a.withoutTop().pearson()));
        r.nodes().stream()
                .limit(10)
                .forEach(n -> session.out.printf(
                        Locale.ROOT, "%s layer %d #%d: %.4f%n", n.site(), n.layer(), n.index(), n.score()));
    }
}
