package dev.loupe.service;

import com.fasterxml.jackson.annotation.JsonFormat;
import dev.loupe.base.Names;
import dev.loupe.base.Nearest;
import dev.loupe.base.UsageException;
import dev.loupe.train.Method;
import dev.loupe.train.TrainPreset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A sweep: every combination of architecture, width, sparsity, seed and any varied setting, on one store.
 *
 * @param name of the sweep; its SAEs are NAME.ARCH-WIDTH-kK[-SETTING-VALUE]-sSEED
 * @param store the activation store
 * @param hook which of its hook points; null if it has one
 * @param hookOut the hook point that transcoders reconstruct; null for SAEs
 * @param arch architectures, see {@link Method}
 * @param dSae widths
 * @param k active latents per token: k of topk, batchtopk and matryoshka, the L0 target of the others
 * @param seeds of the initial weights
 * @param steps optimiser steps
 * @param tokens rows to see, instead of steps
 * @param preset the recipe that everything else comes from; null for the demo's
 * @param set further settings of the recipe, by name
 * @param vary settings that take several values, by name
 * @param evaluate whether held-out figures are measured at the end; null for yes
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
        @Nullable Boolean evaluate) {

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
            "evaluate");

    private static final int MOST = 10_000;

    /** One SAE of the sweep. */
    public record Cell(String arch, int dSae, int k, long seed, Map<String, Object> varied) {
        /** The name of its SAE. */
        String name(String sweep) {
            StringBuilder name = new StringBuilder(sweep + "." + arch + "-" + dSae + "-k" + k);
            varied.forEach((setting, value) -> name.append('-')
                    .append(setting)
                    .append('-')
                    .append(String.valueOf(value).replaceAll("[^A-Za-z0-9.]", "_")));
            return name + "-s" + seed;
        }
    }

    /** Fills in what JSON may leave out, and checks what can be checked alone. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public SweepSpec {
        if (name == null || store == null) {
            throw new UsageException("A sweep needs a name and a store.");
        }
        Names.check(name);
        arch = arch == null || arch.isEmpty() ? List.of("topk") : List.copyOf(arch);
        arch = arch.stream().map(a -> Method.of(a).id()).distinct().toList();
        dSae = dSae == null || dSae.isEmpty()
                ? List.of(2048)
                : dSae.stream().distinct().toList();
        k = k == null || k.isEmpty() ? List.of(24) : k.stream().distinct().toList();
        seeds = seeds == null || seeds.isEmpty()
                ? List.of(0L)
                : seeds.stream().distinct().toList();
        set = set == null ? Map.of() : Map.copyOf(set);
        vary = vary == null ? Map.of() : new LinkedHashMap<>(vary);
        if (preset != null) {
            TrainPreset.of(preset);
        }
        if (steps != null && tokens != null) {
            throw new UsageException("Give steps or tokens, not both.");
        }
        if (dSae.stream().anyMatch(x -> x < 1) || k.stream().anyMatch(x -> x < 1)) {
            throw new UsageException("Widths and k are at least 1.");
        }
        long count = (long) arch.size() * dSae.size() * k.size() * seeds.size();
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

    /** Every SAE, in order: seeds vary fastest. */
    List<Cell> cells() {
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
        }
        List<Cell> cells = new ArrayList<>();
        for (String a : arch) {
            for (int n : dSae) {
                for (int active : k) {
                    for (Map<String, Object> v : varied) {
                        for (long s : seeds) {
                            cells.add(new Cell(a, n, active, s, v));
                        }
                    }
                }
            }
        }
        return cells;
    }

    /** The order to train one of them alone. */
    TrainSpec training(Cell c) {
        Map<String, Object> all = new LinkedHashMap<>(set);
        all.putAll(c.varied());
        return TrainSpec.of(c.name(name), store, c.arch(), c.dSae())
                .hook(hook)
                .hookOut(hookOut)
                .active(c.k())
                .seeds(List.of(c.seed()))
                .steps(steps)
                .tokens(tokens)
                .set(all)
                .preset(preset)
                .build();
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
