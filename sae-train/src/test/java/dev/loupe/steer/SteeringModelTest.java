package dev.loupe.steer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.Json;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.Generation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.TokenListener;
import dev.loupe.model.Want;
import dev.loupe.patch.ToySae;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Steering the embedded model, with SAEs of known weights. */
class SteeringModelTest {
    private static final String PROMPT = "The European Parliament";

    @TempDir
    static Path cache;

    private static LanguageModel model;

    private static final SteeringContext CONTEXT = new SteeringContext() {
        private final Sae three = ToySae.random("three", Architecture.TOPK, 192, 256, 16, "blocks.3.hook_resid_post");
        private final Sae one = ToySae.random("one", Architecture.JUMPRELU, 192, 256, 0, "blocks.1.hook_resid_mid");

        @Override
        public Sae sae(String name) {
            return name.equals("one") ? one : three;
        }

        @Override
        public OptionalDouble maxActivation(String sae, int id) {
            return OptionalDouble.of(100);
        }

        @Override
        public SteeringVector vector(String name) {
            return new SteeringVector(
                    "1.0",
                    name,
                    null,
                    "blocks.2.hook_mlp_out",
                    dev.loupe.fixtures.Cases.Random.of(3).floats(192));
        }
    };

    @BeforeAll
    static void open() {
        model = LanguageModels.open(LanguageModels.builtin(cache), ModelOptions.defaults());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Variant strong() {
        return Variant.of(
                        Edit.feature("three", 5, EditOp.ADD, 1.0),
                        Edit.feature("three", 7, EditOp.SCALE, 2.0),
                        Edit.feature("one", 9, EditOp.ABLATE, null),
                        Edit.neuron(4, 100, EditOp.SET, 2.0),
                        Edit.vector("up", EditOp.ADD, 0.5).withUnit(Unit.NORM).withPositions("generated"))
                .when("seen neuron 0:3 > -100 and feature one:9 > -1");
    }

    private static SteerResult run(SteerRequest r) {
        return Steering.run(model, r, CONTEXT, SteerListener.silent(), Progress.silent());
    }

    @Test
    void withACacheTheEditedModelWritesWhatItWritesWithout() {
        int[] prompt = model.tokenizer().encode(PROMPT);
        CompiledVariant variant = Steering.compile(strong(), model, CONTEXT);
        CompiledVariant.Run cached = variant.on(prompt, prompt.length);
        Generation g = model.generate(
                prompt,
                new Sampling(12, 0, 0, 1, 0, java.util.List.of(), true),
                cached.taps(),
                cached.listening(TokenListener.silent()));
        int[] ids = prompt.clone();
        for (int i = 0; i < g.tokens().length; i++) {
            float[] logits = model.forward(
                            TokenBatch.of(ids), variant.on(ids, prompt.length).taps(), Want.LAST_LOGITS)
                    .lastLogits(0);
            int best = 0;
            for (int t = 1; t < logits.length; t++) {
                best = logits[t] > logits[best] ? t : best;
            }
            assertThat(g.tokens()[i]).as("token " + i).isEqualTo(best);
            ids = Arrays.copyOf(ids, ids.length + 1);
            ids[ids.length - 1] = best;
        }
        Generation plain = model.generate(prompt, Sampling.greedy(12), Taps.none(), TokenListener.silent());
        assertThat(g.tokens()).isNotEqualTo(plain.tokens());
    }

    @Test
    void aTextEndsAtTheFirstGeneratedTokenWhereItsConditionHolds() {
        int[] prompt = model.tokenizer().encode(PROMPT);
        Generation whole = model.generate(prompt, Sampling.greedy(12), Taps.none(), TokenListener.silent());
        Variant always = Variant.NONE.stopWhen("neuron 0:3 > -1000");
        CompiledVariant.Run run = Steering.compile(always, model, CONTEXT).on(prompt, prompt.length);
        Generation cut = model.generate(prompt, Sampling.greedy(12), run.taps(), TokenListener.silent());
        assertThat(cut.tokens()).containsExactly(whole.tokens()[0]); // the prompt itself ends nothing
        assertThat(cut.finishReason()).isEqualTo("stop");
        Variant never = Variant.NONE.stopWhen("neuron 0:3 > 1000");
        run = Steering.compile(never, model, CONTEXT).on(prompt, prompt.length);
        assertThat(model.generate(prompt, Sampling.greedy(12), run.taps(), TokenListener.silent())
                        .tokens())
                .isEqualTo(whole.tokens());
    }

    @Test
    void anEditThatHasFadedChangesNothingMoreAndOneThatHasNotBegunNothingYet() {
        int[] prompt = model.tokenizer().encode(PROMPT);
        Edit strong = strong().edits().getFirst();
        Generation plain = model.generate(prompt, Sampling.greedy(12), Taps.none(), TokenListener.silent());
        CompiledVariant late = Steering.compile(Variant.of(strong.withSchedule("ramp 500-501")), model, CONTEXT);
        assertThat(model.generate(
                                prompt,
                                Sampling.greedy(12),
                                late.on(prompt, prompt.length).taps(),
                                TokenListener.silent())
                        .tokens())
                .isEqualTo(plain.tokens());
        CompiledVariant always = Steering.compile(Variant.of(strong), model, CONTEXT);
        CompiledVariant first = Steering.compile(Variant.of(strong.withSchedule("first 9999")), model, CONTEXT);
        assertThat(model.generate(
                                prompt,
                                Sampling.greedy(12),
                                first.on(prompt, prompt.length).taps(),
                                TokenListener.silent())
                        .tokens())
                .isEqualTo(model.generate(
                                prompt,
                                Sampling.greedy(12),
                                always.on(prompt, prompt.length).taps(),
                                TokenListener.silent())
                        .tokens());
    }

    @Test
    void withoutEditsBothStreamsAreTheSameAndNothingDiverges() {
        SteerResult r = run(SteerRequest.of(PROMPT, Variant.NONE).sampled(15, 0.8, 3));
        assertThat(r.steered()).isEqualTo(r.defaultText());
        assertThat(r.kl()).isEqualTo(0);
        SteerResult noop = run(SteerRequest.of(PROMPT, Variant.of(Edit.feature("three", 5, EditOp.SCALE, 1.0)))
                .sampled(15, 0.8, 3));
        assertThat(noop.steered()).isEqualTo(r.defaultText());
        assertThat(noop.kl()).isEqualTo(0);
    }

    @Test
    void bothStreamsComeWithTheirLogProbabilitiesAndTheDivergenceOfTheDefaultText() {
        SteerRequest request = SteerRequest.of(PROMPT, strong()).greedy(10);
        StringBuilder heard = new StringBuilder();
        StringBuilder heardSteered = new StringBuilder();
        SteerResult r = Steering.run(
                model,
                request,
                CONTEXT,
                (steered, text) -> (steered ? heardSteered : heard).append(text),
                Progress.silent());
        assertThat(heard.toString()).isEqualTo(r.defaultText());
        assertThat(heardSteered.toString()).isEqualTo(r.steered());
        int[] prompt = model.tokenizer().encode(PROMPT);
        Generation plain =
                model.generate(prompt, Sampling.greedy(10).withLogProbs(), Taps.none(), TokenListener.silent());
        double sum = 0;
        for (int i = 0; i < plain.tokens().length; i++) {
            SteerResult.StreamToken t = r.defaultTokens().get(i);
            assertThat(t.id()).isEqualTo(plain.tokens()[i]);
            assertThat(t.logprob()).isCloseTo(plain.logProbs()[i], within(1e-3));
            assertThat(t.kl()).isGreaterThanOrEqualTo(0);
            assertThat(t.alternatives()).hasSize(5);
            assertThat(t.alternatives().get(0).id()).isEqualTo(t.id()); // greedy: the most likely one was taken
            assertThat(Math.log(t.alternatives().get(0).p())).isCloseTo(t.logprob(), within(1e-9));
            assertThat(Math.log(t.alternatives().get(0).otherP())).isCloseTo(t.otherLogprob(), within(1e-9));
            sum += t.kl();
        }
        assertThat(r.kl()).isCloseTo(sum / plain.tokens().length, within(1e-12)).isPositive();
        assertThat(r.steeredTokens().get(0).alternatives().get(0).id())
                .isEqualTo(r.steeredTokens().get(0).id());
        assertThat(r.edits()).hasSize(5);
        assertThat(String.join("", r.promptTokens())).endsWith(PROMPT);
        JsonNode json = Json.MAPPER.valueToTree(r);
        assertThat(json.get("default").asString()).isEqualTo(r.defaultText());
        assertThat(json.get("steered").asString()).isEqualTo(r.steered());
        assertThat(json.get("kl").asDouble()).isEqualTo(r.kl());
        assertThat(json.get("default_tokens").get(0).has("other_logprob")).isTrue();
    }

    @Test
    void theSameSeedWritesTheSameAndAnotherDoesNot() {
        SteerRequest request = SteerRequest.of(PROMPT, strong()).sampled(15, 1, 7);
        SteerResult a = run(request);
        SteerResult b = run(request);
        SteerResult c = run(SteerRequest.of(PROMPT, strong()).sampled(15, 1, 8));
        assertThat(b.defaultText()).isEqualTo(a.defaultText());
        assertThat(b.steered()).isEqualTo(a.steered());
        assertThat(b.kl()).isEqualTo(a.kl());
        assertThat(c.steered()).isNotEqualTo(a.steered());
    }

    @Test
    void klIsTheDivergenceOfTwoKnownDistributions() {
        double[] p = {Math.log(0.5), Math.log(0.5)};
        double[] q = {Math.log(0.25), Math.log(0.75)};
        double expected = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
        assertThat(Comparison.kl(p, q)).isCloseTo(expected, within(1e-12));
        assertThat(Comparison.kl(p, p)).isEqualTo(0);
    }

    @Test
    void wrongRequestsAreOneSentence() {
        refused(SteerRequest.of("", Variant.NONE), "prompt is empty");
        refused(SteerRequest.of("a", Variant.NONE).greedy(-1), "max_tokens");
        refused(SteerRequest.of("a", Variant.NONE).sampled(5, -1, 0), "temperature");
        refused(SteerRequest.of("word ".repeat(600), Variant.NONE), "no room");
        refused(SteerRequest.of("a", Variant.of(Edit.feature("three", 256, EditOp.ABLATE, null))), "0 to 255");
    }

    private static void refused(SteerRequest r, String words) {
        assertThatThrownBy(() -> run(r)).isInstanceOf(UsageException.class).hasMessageContaining(words);
    }
}
