package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonFormat;
import dev.loupe.base.Names;
import dev.loupe.base.Nearest;
import dev.loupe.base.UsageException;
import dev.loupe.train.Method;
import dev.loupe.train.MethodSettings;
import dev.loupe.train.TrainPreset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A sweep: every combination of hook point, architecture, width, sparsity, seed and any varied setting, on one stream of
 * rows.
 *
 * @param name of the sweep; its SAEs are NAME.[HOOK.]ARCH-WIDTH[-kK][-SETTING-VALUE]-sSEED, with the hook point where there
 *     are several, and K where it was asked for; transcoders over several layers end in -l0, -l1 and so on, and are transcoder sets
 * @param store the activation store; {@value TrainSpec#NO_STORE} to train straight from the model of {@code live}
 * @param hook which hook points: names joined by commas, or a pattern; null if the store has one
 * @param hookOut as many hook points that transcoders reconstruct; null for SAEs
 * @param arch architectures, see {@link Method}
 * @param dSae widths
 * @param k active latents per token: k of topk, batchtopk and matryoshka, the L0 target of the others. Empty where a preset, or
 *     a setting such as l1, says how sparse SAEs are; 24 where nothing does
 * @param seeds of the initial weights
 * @param steps optimiser steps
 * @param tokens rows to see, instead of steps
 * @param preset the recipe that everything else comes from; null for the demo's
 * @param set further settings of the recipe, by name
 * @param vary settings that take several values, by name
 * @param evaluate whether held-out figures are measured at the end; null for yes
 * @param live model and text of a sweep without a store; null with one
 * @param evalStore the store whose held-out rows SAEs are measured on; null for the one that they are trained on
 */
public record SweepSpec(
        String name,
        String store,
        @Nullable String hook,
        @Nullable String hookOut,

        @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<String> arch,

        @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<Integer> dSae,

        @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<Integer> k,

        @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
        List<Long> seeds,

        @Nullable Long steps,
        @Nullable Long tokens,
        @Nullable String preset,
        Map<String, Object> set,
        Map<String, List<Object>> vary,
        @Nullable Boolean evaluate,
        @Nullable LiveSpec live,
        @Nullable String evalStore) {

    /** The keys of a file. */
    public static final List<String> KEYS = List.of(
            "name",
            "store",
            "hook",
            "hook_out",
            "arch",
            "d_sae",
            "k",
            "seeds",
            "steps",
            "tokens",
            "preset",
            "set",
            "vary",
            "evaluate",
            "live",
            "eval_store");

    private static final int MOST = 10_000;

    /** Settings that say how sparse an SAE is. */
    private static final List<String> SPARSITY = List.of("k", "l0_target", "l1", "l0_coefficient");

    /** One SAE of the sweep. */
    record Cell(
            SweepPlace place,
            String arch,
            int dSae,
            @Nullable Integer k,
            long seed,
            Map<String, Object> varied) {
        /** The name of its SAE. */
        String name(String sweep) {
            StringBuilder name = new StringBuilder(arch + "-" + dSae + (k == null ? "" : "-k" + k));
            varied.forEach((setting, value) -> name.append('-')
                    .append(setting)
                    .append('-')
                    .append(String.valueOf(value).replaceAll("[^A-Za-z0-9.]", "_")));
            return place.name(sweep, name + "-s" + seed);
        }
    }

    /** Fills in what JSON may leave out, and checks what can be checked alone. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public SweepSpec {
        if (name == null || store == null) {
            throw new UsageException("A sweep needs a name and a store.");
        }
        Names.check(name);
        if (store.equals(TrainSpec.NO_STORE) != (live != null)) {
            throw new UsageException(
                    live == null
                            ? "A sweep without a store reads a text through a model: give live with a text (and a model)."
                            : "A sweep has a store, or a model and a text under live, not both: the store none stands for"
                                    + " the latter.");
        }
        if (live != null && hook == null) {
            throw new UsageException(
                    "A sweep straight from a model needs hook points, such as blocks.3.hook_resid_post.");
        }
        arch = arch == null || arch.isEmpty() ? List.of("topk") : List.copyOf(arch);
        arch = arch.stream().map(a -> Method.of(a).id()).distinct().toList();
        dSae = dSae == null || dSae.isEmpty()
                ? List.of(2048)
                : dSae.stream().distinct().toList();
        seeds = seeds == null || seeds.isEmpty()
                ? List.of(0L)
                : seeds.stream().distinct().toList();
        set = set == null ? Map.of() : Map.copyOf(set);
        vary = vary == null ? Map.of() : new LinkedHashMap<>(vary);
        if (k == null || k.isEmpty()) {
            k = preset != null || says(SPARSITY, set, vary) ? List.of() : List.of(24);
        } else {
            k = k.stream().distinct().toList();
        }
        if (preset != null) {
            TrainPreset.of(preset);
        }
        if (steps != null && tokens != null) {
            throw new UsageException("Give steps or tokens, not both.");
        }
        if (dSae.stream().anyMatch(x -> x < 1) || k.stream().anyMatch(x -> x < 1)) {
            throw new UsageException("Widths and k are at least 1.");
        }
        long count = (long) arch.size() * dSae.size() * Math.max(1, k.size()) * seeds.size();
        for (Map.Entry<String, List<Object>> e : vary.entrySet()) {
            if (e.getValue() == null || e.getValue().isEmpty()) {
                throw new UsageException("The varied setting " + e.getKey() + " has no values.");
            }
            count *= e.getValue().size();
            if (set.containsKey(e.getKey())) {
                throw new UsageException("The setting " + e.getKey() + " is both set and varied.");
            }
        }
        if (count > MOST) {
            throw new UsageException("This sweep has " + count + " SAEs; at most " + MOST + " are meant.");
        }
    }

    /** Every SAE, in order: seeds vary fastest, places slowest. */
    List<Cell> cells(List<SweepPlace> places) {
        List<Map<String, Object>> varied = new ArrayList<>(List.of(Map.of()));
        for (Map.Entry<String, List<Object>> e : vary.entrySet()) {
            List<Map<String, Object>> more = new ArrayList<>();
            for (Map<String, Object> before : varied) {
                for (Object value : e.getValue()) {
                    Map<String, Object> one = new LinkedHashMap<>(before);
                    one.put(e.getKey(), value);
                    more.add(one);
                }
            }
            varied = more;
            if (varied.size() > MOST) {
                throw new UsageException("This sweep varies more than " + MOST + " settings; fewer are meant.");
            }
        }
        List<@Nullable Integer> sparsities = new ArrayList<>(k);
        if (sparsities.isEmpty()) {
            sparsities.add(null); // what the recipe says
        }
        double count =
                (double) places.size() * arch.size() * dSae.size() * sparsities.size() * seeds.size() * varied.size();
        if (count > MOST) {
            throw new UsageException("This sweep has " + (long) count + " SAEs; at most " + MOST + " are meant.");
        }
        List<Cell> cells = new ArrayList<>();
        for (SweepPlace place : places) {
            for (String a : arch) {
                for (int n : dSae) {
                    for (Integer active : sparsities) {
                        for (Map<String, Object> v : varied) {
                            for (long s : seeds) {
                                cells.add(new Cell(place, a, n, active, s, v));
                            }
                        }
                    }
                }
            }
        }
        return cells;
    }

    /** The order to train one of them alone. */
    TrainSpec training(Cell c) {
        Method method = Method.of(c.arch());
        Map<String, Object> all = new LinkedHashMap<>(set);
        all.keySet()
                .removeIf(s -> !MethodSettings.uses(method, s)
                        && arch.stream().anyMatch(a -> MethodSettings.uses(Method.of(a), s))); // it is for those
        all.putAll(c.varied());
        TrainSpec.Builder training = TrainSpec.of(c.name(name), store, c.arch(), c.dSae())
                .hook(c.place().hook())
                .hookOut(c.place().hookOut().isEmpty() ? null : c.place().hookOut())
                .live(live)
                .seeds(List.of(c.seed()))
                .steps(steps)
                .tokens(tokens)
                .set(all)
                .preset(preset);
        return (c.k() == null ? training : training.active(c.k())).build();
    }

    private static boolean says(List<String> settings, Map<String, Object> set, Map<String, List<Object>> vary) {
        return settings.stream().anyMatch(s -> set.containsKey(s) || vary.containsKey(s));
    }

    /**
     * Refuses a sweep that asks for a sparsity in two ways.
     *
     * @throws UsageException in one sentence
     */
    void checkSparsity() {
        if (!k.isEmpty() && says(List.of("l1"), set, vary)) {
            throw new UsageException(
                    "The sweep has both k and l1: k steers the weight of the penalty towards an L0, and l1"
                            + " keeps it fixed; leave one of them out.");
        }
    }

    /**
     * Refuses a key that a sweep does not have.
     *
     * @throws UsageException with the nearest one
     */
    public static void checkKeys(Iterable<String> keys) {
        for (String key : keys) {
            if (!KEYS.contains(key)) {
                throw new UsageException("A sweep has no \"" + key + "\"; did you mean " + Nearest.to(key, KEYS)
                        + "? It has " + String.join(", ", KEYS) + "; settings of the training go under set or vary.");
            }
        }
    }
}
