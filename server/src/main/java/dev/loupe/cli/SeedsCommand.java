package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.compare.SeedStatistics.Interval;
import dev.loupe.service.SeedExperiment;
import dev.loupe.service.SeedExperiment.CellResult;
import dev.loupe.service.SeedExperiment.Trend;
import dev.loupe.service.SeedsSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains the same SAE from several seeds and reports what they share. */
@Command(
        name = "seeds",
        description =
                "Trains SAEs that differ in their seed only, matches every pair and reports what they share against"
                        + " tokens, width, k and architecture. The first value of each list is the base; every other one is"
                        + " varied alone. Continues where it was stopped.")
final class SeedsCommand extends LoupeCommand {
    @Mixin
    private ClusterChoice where = new ClusterChoice();

    @Option(names = "--store", required = true, paramLabel = "S", description = "The activation store.")
    private String store = "";

    @Option(names = "--name", required = true, paramLabel = "NAME", description = "Name of the experiment.")
    private String name = "";

    @Option(names = "--hook", paramLabel = "H", description = "Which hook point (default: the only one).")
    private @Nullable String hook;

    @Option(names = "--arch", split = ",", paramLabel = "A,...", description = "topk, jumprelu, relu (default: topk).")
    private List<String> arch = List.of();

    @Option(names = "--seeds", paramLabel = "0,1|0..8", description = "Two or more seeds (default: 0..2).")
    private @Nullable String seeds;

    @Option(names = "--d-sae", split = ",", paramLabel = "N,...", description = "Widths (default: 512).")
    private List<Integer> dSae = List.of();

    @Option(names = "--k", split = ",", paramLabel = "K,...", description = "Active latents per token (default: 24).")
    private List<Integer> k = List.of();

    @Option(names = "--tokens", split = ",", paramLabel = "N,...", description = "Training lengths (default: 2048000).")
    private List<String> tokens = List.of();

    @Option(names = "--threshold", paramLabel = "X", description = "Least cosine of a shared pair (default: 0.7).")
    private @Nullable Double threshold;

    @Option(names = "--config", paramLabel = "F.yaml", description = "Further settings of the training, by name.")
    private @Nullable Path config;

    @Option(names = "--set", paramLabel = "NAME=VALUE", description = "One further setting, repeatable.")
    private List<String> set = List.of();

    @Override
    void run(Session session) {
        session.on(where);
        Map<String, Object> settings = new LinkedHashMap<>(config == null ? Map.of() : Yaml.file(config));
        set.forEach(s -> Yaml.put(s, settings));
        SeedsSpec spec = new SeedsSpec(
                name,
                store,
                hook,
                arch,
                TrainCommand.seeds(seeds),
                dSae,
                k,
                tokens.stream().map(SeedsCommand::count).toList(),
                threshold,
                settings);
        session.bring(spec.store());
        session.workbench().seeds().trainings(spec); // refused before a job is written down
        SeedExperiment r =
                session.job("seeds", spec, p -> session.workbench().seeds().run(spec, p));
        session.result(r, () -> {
            table(r).print(session.out);
            session.out.println();
            trends(r).print(session.out);
            r.notes().forEach(session.out::println);
        });
    }

    /** A whole number, with k or M for thousands or millions. */
    static long count(String text) {
        String t = text.strip().toLowerCase(Locale.ROOT);
        long unit = t.endsWith("k") ? 1_000 : t.endsWith("m") ? 1_000_000 : 1;
        try {
            return Math.multiplyExact(Long.parseLong(unit == 1 ? t : t.substring(0, t.length() - 1)), unit);
        } catch (NumberFormatException | ArithmeticException e) {
            throw new UsageException("\"" + text + "\" is no number of tokens; write 500000, 500k or 2M.");
        }
    }

    private static Table table(SeedExperiment r) {
        Table table = new Table(
                "architecture",
                "latents",
                "k",
                "tokens",
                "a latent",
                "L0",
                "alive",
                "shared",
                "95 %",
                "of alive",
                "chance");
        for (CellResult c : r.cells()) {
            table.row(
                    c.arch(),
                    c.dSae(),
                    c.k(),
                    c.tokens(),
                    number("%.0f", c.tokensPerLatent()),
                    number("%.1f", java.util.Arrays.stream(c.l0()).average().orElse(0)) + (c.equalL0() ? "" : " !"),
                    percent(c.alive()),
                    percent(c.shared().mean()),
                    percent(c.shared().low()) + " – " + percent(c.shared().high()),
                    percent(c.sharedAlive().mean()),
                    percent(c.nullShared()));
        }
        return table;
    }

    private static Table trends(SeedExperiment r) {
        Table table =
                new Table("factor", "in", "from", "to", "shared, step by step", "change", "95 %", "paper", "here");
        for (Trend t : r.trends()) {
            List<String> steps = new ArrayList<>();
            for (int c : t.cells()) {
                steps.add(percent(r.cells().get(c).shared().mean()));
            }
            Interval d = t.difference();
            Function<Double, String> x =
                    v -> t.factor().equals("architecture") ? t.arch().split(", ", -1)[v.intValue()] : number("%.0f", v);
            table.row(
                    t.factor().replace('_', ' '),
                    t.arch(),
                    x.apply(t.x()[0]),
                    x.apply(t.x()[t.x().length - 1]),
                    String.join(" ", steps),
                    percent(d.mean()),
                    percent(d.low()) + " – " + percent(d.high()),
                    t.expected(),
                    t.verdict());
        }
        return table;
    }

    private static String percent(double share) {
        return number("%.1f", 100 * share) + " %";
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
