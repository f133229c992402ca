package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

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
    void distributions_are_those_of_the_reference_processors() throws Exception {
        JsonNode cases;
        try (InputStream in = SamplerTest.class.getResourceAsStream("golden/sampling.json")) {
            cases = Json.MAPPER.readTree(in);
        }
        assertThat(cases.size()).isGreaterThan(30);
        for (JsonNode c : cases) {
            JsonNode set = c.path("settings");
            Sampling sampling = new Sampling(
                    1,
                    set.path("temperature").asDouble(1),
                    set.path("top_k").asInt(0),
                    set.path("top_p").asDouble(1),
                    set.path("min_p").asDouble(0),
                    new Sampling.Penalties(
                            set.path("repetition").asDouble(1),
                            set.path("presence").asDouble(0),
                            set.path("frequency").asDouble(0),
                            Map.of()),
                    3,
                    List.of(),
                    false,
                    0);
            Sampler sampler = new Sampler(sampling, Json.MAPPER.treeToValue(c.path("prompt"), int[].class));
            // the generated tokens count for the repetition penalty as those of the prompt do
            for (int id : Json.MAPPER.treeToValue(c.path("generated"), int[].class)) {
                sampler.wrote(id);
            }
            float[] logits = Json.MAPPER.treeToValue(c.path("logits"), float[].class);
            double[] p = sampler.distribution(logits);
            for (int i = 0; i < p.length; i++) {
                assertThat(p[i])
                        .as(set + ", token " + i)
                        .isCloseTo(c.path("p").path(Integer.toString(i)).asDouble(0), within(2e-6));
            }
        }
    }

    @Test
    void draws_follow_the_distribution_that_was_worked_out() {
        Sampling sampling = new Sampling(1, 1.4, 30, 0.9, 0, Sampling.Penalties.NONE, 17, List.of(), false, 0);
        Cases.Random random = Cases.Random.of(4);
        float[] logits = new float[200];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian() * 2;
        }
        Sampler sampler = new Sampler(sampling);
        double[] p = sampler.distribution(logits);
        double[] share = new double[p.length];
        for (int i = 0; i < DRAWS; i++) {
            share[sampler.next(logits)] += 1.0 / DRAWS;
        }
        double chi = 0;
        int cells = 0;
        for (int i = 0; i < p.length; i++) {
            if (p[i] == 0) {
                assertThat(share[i]).isZero();
            } else {
                chi += DRAWS * (share[i] - p[i]) * (share[i] - p[i]) / p[i];
                cells++;
            }
        }
        assertThat(chi).isLessThan(cells + 5 * Math.sqrt(2.0 * cells)); // five standard deviations above the mean
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
        wrong.add(() -> Sampling.greedy(1).withMinP(1.5));
        wrong.add(() -> Sampling.greedy(1).withMinP(Double.NaN));
        wrong.add(() -> new Sampling.Penalties(0, 0, 0, Map.of()));
        wrong.add(() -> new Sampling.Penalties(1, Double.NaN, 0, Map.of()));
        wrong.add(() -> new Sampling.Penalties(1, 0, Double.POSITIVE_INFINITY, Map.of()));
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
