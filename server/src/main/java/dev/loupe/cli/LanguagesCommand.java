package dev.loupe.cli;

import dev.loupe.service.Models;
import dev.loupe.steer.language.LanguageTable;
import dev.loupe.steer.language.Share;
import dev.loupe.steer.language.TrialPlan;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures language steering. */
@Command(
        name = "languages",
        description = "Measures how often a text switches to another language by SAE latents, neurons, a difference of"
                + " means, random latents and a prompt, at matched KL; strengths from training documents, prompts from"
                + " held-out ones. The result is kept in languages/NAME.")
final class LanguagesCommand extends LoupeCommand {
    @Option(names = "--sae", required = true, paramLabel = "SAE", description = "The SAE whose latents are used.")
    private String sae = "";

    @Option(names = "--name", required = true, paramLabel = "NAME", description = "Name of the result.")
    private String name = "";

    @Option(names = "--model", paramLabel = "M", description = "The language model (default: builtin).")
    private String model = Models.BUILTIN;

    @Option(names = "--text", paramLabel = "FILE", description = "The corpus (default: builtin:europarl).")
    private @Nullable String text;

    @Option(
            names = "--held-out",
            paramLabel = "SHARE|FILE",
            description = "Which documents are held out (default: the model's own list, else 0.1).")
    private @Nullable String heldOut;

    @Option(
            names = "--languages",
            split = ",",
            paramLabel = "L,...",
            description = "Every ordered pair is tried (default: en,fr,de,it,fi,el).")
    private List<String> languages = List.of();

    @Option(names = "--prompts", paramLabel = "N", description = "Prompts of each language (default: 50).")
    private int prompts;

    @Option(
            names = "--choice-prompts",
            paramLabel = "N",
            description = "Prompts of each language that strengths are chosen on (default: 8).")
    private int choicePrompts;

    @Option(names = "--max-tokens", paramLabel = "N", description = "New tokens (default: 40).")
    private int tokens;

    @Option(
            names = "--levels",
            split = ",",
            paramLabel = "KL,...",
            description = "Nats a token that strengths are matched at (default: 0.5,1,2,4).")
    private List<Double> levels = List.of();

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the sampling (default: 0).")
    private long seed;

    @Override
    void run(Session session) {
        session.fetch(model);
        TrialPlan plan =
                new TrialPlan(name, model, sae, text, heldOut, languages, prompts, choicePrompts, tokens, levels, seed);
        plan.check();
        LanguageTable r = session.job(
                "languages", plan, p -> session.workbench().languages().run(plan, p));
        session.result(r, () -> print(session, r));
    }

    private static void print(Session session, LanguageTable r) {
        Table table = new Table("method", "KL level", "KL", "switched", "95 %", "named", "varied", "texts");
        for (LanguageTable.Row row : r.rows()) {
            Share s = row.switched();
            Double level = row.level();
            Double kl = row.kl();
            table.row(
                    row.method(),
                    row.chosen() ? "chosen" : level == null ? "-" : String.format(Locale.ROOT, "%.2g", level),
                    kl == null ? "-" : String.format(Locale.ROOT, "%.2f", kl),
                    percent(s.share()),
                    percent(s.low()) + " to " + percent(s.high()),
                    percent(row.named()),
                    percent(row.varied()),
                    s.texts());
        }
        table.print(session.out);
        Share sure = r.identified().sure();
        session.out.printf(
                Locale.ROOT,
                "%nThe identifier (%s) names the language of real passages of %d tokens in %.1f %%, with a confidence of 0.9"
                        + " in %.1f %% (%.1f to %.1f), and another one with it in %.1f %%.%n",
                r.identifier(),
                r.plan().tokens(),
                100 * r.identified().right().share(),
                100 * sure.share(),
                100 * sure.low(),
                100 * sure.high(),
                100 * r.identified().wrong());
        session.out.printf(Locale.ROOT, "%.0f s%n", r.seconds());
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }
}
