package dev.loupe.steer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.UsageException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScheduleTest {
    private static double[] factors(String schedule, int... tokens) {
        Schedule s = Schedule.parse(schedule);
        return IntStream.of(tokens).mapToDouble(t -> s.factor(10 + t, 10)).toArray();
    }

    @Test
    void everyRuleHasItsShapeAndThePromptIsLikeTheFirstToken() {
        assertThat(factors("ramp 2-6", -5, 0, 2, 3, 4, 6, 99)).containsExactly(0, 0, 0, 0.25, 0.5, 1, 1);
        assertThat(factors("fade 2-6", -5, 0, 2, 3, 4, 6, 99)).containsExactly(1, 1, 1, 0.75, 0.5, 0, 0);
        assertThat(factors("decay 4", -5, 0, 4, 8)).containsExactly(1, 1, 0.5, 0.25);
        assertThat(factors("every 3", -5, 0, 1, 2, 3, 6)).containsExactly(1, 1, 0, 0, 1, 1);
        assertThat(factors("first 2", -5, 0, 1, 2, 3)).containsExactly(1, 1, 1, 0, 0);
        assertThat(Schedule.CONSTANT.factor(7, 3)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "ramp", "ramp 5-5", "ramp 6-2", "decay 0", "every -1", "sometimes 3", "ramp 0-99999999"})
    void whatIsNoScheduleIsRefused(String text) {
        assertThatThrownBy(() -> Schedule.parse(text))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("schedule");
    }

    @Test
    void unknownFieldsOfVariantsAndEditsAreRefused() {
        assertThatThrownBy(() -> Variant.of(Json.MAPPER.readTree(
                        "{\"edits\": [{\"feature\": \"a:1\", \"op\": \"ablate\", \"postions\": \"prompt\"}]}")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("postions")
                .hasMessageContaining("positions");
        assertThatThrownBy(() -> Variant.of(Json.MAPPER.readTree("{\"edits\": [], \"stopwhen\": \"x\"}")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("stopwhen");
        Variant v = Variant.of(Json.MAPPER.readTree("{\"edits\": [{\"feature\": \"a:1\", \"op\": \"add\","
                + " \"strength\": 2, \"schedule\": \"decay 8\"}], \"stop_when\": \"feature a:1 > 3\"}"));
        assertThat(v.stopWhen()).isEqualTo("feature a:1 > 3");
        assertThat(v.edits().getFirst().schedule()).isEqualTo("decay 8");
        assertThat(Variant.of(Json.MAPPER.readTree(Json.MAPPER.writeValueAsString(v))))
                .isEqualTo(v);
    }
}
