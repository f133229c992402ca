package dev.loupe.steer.language;

import dev.loupe.steer.LanguageIdentifier;
import dev.loupe.steer.language.LanguageTable.Example;
import dev.loupe.steer.language.LanguageTable.Identified;
import dev.loupe.steer.language.LanguageTable.Pair;
import dev.loupe.steer.language.LanguageTable.Row;
import dev.loupe.steer.language.Trials.Condition;
import dev.loupe.steer.language.Trials.Judged;
import dev.loupe.steer.language.Trials.Setting;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Counts the texts of a {@link LanguageTrial}. */
final class TrialReport {
    private static final int EXAMPLES = 3;

    private final TrialPlan plan;
    private final TrialMethods methods;
    private final Map<Condition, Setting> settings;
    private final LanguageIdentifier identifier;
    private final Map<Condition, List<Judged>> test;
    private final Map<Condition, List<Judged>> choice;

    TrialReport(
            TrialPlan plan,
            TrialMethods methods,
            Map<Condition, Setting> settings,
            List<Judged> judged,
            LanguageIdentifier identifier) {
        this.identifier = identifier;
        this.plan = plan;
        this.methods = methods;
        this.settings = settings;
        this.test = by(judged, Judged::heldOut);
        this.choice = by(judged, j -> !j.heldOut());
    }

    private static Map<Condition, List<Judged>> by(List<Judged> all, Predicate<Judged> which) {
        return all.stream()
                .filter(which)
                .collect(Collectors.groupingBy(Judged::condition, LinkedHashMap::new, Collectors.toList()));
    }

    LanguageTable table(Judge judge, double seconds) {
        List<Row> rows = new ArrayList<>();
        for (String reference :
                List.of(LanguageTrial.REAL, LanguageTrial.OWN, LanguageTrial.DEFAULT, LanguageTrial.PROMPT)) {
            rows.add(row(reference, null, false, conditions(c -> c.method().equals(reference))));
        }
        List<Pair> pairs = new ArrayList<>();
        List<Example> examples = new ArrayList<>();
        List<String> all = new ArrayList<>(TrialMethods.MATCHED);
        all.add(TrialMethods.RANDOM);
        for (String method : all) {
            for (double level : plan.levels()) {
                rows.add(row(method, level, false, conditions(c -> c.method().equals(method) && is(c, level))));
            }
            List<Condition> chosen = chosen(method);
            rows.add(row(method, null, true, chosen));
            chosen.forEach(c -> pairs.add(pair(c)));
            chosen.stream()
                    .flatMap(c -> texts(c).stream())
                    .filter(j -> j.verdict().switched())
                    .limit(EXAMPLES)
                    .forEach(j -> examples.add(example(j)));
        }
        Map<String, Double> loss = new LinkedHashMap<>();
        plan.languages().forEach(l -> loss.put(l, judge.realLoss(l)));
        return new LanguageTable(
                "1.0",
                plan,
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                seconds,
                "naive Bayes over character n-grams, " + identifier.languages().size()
                        + " languages, training documents",
                identified(),
                loss,
                List.copyOf(rows),
                List.copyOf(pairs),
                List.copyOf(examples));
    }

    private List<Judged> texts(Condition c) {
        return test.getOrDefault(c, List.of());
    }

    private static boolean is(Condition c, double level) {
        Double l = c.level();
        return l != null && l == level;
    }

    private List<Condition> conditions(Predicate<Condition> which) {
        return test.keySet().stream().filter(which).toList();
    }

    /** For every pair the level that did best on training documents; of equal ones the lowest. */
    private List<Condition> chosen(String method) {
        List<Condition> chosen = new ArrayList<>();
        String decides = method.equals(TrialMethods.RANDOM) ? TrialMethods.LATENTS : method;
        int n = plan.languages().size();
        for (int s = 0; s < n; s++) {
            for (int t = 0; t < n; t++) {
                Condition best = null;
                long most = -1;
                for (double level : plan.levels()) {
                    List<Judged> tried = choice.getOrDefault(new Condition(decides, s, t, level), List.of());
                    long hits =
                            tried.stream().filter(j -> j.verdict().switched()).count();
                    if (!tried.isEmpty() && hits > most) {
                        most = hits;
                        best = new Condition(method, s, t, level);
                    }
                }
                if (best != null && test.containsKey(best)) {
                    chosen.add(best);
                }
            }
        }
        return chosen;
    }

    private Row row(String method, @Nullable Double level, boolean chosen, List<Condition> of) {
        List<Judged> texts = of.stream().flatMap(c -> texts(c).stream()).toList();
        List<Setting> known = of.stream()
                .map(settings::get)
                .filter(java.util.Objects::nonNull)
                .toList();
        return new Row(
                method,
                level,
                chosen,
                known.isEmpty()
                        ? null
                        : (Double) known.stream()
                                .mapToDouble(Setting::kl)
                                .average()
                                .orElse(0),
                share(texts),
                part(texts, j -> j.verdict().named()),
                part(texts, j -> j.verdict().varied()));
    }

    private static Share share(List<Judged> texts) {
        return Share.of(
                texts.stream().map(j -> j.counted(j.verdict().switched())).toList());
    }

    private static double part(List<Judged> texts, Predicate<Judged> which) {
        return texts.isEmpty() ? 0 : (double) texts.stream().filter(which).count() / texts.size();
    }

    private Pair pair(Condition c) {
        Double level = c.level();
        Setting set = settings.get(c);
        if (level == null || set == null) {
            throw new IllegalStateException("no strength for " + c);
        }
        return new Pair(
                c.method(),
                plan.languages().get(c.source()),
                plan.languages().get(c.target()),
                level,
                set.strength(),
                methods.units(c.method(), c.source(), c.target()),
                share(texts(c)));
    }

    private Example example(Judged j) {
        Condition c = j.condition();
        return new Example(
                c.method(),
                plan.languages().get(c.source()),
                plan.languages().get(c.target()),
                methods.text(j.prompt().ids()),
                j.text());
    }

    /** The identifier on real passages, among all languages that it knows; their documents were not learnt from. */
    private Identified identified() {
        List<Share.Text> right = new ArrayList<>();
        List<Share.Text> sure = new ArrayList<>();
        int wrong = 0;
        for (Condition c : conditions(x -> x.method().equals(LanguageTrial.REAL))) {
            for (Judged j : texts(c)) {
                LanguageIdentifier.Guess l = identifier.of(j.text());
                boolean is = l.language().equals(j.prompt().language());
                boolean certain = l.confidence() >= Judge.SURE;
                right.add(j.counted(is));
                sure.add(j.counted(is && certain));
                wrong += !is && certain ? 1 : 0;
            }
        }
        return new Identified(Share.of(right), Share.of(sure), (double) wrong / Math.max(1, right.size()));
    }
}
