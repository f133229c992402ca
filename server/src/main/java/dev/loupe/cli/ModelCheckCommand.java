package dev.loupe.cli;

import dev.loupe.base.LoupeException;
import dev.loupe.model.ModelCheck;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Compares a model with stored reference values. */
@Command(
        name = "check",
        description = "Compares a model with reference values from transformers: logits, losses, activations.")
final class ModelCheckCommand extends LoupeCommand {
    @Parameters(paramLabel = "M", description = "builtin, a name in models/ or a path.")
    private String model = "";

    @Option(
            names = "--reference",
            paramLabel = "FILE",
            description = "The values (default: " + ModelCheck.FILE + " in the model's folder), which"
                    + " tests/python/model_reference.py writes.")
    private @Nullable Path reference;

    @Option(
            names = "--tolerance",
            paramLabel = "X",
            description = "Largest error allowed, as a share of a tensor's largest value (default: 1e-5).")
    private double tolerance = ModelCheck.TOLERANCE;

    @Override
    void run(Session session) {
        ModelCheck.Report r = session.workbench().models().check(model, reference, tolerance);
        session.result(r, () -> {
            session.out.println(
                    r.model() + " against " + r.reference() + " (" + r.madeWith() + "), " + r.prompts() + " prompts:");
            Table table = new Table("kind", "tensors", "largest error", "in");
            r.rows()
                    .forEach(row -> table.row(
                            row.kind(), row.tensors(), String.format(Locale.ROOT, "%.1e", row.error()), row.worst()));
            table.print(session.out);
        });
        if (!r.passed()) {
            throw new LoupeException("The model " + r.model() + " differs from its reference by more than "
                    + String.format(Locale.ROOT, "%.1e", r.tolerance()) + ".");
        }
    }
}
