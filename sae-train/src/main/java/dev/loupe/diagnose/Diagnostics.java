package dev.loupe.diagnose;

import dev.loupe.base.NotFoundException;
import dev.loupe.diagnose.health.Dormancy;
import dev.loupe.diagnose.health.DormantLatents;
import dev.loupe.diagnose.sparsity.Locality;
import dev.loupe.diagnose.sparsity.NonZeroShare;
import java.util.List;

/** Every diagnostic there is. */
public final class Diagnostics {
    private static final List<Diagnostic> ALL =
            List.of(new NonZeroShare(), new Locality(), new Dormancy(), new DormantLatents());

    private Diagnostics() {}

    /** All of them, in the order of the gallery. */
    public static List<Diagnostic> all() {
        return ALL;
    }

    /**
     * One of them.
     *
     * @throws NotFoundException if there is none of that name, naming those there are
     */
    public static Diagnostic of(String id) {
        return ALL.stream()
                .filter(d -> d.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new NotFoundException("There is no diagnostic \"" + id + "\"; there are "
                        + String.join(", ", ALL.stream().map(Diagnostic::id).toList()) + "."));
    }
}
