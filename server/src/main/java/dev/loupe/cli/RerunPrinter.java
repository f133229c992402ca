package dev.loupe.cli;

import dev.loupe.service.Rerun;

/** What computing a saved result again gave, for people. */
final class RerunPrinter {
    private RerunPrinter() {}

    static void print(Session session, Rerun r) {
        session.out.println(
                r.same()
                        ? r.id() + ": computed again, every number is the same to the last bit."
                        : r.id() + ": computed again, these parts differ: " + String.join(", ", r.different()) + "."
                                + (r.sameModel()
                                        ? ""
                                        : " The model's weights are no longer those of the saved result."));
    }
}
