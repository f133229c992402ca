package dev.loupe.cli;

import dev.loupe.base.UsageException;
import dev.loupe.compare.Matching;
import dev.loupe.service.CompareSpec;
import dev.loupe.service.Tasks;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Compares SAEs. */
@Command(name = "compare", description = "Matches the latents of SAEs: which features of one are also in the other.")
final class CompareCommand extends LoupeCommand {
    @Parameters(arity = "2..*", paramLabel = "SAE", description = "Names of two or more SAEs; every pair is compared.")
    private List<String> saes = List.of();

    @Option(names = "--threshold", paramLabel = "X", description = "Least cosine of a shared pair (default: 0.7).")
    private @Nullable Double threshold;

    @Override
    void run(Session session) {
        if (saes.stream().distinct().count() != saes.size()) {
            throw new UsageException("An SAE is named twice; compare two different ones.");
        }
        List<Matching> all = new ArrayList<>();
        for (int i = 0; i < saes.size(); i++) {
            for (int j = i + 1; j < saes.size(); j++) {
                CompareSpec spec = new CompareSpec(saes.get(i), saes.get(j), threshold);
                all.add(session.job(
                        "compare", spec, p -> session.workbench().compare().run(spec, p)));
            }
        }
        Object json = all.size() == 1
                ? Tasks.summary(all.get(0))
                : Map.of("pairs", all.stream().map(Tasks::summary).toList());
        session.result(json, () -> table(all).print(session.out));
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
}
