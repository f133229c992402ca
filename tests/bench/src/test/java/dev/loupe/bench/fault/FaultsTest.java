package dev.loupe.bench.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The faults in small: one process killed, and what the comparison sees. */
class FaultsTest {
    @TempDir
    Path folder;

    @Test
    void aKilledStageDoneAgainLeavesWhatAnUndisturbedOneLeaves() throws Exception {
        Faults faults = new Faults(folder, 3);
        faults.prepare();
        List<Faults.Row> rows = faults.run("compare", Map.of("kill -9", 1), w -> {});
        assertThat(rows).hasSize(1);
        assertThat(rows.getFirst().runs()).isOne();
        assertThat(rows.getFirst().wrong()).isEmpty();
        assertThat(faults.notes()).anyMatch(n -> n.startsWith("compare"));
    }

    @Test
    void aValueThatDiffersIsSeen() {
        assertThat(Fingerprint.difference(Map.of("a", "1", "b", "2"), Map.of("a", "1", "b", "3", "c", "4")))
                .isEqualTo(Set.of("b", "c"));
    }
}
