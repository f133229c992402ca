package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.base.LoupeException;
import dev.loupe.service.StoreRow;
import dev.loupe.service.StoreView;
import dev.loupe.store.VerifyReport;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Activation stores. */
@Command(
        name = "store",
        description = "Activation stores: what there is, what is in it, whether it is whole.",
        subcommands = {
            StoreCommand.ListCommand.class,
            StoreCommand.InfoCommand.class,
            StoreCommand.HeadCommand.class,
            StoreCommand.VerifyCommand.class,
            StoreExchange.Import.class,
            StoreExchange.Export.class,
            StoreChanges.Repair.class,
            StoreChanges.Merge.class,
            StoreChanges.Split.class,
            StoreChanges.Delete.class
        })
final class StoreCommand extends CommandGroup {

    /** Shows the stores of the workspace. */
    @Command(name = "list", description = "Shows the stores of the workspace.")
    static final class ListCommand extends LoupeCommand {
        @Override
        void run(Session session) {
            List<StoreView> all = session.workbench().stores().list();
            session.result(Map.of("stores", all), () -> {
                Table table = new Table("store", "model", "tokens", "held out", "hook points", "size");
                for (StoreView s : all) {
                    table.row(
                            s.name(),
                            s.problem() == null ? s.model() : s.problem(),
                            Fmt.count(s.tokens()),
                            Fmt.count(s.heldOutTokens()),
                            String.join(
                                    ", ",
                                    s.hooks().stream().map(StoreView.Hook::name).toList()),
                            Fmt.bytes(s.bytes()));
                }
                table.print(session.out);
            });
        }
    }

    /** Shows one store. */
    @Command(name = "info", description = "Shows what a store is.")
    static final class InfoCommand extends LoupeCommand {
        @Parameters(paramLabel = "S", description = "Name of the store.")
        private String store = "";

        @Override
        void run(Session session) {
            StoreView s = session.workbench().stores().get(store);
            if (s.problem() != null) {
                throw new LoupeException(s.problem());
            }
            session.result(s, () -> {
                session.out.println("store       " + s.name());
                session.out.println("model       " + s.model());
                session.out.println("text        " + s.text());
                session.out.println(
                        "tokens      " + s.tokens() + " (" + s.heldOutTokens() + " held out: " + s.heldOut() + ")");
                session.out.println("documents   " + s.documents() + " in " + s.sequences() + " sequences of up to "
                        + s.context() + " tokens" + (s.prependBos() ? ", BOS in front" : ""));
                session.out.println("size        " + Fmt.bytes(s.bytes()));
                for (StoreView.Hook h : s.hooks()) {
                    session.out.printf(
                            Locale.ROOT,
                            "hook        %s  width %d  %s  mean norm %.4g%n",
                            h.name(),
                            h.width(),
                            h.dtype(),
                            h.meanNorm());
                    printStatistics(session, h);
                }
            });
        }
    }

    private static void printStatistics(Session session, StoreView.Hook h) {
        if (h.normQuantiles() != null && !h.normQuantiles().isEmpty()) {
            StringBuilder line = new StringBuilder("            norms");
            h.normQuantiles().forEach((q, norm) -> line.append(String.format(Locale.ROOT, "  q%s %.4g", q, norm)));
            session.out.println(line);
        }
        if (h.changed() != null) {
            session.out.println("            values are changed: "
                    + (h.changed().maskDimensions().isEmpty()
                            ? ""
                            : "dimensions " + h.changed().maskDimensions() + " are zero ")
                    + (h.changed().clip() == null
                            ? ""
                            : "clipped at " + h.changed().clip()));
        }
        if (!h.warning().isEmpty()) {
            session.out.println("            " + h.warning());
        }
    }

    /** Shows the first rows. */
    @Command(name = "head", description = "Shows the first rows of a store.")
    static final class HeadCommand extends LoupeCommand {
        @Parameters(paramLabel = "S", description = "Name of the store.")
        private String store = "";

        @Option(names = "-n", paramLabel = "N", description = "How many rows (default: 10).")
        private int rows = 10;

        @Override
        void run(Session session) {
            List<StoreRow> head = session.workbench().stores().head(store, Math.max(0, rows));
            session.result(Map.of("store", store, "rows", head), () -> {
                Table table = new Table("row", "token", "text", "sequence", "position", "document", "label", "values");
                for (StoreRow r : head) {
                    StringBuilder values = new StringBuilder();
                    for (float v : r.values()) {
                        values.append(String.format(Locale.ROOT, "%8.3f", v));
                    }
                    table.row(
                            r.row(),
                            r.tokenId(),
                            "\"" + r.token().replace("\n", "\\n") + "\"",
                            r.sequence(),
                            r.position(),
                            r.document(),
                            r.label(),
                            values + " ...");
                }
                table.print(session.out);
            });
        }
    }

    /** Compares every byte with its checksum. */
    @Command(name = "verify", description = "Compares every byte of a store with its checksum.")
    static final class VerifyCommand extends LoupeCommand {
        @Parameters(paramLabel = "S", description = "Name of the store.")
        private String store = "";

        @Override
        void run(Session session) {
            VerifyReport report =
                    session.shown(p -> session.workbench().stores().verify(store, p));
            session.result(report, () -> {
                if (report.ok()) {
                    session.out.println("Store " + store + " is whole: " + report.files() + " files, "
                            + Fmt.bytes(report.bytes()) + " compared.");
                } else {
                    report.problems().forEach(session.out::println);
                }
            });
            if (!report.ok()) {
                throw new LoupeException("The store " + store + " is damaged ("
                        + report.problems().size() + " problem"
                        + (report.problems().size() == 1 ? "" : "s") + "): see loupe store repair.");
            }
        }
    }
}
