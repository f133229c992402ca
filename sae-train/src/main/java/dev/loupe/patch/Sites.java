package dev.loupe.patch;

import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;

/** The sites of a request, resolved against model and SAEs: which hooks to read, then what each site holds. */
final class Sites {
    private final LanguageModel model;
    private final List<SiteName> names;
    private final Map<String, Sae> saes = new LinkedHashMap<>();
    private final Map<SiteName, HookPoint[]> hooks = new HashMap<>();

    /** Resolves names; unknown SAEs and those of other models are refused in one sentence. */
    Sites(LanguageModel model, List<String> sites, Function<String, Sae> open) {
        this.model = model;
        this.names = sites.stream().map(SiteName::parse).toList();
        for (SiteName n : names) {
            if (n.sae() != null && !saes.containsKey(n.sae())) {
                Sae sae = open.apply(n.sae());
                Latents.hookOf(model, sae);
                saes.put(n.sae(), sae);
            }
        }
    }

    /** Every hook that is needed. */
    Set<HookPoint> hooks() {
        Set<HookPoint> all = new LinkedHashSet<>();
        for (SiteName n : names) {
            all.addAll(List.of(hooks(n)));
        }
        return all;
    }

    /**
     * One row of a grid before anything has run.
     *
     * @param layer the layer of its hook
     * @param columns its cells
     * @param byPosition whether they are positions
     */
    record Shape(int layer, int columns, boolean byPosition) {}

    /** All rows of all grids. */
    List<Shape> shapes(int positions) {
        List<Shape> all = new ArrayList<>();
        for (SiteName n : names) {
            int heads = heads(n);
            boolean byPosition = byPosition(n);
            for (HookPoint hook : hooks(n)) {
                int rows = byPosition ? Math.max(1, heads) : 1;
                Shape row = new Shape(Math.max(0, hook.layer()), byPosition ? positions : heads, byPosition);
                all.addAll(Collections.nCopies(rows, row));
            }
        }
        return all;
    }

    /** Bytes of the activations of one pair: clean, corrupted and gradient of every hook. */
    long bytes(int positions) {
        long width = hooks().stream()
                .mapToLong(h -> Math.max(0, model.hook(h.name()).width()))
                .sum();
        return 3 * 4 * width * positions;
    }

    private int heads(SiteName n) {
        return switch (n.kind()) {
            case Q, Z, Z_POS -> model.config().nHeads();
            case K, V -> model.config().nKeyValueHeads();
            default -> 0;
        };
    }

    private boolean byPosition(SiteName n) {
        return n.kind() == SiteName.Kind.Z_POS || heads(n) == 0;
    }

    /** The sites, and the neurons and latents behind them. */
    Resolved resolve(References runs) {
        Map<String, Latents> latents = new LinkedHashMap<>();
        saes.forEach((name, sae) -> latents.put(name, Latents.of(model, sae, runs)));
        List<Site> sites = new ArrayList<>();
        List<Nodes.Candidate> nodes = new ArrayList<>();
        for (SiteName n : names) {
            Site site = n.sae() == null ? plain(n, runs) : ofSae(n, runs, Objects.requireNonNull(latents.get(n.sae())));
            sites.add(site);
            if (n.kind() == SiteName.Kind.NEURONS) {
                nodes.addAll(Nodes.neurons(site));
            } else if (n.kind() == SiteName.Kind.SAE) {
                nodes.addAll(Nodes.latents(site.name(), Objects.requireNonNull(latents.get(n.sae())), site.columns()));
            }
        }
        return new Resolved(sites, nodes);
    }

    /** What a request is about. */
    record Resolved(List<Site> sites, List<Nodes.Candidate> nodes) {}

    private HookPoint[] hooks(SiteName n) {
        return hooks.computeIfAbsent(n, this::find);
    }

    private HookPoint[] find(SiteName n) {
        if (n.sae() != null) {
            return new HookPoint[] {Latents.hookOf(model, Objects.requireNonNull(saes.get(n.sae())))};
        }
        HookPoint[] hooks = new HookPoint[model.config().nLayers()];
        for (int l = 0; l < hooks.length; l++) {
            hooks[l] = model.hook(n.hook(l)).hook();
        }
        return hooks;
    }

    private Site plain(SiteName n, References runs) {
        HookPoint[] hooks = hooks(n);
        float[][][] corrupt = new float[hooks.length][][];
        float[][][] clean = new float[hooks.length][][];
        for (int l = 0; l < hooks.length; l++) {
            corrupt[l] = runs.corrupt(hooks[l]);
            clean[l] = runs.clean(hooks[l]);
        }
        return new Site(n.kind().key, hooks, corrupt, clean, heads(n), byPosition(n));
    }

    private Site ofSae(SiteName n, References runs, Latents latents) {
        float[][] corrupt = runs.corrupt(latents.hook());
        float[][] clean = runs.clean(latents.hook());
        float[][] change = latents.change();
        float[][] target = new float[corrupt.length][];
        boolean error = n.kind() == SiteName.Kind.ERROR;
        for (int p = 0; p < corrupt.length; p++) {
            target[p] = new float[corrupt[p].length];
            for (int i = 0; i < target[p].length; i++) {
                // error: what is left of clean − corrupt when the latents' part is taken away
                target[p][i] = error ? clean[p][i] - change[p][i] : corrupt[p][i] + change[p][i];
            }
        }
        return new Site(
                n.kind().key + ":" + n.sae(),
                new HookPoint[] {latents.hook()},
                new float[][][] {corrupt},
                new float[][][] {target},
                0,
                true);
    }
}
