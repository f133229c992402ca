package dev.loupe.steer;

import dev.loupe.base.Progress;
import dev.loupe.corpus.LanguageLabeler;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.model.Generation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * A steering example that can be measured: a latent which fires mostly in one language, added while the model continues
 * English prompts, and the share of continuations that an offline language identifier finds to be in that language,
 * beside the share without the edit. Latent and strength are chosen on some prompts and measured on others, so that the
 * figure is not the luck of the choice.
 */
public final class LanguageSteering {
    /** Languages tried, in this order, until one works; all have much demo text, none is close to English. */
    public static final List<String> LANGUAGES = List.of("fi", "fr", "de", "es", "it", "el", "pl", "sv", "nl", "pt");

    /** Prompts that latent and strength are chosen on. */
    public static final List<String> CHOICE_PROMPTS = List.of(
            "I would like to thank the rapporteur for",
            "The European Parliament",
            "We believe that the Commission",
            "It is important that");

    /** Prompts that the outcome is measured on. */
    public static final List<String> PROMPTS = List.of(
            "Mr President, ladies and gentlemen, I",
            "The Council has decided",
            "In my opinion, this report",
            "The Member States should",
            "Our group will vote",
            "The debate on this subject",
            "There are many people who",
            "The situation of small farmers",
            "Last year the Commission",
            "We need a policy that",
            "The children went to the",
            "I hope that this proposal");

    private static final double[] STRENGTHS = {0.5, 1, 1.5, 2, 3};
    private static final double[] FIRST_STRENGTHS = {1, 2};
    private static final int CANDIDATES = 3;
    private static final int CHOICE_TOKENS = 24;
    private static final int TOKENS = 40;
    private static final double GOOD = 0.75;

    private LanguageSteering() {}

    /**
     * An example with its measured outcome.
     *
     * @param sae the SAE
     * @param feature the latent
     * @param language the language it fires in, ISO 639-1
     * @param languageShare share of its firings in documents of that language
     * @param density share of all tokens on which it is active
     * @param strength multiple of its largest activation that is added
     * @param absolute the same in activation units
     * @param variant the edit, ready to be used or saved
     * @param share share of the steered continuations that are in the language
     * @param baseline the same without the edit
     * @param kl mean KL(default ‖ steered) on the default continuations, nats a token
     * @param samples the single prompts
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Example(
            String sae,
            int feature,
            String language,
            double languageShare,
            double density,
            double strength,
            double absolute,
            Variant variant,
            double share,
            double baseline,
            double kl,
            List<Sample> samples) {}

    /**
     * One prompt.
     *
     * @param prompt the prompt
     * @param defaultText continuation without the edit
     * @param defaultLanguage its language, {@code und} if doubtful
     * @param steered continuation with the edit
     * @param steeredLanguage its language
     */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record Sample(
            String prompt, String defaultText, String defaultLanguage, String steered, String steeredLanguage) {}

    /** Latents that fire mostly in a language, those that fire most first. */
    public static List<FeatureSummary> candidates(FeatureIndex index, String language) {
        return index.all().stream()
                .filter(f -> !f.dead() && f.topLabel().equals(language) && f.topLabelShare() >= 0.5 && f.max() > 0)
                .sorted(Comparator.comparingDouble((FeatureSummary f) -> -f.density() * f.topLabelShare()))
                .limit(CANDIDATES)
                .toList();
    }

    /**
     * Finds an example among the languages, chooses latent and strength, and measures them on other prompts.
     *
     * @param context must know the SAE and the maxima of its index
     * @param labeler tells the languages of the continuations
     * @return empty if no latent of any language turns at least half of the prompts it is chosen on
     */
    public static Optional<Example> find(
            LanguageModel model,
            FeatureIndex index,
            SteeringContext context,
            LanguageLabeler labeler,
            List<String> languages,
            Progress progress) {
        Choice best = null;
        progress.stage("looking for a language feature", languages.size(), "languages");
        for (int i = 0; i < languages.size() && (best == null || best.share() < GOOD); i++) {
            for (FeatureSummary f : candidates(index, languages.get(i))) {
                best = better(best, choose(model, index.sae(), f, languages.get(i), FIRST_STRENGTHS, context, labeler));
                progress.check();
            }
            progress.advance(i + 1);
        }
        if (best == null || best.share() == 0) {
            return Optional.empty();
        }
        // the least strength that does most
        Choice tuned = choose(model, index.sae(), best.feature(), best.language(), STRENGTHS, context, labeler);
        if (tuned.share() < 0.5) {
            return Optional.empty();
        }
        return Optional.of(measure(
                model, index.sae(), tuned.feature(), tuned.language(), tuned.strength(), context, labeler, progress));
    }

    /** Measures one latent at one strength on {@link #PROMPTS}. */
    public static Example measure(
            LanguageModel model,
            String sae,
            FeatureSummary feature,
            String language,
            double strength,
            SteeringContext context,
            LanguageLabeler labeler,
            Progress progress) {
        Variant variant = variant(sae, feature, language, strength);
        List<Sample> samples = new ArrayList<>();
        int turned = 0;
        int before = 0;
        double kl = 0;
        progress.stage("measuring on other prompts", PROMPTS.size(), "prompts");
        for (int i = 0; i < PROMPTS.size(); i++) {
            SteerRequest request = SteerRequest.of(PROMPTS.get(i), variant).sampled(TOKENS, 0.7, i);
            SteerResult r = Steering.run(model, request, context, SteerListener.silent(), Progress.silent());
            String plain = labeler.label(r.defaultText()).language();
            String steered = labeler.label(r.steered()).language();
            samples.add(new Sample(PROMPTS.get(i), r.defaultText(), plain, r.steered(), steered));
            before += plain.equals(language) ? 1 : 0;
            turned += steered.equals(language) ? 1 : 0;
            kl += r.kl();
            progress.advance(i + 1);
            progress.check();
        }
        double n = PROMPTS.size();
        return new Example(
                sae,
                feature.id(),
                language,
                feature.topLabelShare(),
                feature.density(),
                strength,
                strength * feature.max(),
                variant,
                turned / n,
                before / n,
                kl / n,
                List.copyOf(samples));
    }

    /** The edit of an example, named after its language. */
    static Variant variant(String sae, FeatureSummary feature, String language, double strength) {
        return new Variant("speak-" + language, List.of(Edit.feature(sae, feature.id(), EditOp.ADD, strength)), null);
    }

    private record Choice(FeatureSummary feature, String language, double strength, double share) {}

    private static Choice better(@org.jspecify.annotations.Nullable Choice a, Choice b) {
        return a == null || b.share() > a.share() ? b : a;
    }

    private static Choice choose(
            LanguageModel model,
            String sae,
            FeatureSummary feature,
            String language,
            double[] strengths,
            SteeringContext context,
            LanguageLabeler labeler) {
        Choice best = new Choice(feature, language, strengths[0], -1);
        for (double strength : strengths) {
            CompiledVariant compiled = Steering.compile(variant(sae, feature, language, strength), model, context);
            int turned = 0;
            for (int i = 0; i < CHOICE_PROMPTS.size(); i++) {
                int[] prompt = model.tokenizer().encode(CHOICE_PROMPTS.get(i));
                CompiledVariant.Run run = compiled.on(prompt, prompt.length);
                Taps taps = run.taps();
                Generation g = model.generate(
                        prompt,
                        Sampling.random(CHOICE_TOKENS, 0.7, 0.95, i),
                        taps,
                        run.listening(TokenListener.silent()));
                turned += labeler.label(g.text()).language().equals(language) ? 1 : 0;
            }
            best = better(best, new Choice(feature, language, strength, turned / (double) CHOICE_PROMPTS.size()));
        }
        return best;
    }
}
