package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final float[] LOGITS = {1f, 3f, 2f, -1f, Float.NEGATIVE_INFINITY};
    private static final int DRAWS = 40_000;

    private static double[] frequencies(double temperature, int topK, double topP) {
        Sampler sampler = new Sampler(new Sampling(1, temperature, topK, topP, 11, List.of(), false));
        double[] share = new double[LOGITS.length];
        for (int i = 0; i < DRAWS; i++) {
            share[sampler.next(LOGITS)] += 1.0 / DRAWS;
        }
        return share;
    }

    private static double[] softmax(double temperature, int... allowed) {
        double[] p = new double[LOGITS.length];
        double sum = 0;
        for (int i : allowed) {
            p[i] = Math.exp(LOGITS[i] / temperature);
            sum += p[i];
        }
        for (int i : allowed) {
            p[i] /= sum;
        }
        return p;
    }

    @Test
    void tokens_come_with_their_probabilities() {
        // five standard errors of a share around 1/2 in 40,000 draws
        assertThat(frequencies(1, 0, 1)).containsExactly(softmax(1, 0, 1, 2, 3), within(0.0125));
        assertThat(frequencies(2, 0, 1)).containsExactly(softmax(2, 0, 1, 2, 3), within(0.0125));
        assertThat(frequencies(1, 2, 1)).containsExactly(softmax(1, 1, 2), within(0.0125));
        assertThat(frequencies(1, 1, 1)).containsExactly(softmax(1, 1), within(1e-9));
    }

    @Test
    void top_p_keeps_the_smallest_set_that_reaches_it() {
        // probabilities .657 .242 .089 .012
        assertThat(frequencies(1, 0, 0.65)).containsExactly(softmax(1, 1), within(1e-9));
        assertThat(frequencies(1, 0, 0.67)).containsExactly(softmax(1, 1, 2), within(0.0125));
        assertThat(frequencies(1, 0, 0.95)).containsExactly(softmax(1, 0, 1, 2), within(0.0125));
        assertThat(frequencies(1, 2, 0.70)).containsExactly(softmax(1, 1), within(1e-9)); // .731 of the two
    }

    @Test
    void greedy_takes_the_first_of_the_largest() {
        assertThat(new Sampler(Sampling.greedy(1)).next(new float[] {0, 5, 5, 1}))
                .isEqualTo(1);
    }

    @Test
    void log_probabilities_are_those_of_the_softmax() {
        double[] p = softmax(1, 0, 1, 2, 3);
        for (int i = 0; i < 4; i++) {
            assertThat((double) Sampler.logProb(LOGITS, i)).isCloseTo(Math.log(p[i]), within(1e-6));
        }
    }

    @Test
    void settings_outside_their_ranges_are_refused() {
        List<Runnable> wrong = new ArrayList<>();
        wrong.add(() -> Sampling.greedy(-1));
        wrong.add(() -> Sampling.random(1, -0.1, 1, 0));
        wrong.add(() -> Sampling.random(1, Double.NaN, 1, 0));
        wrong.add(() -> Sampling.random(1, 1, 0, 0));
        wrong.add(() -> Sampling.random(1, 1, 1.1, 0));
        wrong.add(() -> new Sampling(1, 1, -1, 1, 0, List.of(), false));
        wrong.add(() -> Sampling.greedy(1).withStop(List.of("")));
        wrong.forEach(w -> assertThatThrownBy(w::run).isInstanceOf(UsageException.class));
    }

    @Test
    void text_is_held_back_while_it_may_begin_a_stop_string() {
        StopFilter filter = new StopFilter(List.of("END", "\n\n"));
        assertThat(filter.add("abE")).isEqualTo("ab");
        assertThat(filter.add("N")).isEmpty();
        assertThat(filter.add("x\n")).isEqualTo("ENx");
        assertThat(filter.add("yEENDz")).isEqualTo("\nyE");
        assertThat(filter.stopped()).isTrue();
        assertThat(filter.add("more") + filter.end()).isEmpty();
        StopFilter open = new StopFilter(List.of("END"));
        assertThat(open.add("E") + open.end()).isEqualTo("E");
    }
}
