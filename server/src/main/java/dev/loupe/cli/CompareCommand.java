package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.compare.ActivationOverlap;
import dev.loupe.compare.Matching;
import dev.loupe.compare.Overlap;
import dev.loupe.service.CompareSpec;
import dev.loupe.service.Tasks;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Compares SAEs. */
@Command(name = "compare", description = "Matches the latents of SAEs: which features of one are also in the other.")
final class CompareCommand extends LoupeCommand {
    @Parameters(
            arity = "2..*",
            paramLabel = "SAE",
            description =
                    "Names of two or more SAEs; every pair is compared. One name twice compares an SAE with itself.")
    private List<String> saes = List.of();

    @Option(names = "--threshold", paramLabel = "X", description = "Least cosine of a shared pair (default: 0.7).")
    private @Nullable Double threshold;

    @Option(
            names = "--activations",
            description = "Also correlation and token overlap of matched latents on the store, and CKA.")
    private boolean activations;

    @Option(names = "--across", description = "Allow different hook points or models.")
    private boolean across;

    @Override
    void run(Session session) {
        boolean twice = saes.stream().distinct().count() != saes.size();
        if (twice && saes.size() != 2) {
            throw new UsageException("An SAE is named twice among several; compare different ones.");
        }
        List<Matching> all = new ArrayList<>();
        for (int i = 0; i < saes.size(); i++) {
            for (int j = i + 1; j < saes.size(); j++) {
                CompareSpec spec = new CompareSpec(
                        saes.get(i), saes.get(j), threshold, across ? true : null, activations ? true : null);
                all.add(session.job(
                        "compare", spec, p -> session.workbench().compare().run(spec, p)));
            }
        }
        Overlap overlap = all.size() == 1 ? null : session.workbench().compare().overlap(saes, threshold);
        session.result(json(session, all, overlap), () -> {
            table(all).print(session.out);
            if (activations) {
                session.out.println();
                activations(session, all).print(session.out);
            }
            if (overlap != null) {
                session.out.println();
                several(overlap).print(session.out);
                Overlap.Transitivity t = overlap.transitivity();
                session.out.printf(
                        java.util.Locale.ROOT,
                        "Round trips over three SAEs that come back: %.1f %% by decoder, %.1f %% where encoder and"
                                + " decoder agree, %.1f %% of shared latents.%n",
                        100 * t.returned(),
                        100 * t.returnedAgreeing(),
                        100 * t.returnedShared());
            }
        });
    }

    private Object json(Session session, List<Matching> all, @Nullable Overlap overlap) {
        List<Map<String, Object>> pairs = new ArrayList<>();
        for (Matching m : all) {
            Map<String, Object> pair = Tasks.summary(m);
            session.workbench()
                    .compare()
                    .activations(m.a(), m.b())
                    .ifPresent(o -> pair.put("activations", Tasks.summary(o)));
            pairs.add(pair);
        }
        if (overlap == null) {
            return pairs.getFirst();
        }
        Map<String, Object> several = new LinkedHashMap<>();
        several.put("pairs", pairs);
        several.put("overlap", Tasks.summary(overlap));
        return several;
    }

    static Table table(List<Matching> all) {
        Table table = new Table("A", "B", "shared", "only in A", "only in B", "threshold", "gap");
        for (Matching m : all) {
            table.row(
                    m.a(),
                    m.b(),
                    m.shared(),
                    m.orphansA(),
                    m.orphansB(),
                    EvalCommand.number("%.2f", m.threshold()),
                    EvalCommand.number("%.2g", m.gap()));
        }
        return table;
    }

    private static Table activations(Session session, List<Matching> all) {
        Table table = new Table("A", "B", "correlation", "of shared", "Jaccard", "of shared", "CKA", "tokens");
        for (Matching m : all) {
            ActivationOverlap o =
                    session.workbench().compare().activations(m.a(), m.b()).orElseThrow();
            table.row(
                    m.a(),
                    m.b(),
                    EvalCommand.number("%.3f", o.meanCorrelation()),
                    EvalCommand.number("%.3f", o.meanCorrelationShared()),
                    EvalCommand.number("%.3f", o.meanJaccard()),
                    EvalCommand.number("%.3f", o.meanJaccardShared()),
                    EvalCommand.number("%.3f", o.cka()),
                    o.tokens());
        }
        return table;
    }

    private static Table several(Overlap overlap) {
        int n = overlap.saes().size();
        List<String> heads = new ArrayList<>(List.of("SAE"));
        for (int m = 1; m <= n; m++) {
            heads.add("in " + m + " of " + n);
        }
        Table table = new Table(heads.toArray(String[]::new));
        for (int s = 0; s < n; s++) {
            List<Object> row = new ArrayList<>(List.of(overlap.saes().get(s)));
            for (int count : overlap.histogram()[s]) {
                row.add(count);
            }
            table.row(row.toArray());
        }
        return table;
    }
}
