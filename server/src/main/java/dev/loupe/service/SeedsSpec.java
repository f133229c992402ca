package dev.loupe.service;

import dev.loupe.base.Names;
import dev.loupe.base.UsageException;
import dev.loupe.compare.Matching;
import dev.loupe.sae.Architecture;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An experiment on seeds: SAEs that differ in their initial weights only, for a base cell and for cells that change one
 * factor. The first entry of each list is the base.
 *
 * @param name of the experiment; its SAEs are NAME.ARCH-WIDTH-kK-tTOKENS-sSEED
 * @param store the activation store
 * @param hook which of its hook points; null if it has one
 * @param arch architectures, every cell is done for each
 * @param seeds two or more
 * @param dSae widths
 * @param k active latents per token: k of topk, the L0 target of the others
 * @param tokens training lengths
 * @param threshold least cosine of a shared pair; null for 0.7
 * @param set further settings of the training, by name
 */
public record SeedsSpec(
        String name,
        String store,
        @Nullable String hook,
        List<String> arch,
        List<Long> seeds,
        List<Integer> dSae,
        List<Integer> k,
        List<Long> tokens,
        @Nullable Double threshold,
        Map<String, Object> set) {

    /**
     * One setting of all factors.
     *
     * @param arch the architecture
     * @param dSae number of latents
     * @param k active latents per token
     * @param tokens training length in rows
     */
    public record Cell(String arch, int dSae, int k, long tokens) {
        /** The name of its SAEs without the seed. */
        String name(String experiment) {
            return experiment + "." + arch + "-" + dSae + "-k" + k + "-t" + tokens;
        }
    }

    /** Fills in what JSON may leave out, and checks what can be checked alone. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public SeedsSpec {
        if (name == null || store == null) {
            throw new UsageException("An experiment on seeds needs a name and a store.");
        }
        Names.check(name);
        arch = arch == null || arch.isEmpty() ? List.of("topk") : List.copyOf(arch);
        arch.forEach(Architecture::of);
        seeds = seeds == null || seeds.isEmpty() ? List.of(0L, 1L, 2L) : List.copyOf(seeds);
        dSae = dSae == null || dSae.isEmpty() ? List.of(512) : List.copyOf(dSae);
        k = k == null || k.isEmpty() ? List.of(24) : List.copyOf(k);
        tokens = tokens == null || tokens.isEmpty() ? List.of(2_048_000L) : List.copyOf(tokens);
        set = set == null ? Map.of() : Map.copyOf(set);
        if (seeds.stream().distinct().count() < seeds.size() || seeds.size() < 2) {
            throw new UsageException("An experiment on seeds needs two or more seeds, each named once.");
        }
        if (dSae.stream().anyMatch(x -> x < 1)
                || k.stream().anyMatch(x -> x < 1)
                || tokens.stream().anyMatch(x -> x < 1)) {
            throw new UsageException("Widths, k and tokens are at least 1.");
        }
        double tau = threshold == null ? Matching.DEFAULT_THRESHOLD : threshold;
        if (!(tau >= 0 && tau <= 1)) {
            throw new UsageException("The threshold is " + tau + "; a cosine from 0 to 1 is meant.");
        }
        for (String a : arch) {
            for (Cell cell : cells(a, dSae, k, tokens)) {
                for (long seed : seeds) {
                    Names.check(cell.name(name) + "-s" + seed);
                }
            }
        }
    }

    double cosine() {
        return threshold == null ? Matching.DEFAULT_THRESHOLD : threshold;
    }

    Cell base(String architecture) {
        return new Cell(architecture, dSae.getFirst(), k.getFirst(), tokens.getFirst());
    }

    /** The cells of an architecture, base first, each once. */
    List<Cell> cells(String architecture) {
        return cells(architecture, dSae, k, tokens);
    }

    private static List<Cell> cells(String arch, List<Integer> widths, List<Integer> ks, List<Long> lengths) {
        Set<Cell> cells = new LinkedHashSet<>();
        int n0 = widths.getFirst();
        int k0 = ks.getFirst();
        long t0 = lengths.getFirst();
        lengths.forEach(t -> cells.add(new Cell(arch, n0, k0, t)));
        widths.forEach(n -> cells.add(new Cell(arch, n, k0, t0)));
        widths.forEach(n -> cells.add(new Cell(arch, n, k0, perLatent(t0, n0, n))));
        ks.forEach(k -> cells.add(new Cell(arch, n0, k, t0)));
        return new ArrayList<>(cells);
    }

    /** As many tokens per latent at width n as {@code tokens} are at width {@code base}. */
    static long perLatent(long tokens, int base, int n) {
        return Math.max(1, Math.round((double) tokens * n / base));
    }
}
