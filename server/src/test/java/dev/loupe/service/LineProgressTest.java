package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.Json;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What a machine of a cluster tells while it works. */
class LineProgressTest {
    private final List<String> lines = new ArrayList<>();
    private final LineProgress progress = new LineProgress(lines::add);

    private JsonNode line(int i) {
        return Json.MAPPER.readTree(lines.get(i));
    }

    @Test
    void theCurvesOfManySaesAreOneLineAndTheLastValuesAreSaid() {
        progress.advance(1);
        assertThat(line(0)).hasSize(1);
        int steps = 1000;
        for (int step = 2; step <= steps; step++) {
            for (int sae = 0; sae < 8; sae++) {
                progress.metric("s" + sae + "/loss", step, 1.0 / step);
                progress.metric("s" + sae + "/fvu", step, Double.NaN);
            }
            progress.advance(step);
        }
        assertThat(lines.size()).isLessThan(steps); // one per pause
        progress.flush();
        JsonNode last = line(lines.size() - 1);
        assertThat(last).hasSize(9);
        assertThat(last.get(8).path("done").asLong()).isEqualTo(steps);
        for (int sae = 0; sae < 8; sae++) {
            assertThat(last.get(sae).path("name").asString()).isEqualTo("s" + sae + "/loss");
            assertThat(last.get(sae).path("step").asLong()).isEqualTo(steps);
            assertThat(last.get(sae).path("value").asDouble()).isEqualTo(1.0 / steps);
        }
        int before = lines.size();
        progress.flush();
        assertThat(lines).hasSize(before);
    }

    @Test
    void whatIsSaidInWordsComesAtOnceAndAfterWhatWasBefore() {
        progress.advance(1);
        progress.advance(2);
        progress.message("halfway");
        progress.stage("rest", 10, "steps");
        assertThat(lines).hasSize(4);
        assertThat(line(1).get(0).path("done").asLong()).isEqualTo(2);
        assertThat(line(2).get(0).path("text").asString()).isEqualTo("halfway");
        assertThat(line(3).get(0).path("type").asString()).isEqualTo("stage");
    }
}
