package dev.loupe.steer.language;

import dev.loupe.base.Progress;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.HeldOut;
import dev.loupe.model.Continuation;
import dev.loupe.model.Generation;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Sampling;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenListener;
import dev.loupe.sae.Sae;
import dev.loupe.steer.CompiledVariant;
import dev.loupe.steer.language.Passages.Passage;
import dev.loupe.steer.language.Trials.Condition;
import dev.loupe.steer.language.Trials.Judged;
import dev.loupe.steer.language.Trials.Setting;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Measures how often a text that began in one language goes on in another, by SAE latents, by neurons, by a difference of
 * means, by random latents of equal size and by a prompt, all ordered pairs of some languages, at matched effort. Statistics
 * and strengths come from training documents, prompts from held-out ones.
 */
public final class LanguageTrial {
    /** A reference: the prompt is continued by the model as it is. */
    static final String DEFAULT = "default";
    /** A reference: two sentences in the target language stand in front. */
    static final String PROMPT = "two-sentence-prompt";
    /** A reference: the model as it is continues a text in the target language. */
    static final String OWN = "own-text";
    /** A reference: real passages in the target language. */
    static final String REAL = "real-text";

    private static final int EFFORT_TEXTS = 4;
    private static final int EFFORT_TOKENS = 40;
    private static final int FRONTS = 8;
    private static final int AT_ONCE = 192;
    private static final double TEMPERATURE = 0.7;
    private static final double TOP_P = 0.95;

    private final LanguageModel model;
    private final TrialPlan plan;
    private final Progress progress;
    private final Passages passages;
    private final TrialMethods methods;
    private final int[] lead;
    private final Judge judge;
    private final TrialJournal journal;
    private final List<Judged> judged = new ArrayList<>();
    private final Map<Condition, Setting> settings = new LinkedHashMap<>();

    /** A prompt to continue; null for no edits. */
    private record Task(
            Condition condition,
            Passage prompt,
            int number,
            boolean heldOut,
            @Nullable CompiledVariant variant,
            int[] ids) {
        TrialJournal.Key key() {
            return new TrialJournal.Key(condition, heldOut, number);
        }
    }

    private record Begun(Task task, Continuation text) {}

    private LanguageTrial(
            LanguageModel model,
            Sae sae,
            DocumentSource source,
            HeldOut held,
            TrialPlan plan,
            TrialJournal journal,
            Progress progress) {
        this.model = model;
        this.journal = journal;
        this.plan = plan;
        this.progress = progress;
        progress.stage("reading the corpus", 1, "corpus");
        this.passages = new Passages(source, held, plan.languages(), model.tokenizer(), progress);
        this.lead = passages.lead();
        this.methods = new TrialMethods(model, sae, plan.languages(), passages, plan.seed(), progress);
        this.judge = judge();
    }

    /**
     * Runs a trial.
     *
     * @param sae reads a hook point of this model
     * @throws dev.loupe.base.UsageException in one sentence, if corpus, SAE or plan do not fit
     */
    public static LanguageTable run(
            LanguageModel model, Sae sae, DocumentSource source, HeldOut held, TrialPlan plan, Progress progress) {
        try (TrialJournal none = TrialJournal.none()) {
            return run(model, sae, source, held, plan, none, progress);
        }
    }

    /** The same; what {@code journal} holds already is not done again, and what is done is kept in it. */
    public static LanguageTable run(
            LanguageModel model,
            Sae sae,
            DocumentSource source,
            HeldOut held,
            TrialPlan plan,
            TrialJournal journal,
            Progress progress) {
        plan.check();
        long start = System.nanoTime();
        LanguageTrial trial = new LanguageTrial(model, sae, source, held, plan, journal, progress);
        if (journal.settings().isEmpty()) {
            trial.match();
            journal.matched(trial.settings);
        } else {
            trial.settings.putAll(journal.settings());
        }
        trial.write(trial.tasks());
        trial.readReal();
        TrialReport report =
                new TrialReport(plan, trial.methods, trial.settings, trial.judged, trial.passages.identifier());
        return report.table(trial.judge, (System.nanoTime() - start) / 1e9);
    }

    private Judge judge() {
        Map<String, List<int[]>> prefixes = new HashMap<>();
        Map<String, List<int[]>> real = new HashMap<>();
        Map<String, Double> own = new HashMap<>();
        for (String l : plan.languages()) {
            List<int[]> fronts = passages.some(l, false, FRONTS, Passages.PROMPT, 0).stream()
                    .map(p -> Judge.join(lead, p.ids()))
                    .toList();
            prefixes.put(l, fronts);
            real.put(
                    l,
                    passages.some(l, true, plan.prompts(), plan.tokens(), 0).stream()
                            .map(Passage::ids)
                            .toList());
            List<Continuation> begun = new ArrayList<>();
            for (int i = 0; i < 3 * fronts.size(); i++) {
                begun.add(model.begin(fronts.get(i % fronts.size()), sampling(i), Taps.none()));
            }
            own.put(
                    l,
                    begun.stream()
                            .mapToDouble(c -> Judge.distinct2(
                                    c.listen(TokenListener.silent()).tokens()))
                            .average()
                            .orElse(0));
            progress.check();
        }
        return new Judge(model, passages.identifier(), prefixes, own, real);
    }

    private Sampling sampling(int number) {
        return Sampling.random(plan.tokens(), TEMPERATURE, TOP_P, plan.seed() + number);
    }

    /** Strengths of equal effort, measured on training documents. */
    private void match() {
        int n = plan.languages().size();
        progress.stage("matching strengths", n * (n - 1), "pairs");
        int done = 0;
        for (int s = 0; s < n; s++) {
            Effort effort = new Effort(
                    model,
                    lead,
                    passages.some(plan.languages().get(s), false, EFFORT_TEXTS, EFFORT_TOKENS, 0).stream()
                            .map(Passage::ids)
                            .toList());
            for (int t = 0; t < n; t++) {
                if (t == s) {
                    continue;
                }
                int[] front = passages.twoSentences(plan.languages().get(t), 1).getFirst();
                settings.put(new Condition(PROMPT, s, t, null), new Setting(1, effort.ofPrompt(front)));
                for (String method : TrialMethods.MATCHED) {
                    match(effort, method, s, t);
                    progress.check();
                }
                progress.advance(++done);
            }
        }
    }

    private void match(Effort effort, String method, int s, int t) {
        if (methods.units(method, s, t) == 0) {
            return; // no neuron is specific to this language: the method has nothing to offer here
        }
        double[] curve = effort.curve(x -> taps(method, s, t, x));
        for (double level : plan.levels()) {
            double strength = Effort.strength(curve, level);
            double kl = effort.of(taps(method, s, t, strength));
            settings.put(new Condition(method, s, t, level), new Setting(strength, kl));
            if (method.equals(TrialMethods.LATENTS)) {
                double random = effort.of(taps(TrialMethods.RANDOM, s, t, strength));
                settings.put(new Condition(TrialMethods.RANDOM, s, t, level), new Setting(strength, random));
            }
        }
    }

    private Taps taps(String method, int s, int t, double strength) {
        return methods.variant(method, s, t, strength).on(new int[0], 0).taps();
    }

    private List<Task> tasks() {
        List<Task> tasks = new ArrayList<>();
        int n = plan.languages().size();
        for (int s = 0; s < n; s++) {
            String language = plan.languages().get(s);
            List<Passage> test = passages.some(language, true, plan.prompts(), Passages.PROMPT, 0);
            List<Passage> choice = passages.some(language, false, plan.choicePrompts(), Passages.PROMPT, 1);
            add(tasks, new Condition(OWN, s, s, null), test, true, null, List.of(new int[0]));
            for (int t = 0; t < n; t++) {
                if (t == s) {
                    continue;
                }
                add(tasks, new Condition(DEFAULT, s, t, null), test, true, null, List.of(new int[0]));
                add(
                        tasks,
                        new Condition(PROMPT, s, t, null),
                        test,
                        true,
                        null,
                        passages.twoSentences(plan.languages().get(t), FRONTS));
                for (Map.Entry<Condition, Setting> e : settings.entrySet()) {
                    Condition c = e.getKey();
                    if (c.source() != s || c.target() != t || c.level() == null) {
                        continue;
                    }
                    CompiledVariant v =
                            methods.variant(c.method(), s, t, e.getValue().strength());
                    add(tasks, c, test, true, v, List.of(new int[0]));
                    if (!c.method().equals(TrialMethods.RANDOM)) {
                        add(tasks, c, choice, false, v, List.of(new int[0]));
                    }
                }
            }
        }
        return tasks;
    }

    private void add(
            List<Task> tasks,
            Condition c,
            List<Passage> prompts,
            boolean heldOut,
            @Nullable CompiledVariant v,
            List<int[]> fronts) {
        for (int i = 0; i < prompts.size(); i++) {
            int[] front = Judge.join(lead, fronts.get(i % fronts.size()));
            tasks.add(new Task(
                    c,
                    prompts.get(i),
                    i,
                    heldOut,
                    v,
                    Judge.join(front, prompts.get(i).ids())));
        }
    }

    /** Writes all texts that are not there yet, many at once, and judges all. */
    private void write(List<Task> tasks) {
        progress.stage("writing", tasks.size(), "texts");
        Deque<Begun> open = new ArrayDeque<>();
        Map<TrialJournal.Key, Judge.Candidate> texts = new HashMap<>();
        try {
            for (int i = 0; i < tasks.size() || !open.isEmpty(); ) {
                if (i < tasks.size() && open.size() < AT_ONCE) {
                    Task task = tasks.get(i++);
                    TrialJournal.Written known = journal.text(task.key());
                    if (known == null) {
                        open.add(new Begun(task, begin(task)));
                    } else {
                        texts.put(task.key(), candidate(task, known.ids(), known.text()));
                    }
                    continue;
                }
                Begun first = open.remove();
                Generation g = first.text().listen(TokenListener.silent());
                journal.written(first.task().key(), g.tokens(), g.text());
                texts.put(first.task().key(), candidate(first.task(), g.tokens(), g.text()));
                progress.check();
                progress.advance(texts.size());
            }
        } finally {
            open.forEach(b -> b.text().cancel());
        }
        progress.stage("judging", 1, "table");
        List<Judge.Candidate> all = tasks.stream()
                .map(t -> Objects.requireNonNull(texts.get(t.key())))
                .toList();
        List<Judge.Verdict> verdicts = judge.judge(all);
        for (int i = 0; i < tasks.size(); i++) {
            Task t = tasks.get(i);
            judged.add(new Judged(
                    t.condition(), t.prompt(), t.heldOut(), all.get(i).text(), verdicts.get(i)));
        }
    }

    private Continuation begin(Task task) {
        Taps taps = task.variant() == null
                ? Taps.none()
                : task.variant().on(task.ids(), task.ids().length).taps();
        return model.begin(task.ids(), sampling(task.number()), taps);
    }

    private Judge.Candidate candidate(Task task, int[] ids, String text) {
        return new Judge.Candidate(plan.languages().get(task.condition().target()), ids, text);
    }

    /** Judges real passages: what the criteria let through at best. */
    private void readReal() {
        for (int l = 0; l < plan.languages().size(); l++) {
            String language = plan.languages().get(l);
            List<Passage> real = passages.some(language, true, plan.prompts(), plan.tokens(), 0);
            List<Judge.Candidate> texts = real.stream()
                    .map(p -> new Judge.Candidate(
                            language, p.ids(), model.tokenizer().decode(p.ids(), true)))
                    .toList();
            List<Judge.Verdict> verdicts = judge.judge(texts);
            for (int i = 0; i < real.size(); i++) {
                Condition c = new Condition(REAL, l, l, null);
                judged.add(
                        new Judged(c, real.get(i), true, texts.get(i).text(), Objects.requireNonNull(verdicts.get(i))));
            }
        }
    }
}
