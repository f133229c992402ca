package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.base.UsageException;
import dev.loupe.capture.Recapture;
import dev.loupe.service.StoreView;
import dev.loupe.store.StoreDamage;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Commands that make stores of stores, repair or delete them. */
final class StoreChanges {
    private StoreChanges() {}

    private static void say(Session session, StoreView s) {
        session.out.println("Store " + s.name() + ": " + Fmt.count(s.tokens()) + " tokens ("
                + Fmt.count(s.heldOutTokens()) + " held out), " + Fmt.bytes(s.bytes()) + ".");
    }

    /** Joins stores. */
    @Command(name = "merge", description = "Joins stores of one model and the same hook points; the old ones stay.")
    static final class Merge extends LoupeCommand {
        @Parameters(arity = "2..*", paramLabel = "S", description = "Names of the stores, in order.")
        private List<String> stores = List.of();

        @Option(names = "--name", required = true, paramLabel = "NEW", description = "Name of the joined store.")
        private String name = "";

        @Override
        void run(Session session) {
            StoreView made =
                    session.shown(p -> session.workbench().stores().care().merge(stores, name, p));
            session.result(made, () -> say(session, made));
        }
    }

    /** Divides a store. */
    @Command(name = "split", description = "Divides a store at the border of a shard; the old one stays.")
    static final class Split extends LoupeCommand {
        @Parameters(paramLabel = "S", description = "Name of the store.")
        private String store = "";

        @Option(
                names = "--names",
                required = true,
                split = ",",
                paramLabel = "A,B",
                description = "Names of the two parts.")
        private List<String> names = List.of();

        @Option(
                names = "--share",
                paramLabel = "X",
                description = "Share of the rows in the first part (default: 0.5).")
        private double share = 0.5;

        @Override
        void run(Session session) {
            if (names.size() != 2) {
                throw new UsageException("Give two names, such as --names " + store + "-a," + store + "-b.");
            }
            List<StoreView> made = session.shown(
                    p -> session.workbench().stores().care().split(store, share, names.get(0), names.get(1), p));
            session.result(Map.of("stores", made), () -> made.forEach(s -> say(session, s)));
        }
    }

    /** Repairs a store. */
    @Command(
            name = "repair",
            description = "Finds damaged shards; captures them again, or copies the store without them.")
    static final class Repair extends LoupeCommand {
        @Parameters(paramLabel = "S", description = "Name of the store.")
        private String store = "";

        @Option(names = "--recapture", description = "Run the model again over the damaged shards alone.")
        private boolean recapture;

        @Option(names = "--drop", paramLabel = "NEW", description = "Copy the store without damaged shards to NEW.")
        private String drop = "";

        @Override
        void run(Session session) {
            if (recapture && !drop.isEmpty()) {
                throw new UsageException("Choose one of --recapture and --drop NEW.");
            }
            if (recapture) {
                Recapture.Result done =
                        session.shown(p -> session.workbench().stores().care().recapture(store, p));
                session.result(
                        done,
                        () -> session.out.println(
                                done.shards().isEmpty()
                                        ? "No shard of " + store + " is damaged."
                                        : "Captured again: shards " + done.shards() + "; " + done.identical()
                                                + " with exactly the bytes they had."));
            } else if (!drop.isEmpty()) {
                StoreView made =
                        session.shown(p -> session.workbench().stores().care().drop(store, drop, p));
                session.result(made, () -> say(session, made));
            } else {
                List<StoreDamage> found =
                        session.shown(p -> session.workbench().stores().care().damage(store, p));
                session.result(Map.of("damaged", found), () -> {
                    found.forEach(d -> session.out.println("shard " + d.shard() + "  " + d.key() + "  " + d.problem()));
                    session.out.println(
                            found.isEmpty()
                                    ? "No shard of " + store + " is damaged."
                                    : "Repair with --recapture, or leave them out with --drop NEW.");
                });
            }
        }
    }

    /** Deletes a store. */
    @Command(name = "delete", description = "Deletes a store for good.")
    static final class Delete extends LoupeCommand {
        @Parameters(paramLabel = "S", description = "Name of the store.")
        private String store = "";

        @Option(names = "--yes", description = "Really.")
        private boolean yes;

        @Override
        void run(Session session) {
            StoreView s = session.workbench().stores().get(store);
            if (!yes) {
                throw new UsageException("This would delete the store " + store + " (" + Fmt.count(s.tokens())
                        + " tokens, " + Fmt.bytes(s.bytes()) + "): add --yes to do it.");
            }
            session.workbench().stores().care().delete(store);
            session.result(
                    Map.of("deleted", store, "bytes", s.bytes()),
                    () -> session.out.println("Deleted " + store + ", " + Fmt.bytes(s.bytes()) + "."));
        }
    }
}
