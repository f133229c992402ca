package dev.loupe.cli;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Nearest;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.service.SweepResult;
import dev.loupe.service.SweepSpec;
import dev.loupe.service.Sweeps;
import dev.loupe.service.TensorBoard;
import dev.loupe.service.Views;
import dev.loupe.train.SweepPlan;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;

/** Trains many SAEs together. */
@Command(
        name = "sweep",
        description =
                "Trains every combination of hook points, architectures, widths, sparsities, seeds and varied settings"
                        + " together, reading the data once, and prints which are best at each hook point. Continues where"
                        + " it was stopped.",
        footer = {
            "",
            "The file holds, for example:",
            "  name: widths",
            "  store: demo",
            "  arch: [topk, jumprelu]",
            "  d_sae: [512, 2048]",
            "  k: [16, 32]          # L0; the target of architectures that do not choose k",
            "  seeds: 0..2",
            "  tokens: 2M           # or steps",
            "  set: {batch: 1024}   # settings of the training, as in --set",
            "  vary: {learning_rate: [0.001, 0.0003]}",
            "",
            "Several hook points of the store in one stream, as a list or a pattern; each has its own SAEs and its own front:",
            "  hook: [blocks.1.hook_resid_post, blocks.2.hook_resid_post]",
            "With hook_out they are transcoders, and every combination is a transcoder set:",
            "  hook: blocks.*.hook_mlp_in",
            "  hook_out: blocks.*.hook_mlp_out",
            "Straight from a model, whose passes serve all hook points; nothing is stored:",
            "  store: none",
            "  live: {model: builtin, text: builtin:europarl, context: 128, held_out: 0.1}",
            "  eval_store: demo     # where to measure; without it the figures are of the last batch"
        })
final class SweepCommand extends LoupeCommand {
    /** What a sweep says about rows that come from a model. */
    private static final List<String> LIVE =
            List.of("model", "text", "json_field", "context", "prepend_bos", "held_out", "rules");

    @Mixin
    private ClusterChoice where = new ClusterChoice();

    @Parameters(paramLabel = "F.yaml", description = "What to train.")
    private Path file = Path.of("");

    @Option(
            names = "--tensorboard",
            paramLabel = "DIR",
            description = "Also write the live curves there as TensorBoard event files.")
    private @Nullable Path tensorboard;

    @Option(names = "--plan", description = "Only say what it will take.")
    private boolean planOnly;

    @Override
    void run(Session session) {
        session.on(where);
        SweepSpec spec = spec(Yaml.tree(file));
        session.bring(spec.store());
        session.workbench().sweeps().tasks(spec); // refused before a job is written down
        if (planOnly) {
            SweepPlan plan = session.shown(p -> session.workbench().sweeps().plan(spec, p));
            session.result(plan, () -> session.out.println(Sweeps.sentence(plan)));
            return;
        }
        SweepResult r = session.job("sweep", spec, (Progress p) -> swept(session, spec, p));
        session.result(r, () -> {
            r.byPlace().forEach((place, rows) -> {
                if (r.byPlace().size() > 1) {
                    session.out.println(place);
                }
                table(rows).print(session.out);
            });
            session.out.println(
                    r.byPlace().size() > 1
                            ? "* : no SAE of the sweep at this hook point has a lower L0 and a lower value."
                            : "* : no SAE of the sweep has a lower L0 and a lower value.");
            r.notes().forEach(session.out::println);
        });
        if (r.failed() > 0) {
            throw new LoupeException(r.failed() + " of " + r.rows().size() + " SAEs could not be trained; the first: "
                    + r.rows().stream()
                            .map(SweepResult.Row::failure)
                            .filter(java.util.Objects::nonNull)
                            .findFirst()
                            .orElse(""));
        }
    }

    private SweepResult swept(Session session, SweepSpec spec, Progress progress) {
        if (tensorboard == null) {
            return session.workbench().sweeps().run(spec, progress);
        }
        try (TensorBoard board = new TensorBoard(tensorboard)) {
            return session.workbench().sweeps().run(spec, board.beside(progress));
        }
    }

    /** What a file says, with {@code seeds: 0..2} and {@code tokens: 2M} as on the command line. */
    static SweepSpec spec(Map<String, Object> tree) {
        SweepSpec.checkKeys(tree.keySet());
        if (tree.get("seeds") instanceof String s) {
            tree.put("seeds", TrainCommand.seeds(s));
        }
        if (tree.get("tokens") instanceof String s) {
            tree.put("tokens", SeedsCommand.count(s));
        }
        for (String key : List.of("hook", "hook_out")) {
            if (tree.get(key) instanceof List<?> names) {
                tree.put(
                        key,
                        String.join(",", names.stream().map(String::valueOf).toList()));
            }
        }
        if (tree.get("live") instanceof Map<?, ?> live) {
            for (Object key : live.keySet()) {
                if (!LIVE.contains(String.valueOf(key))) {
                    throw new UsageException("live has no \"" + key + "\"; did you mean "
                            + Nearest.to(String.valueOf(key), LIVE) + "? It has " + String.join(", ", LIVE) + ".");
                }
            }
        }
        if (tree.get("set") instanceof Map<?, ?> set) {
            tree.put("set", Yaml.flat(set));
        }
        if (tree.get("vary") instanceof Map<?, ?> vary) {
            Map<String, Object> flat = Yaml.flat(vary);
            flat.replaceAll((k, v) -> v instanceof List ? v : List.of(v));
            tree.put("vary", flat);
        }
        try {
            return Views.JSON.convertValue(tree, SweepSpec.class);
        } catch (JacksonException e) {
            if (e.getCause() instanceof UsageException u) {
                throw u;
            }
            throw new UsageException("The sweep cannot be read (" + e.getOriginalMessage() + ").");
        }
    }

    private static Table table(List<SweepResult.Row> rows) {
        Table table = new Table("SAE", "L0", "FVU", "", "delta CE", "", "recovered", "dead %", "");
        for (SweepResult.Row row : rows) {
            table.row(
                    row.sae(),
                    number("%.1f", row.l0()),
                    number("%.4f", row.fvu()),
                    row.bestFvu() ? "*" : "",
                    number("%.4f", row.deltaCe()),
                    row.bestDeltaCe() ? "*" : "",
                    number("%.3f", row.lossRecovered()),
                    row.deadFraction() == null ? "-" : number("%.1f", 100 * row.deadFraction()),
                    row.failure() == null ? "" : "failed");
        }
        return table;
    }

    private static String number(String format, @Nullable Double value) {
        return value == null ? "-" : EvalCommand.number(format, value);
    }
}
