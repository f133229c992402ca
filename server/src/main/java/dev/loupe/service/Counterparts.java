package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.compare.Cosines;
import dev.loupe.compare.Matching;
import dev.loupe.compare.MatchingFiles;
import dev.loupe.feature.FeatureSummary;
import dev.loupe.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Where a latent is found again: its counterparts in every SAE that its own was compared with, and the nearest by cosine in
 * every other seed.
 */
public final class Counterparts {
    /** Values of other seeds' decoder rows that are read for one latent at most: half a gigabyte. */
    private static final long MOST_VALUES = 1L << 27;

    private final Saes saes;
    private final NearestLatents nearest = new NearestLatents();
    private final Workspace workspace;
    private final Comparisons comparisons;
    private final Features features;
    private final Map<Comparisons.Pair, Opened> open = new ConcurrentHashMap<>();

    /** A comparison with what looking from B needs. */
    private record Opened(FileTime written, Matching matching, int[] decoderMatchOfB, int[] encoderMatchOfB) {}

    Counterparts(Workspace workspace, Saes saes, Comparisons comparisons, Features features) {
        this.workspace = workspace;
        this.saes = saes;
        this.comparisons = comparisons;
        this.features = features;
    }

    /** The counterparts of a latent, one per comparison that its SAE is part of. */
    public List<Counterpart> of(String sae, int id) {
        List<Counterpart> all = new ArrayList<>();
        for (Comparisons.Pair pair : comparisons.list()) {
            if (pair.a().equals(sae) == pair.b().equals(sae)) { // neither, or the SAE with itself
                continue;
            }
            Opened o = opened(pair);
            boolean fromA = pair.a().equals(sae);
            if (id < (fromA ? o.matching.widthA() : o.matching.widthB())) {
                all.add(fromA ? inB(pair, o.matching, id) : inA(pair, o, id));
            }
        }
        return all;
    }

    /**
     * The counterparts in compared SAEs, then the nearest latent by cosine of decoder rows in every other seed: an SAE of
     * the same model, place, architecture, width and k. Where these are very many and wide, those first in the order of
     * names.
     */
    public List<Counterpart> everywhere(String sae, int id) {
        List<Counterpart> all = new ArrayList<>(of(sae, id));
        Set<String> done = new HashSet<>();
        all.forEach(c -> done.add(c.sae()));
        SaeView mine = saes.get(sae);
        long values = 0;
        for (SaeView other : saes.list()) {
            if (isSeedOf(mine, other) && !done.contains(other.name())) {
                values += (long) other.dSae() * other.dIn();
                if (values > MOST_VALUES) {
                    break;
                }
                nearest(sae, id, other.name()).ifPresent(all::add);
            }
        }
        return List.copyOf(all);
    }

    /** Whether another SAE differs by its seed alone. */
    public static boolean isSeedOf(SaeView a, SaeView b) {
        return !a.name().equals(b.name())
                && b.problem() == null
                && RandomControl.is(a.name()) == RandomControl.is(b.name())
                && a.architecture().equals(b.architecture())
                && a.model().equals(b.model())
                && a.dSae() == b.dSae()
                && a.dIn() == b.dIn()
                && a.k() == b.k()
                && a.hook().equals(b.hook())
                && a.hookOut().equals(b.hookOut());
    }

    private Optional<Counterpart> nearest(String sae, int id, String other) {
        Sae a = saes.open(sae);
        Sae b;
        try {
            b = saes.open(other);
        } catch (LoupeException damaged) {
            return Optional.empty(); // its own page says what is wrong with it
        }
        if (a.dOut() != b.dOut() || id >= a.dSae()) {
            return Optional.empty();
        }
        NearestLatents.Nearest found = nearest.of(a, id, b);
        double encoders =
                found.id() < 0 || a.dIn() != b.dIn() ? 0 : Cosines.of(a.encoderRows(), id, b.encoderRows(), found.id());
        return Optional.of(
                new Counterpart(other, found.id(), label(other, found.id()), found.cosine(), encoders, false, false));
    }

    private Counterpart inB(Comparisons.Pair pair, Matching m, int id) {
        int other = m.decoderMatch()[id];
        return new Counterpart(
                pair.b(),
                other,
                label(pair.b(), other),
                m.decoderCosine()[id],
                m.encoderCosine()[id],
                m.isShared(id, m.threshold()),
                true);
    }

    private Counterpart inA(Comparisons.Pair pair, Opened o, int id) {
        Matching m = o.matching;
        int other = o.decoderMatchOfB[id];
        int byEncoder = o.encoderMatchOfB[id];
        return new Counterpart(
                pair.a(),
                other,
                label(pair.a(), other),
                other < 0 ? 0 : m.decoderCosine()[other],
                byEncoder < 0 ? 0 : m.encoderCosine()[byEncoder],
                other >= 0 && m.isShared(other, m.threshold()),
                true);
    }

    private String label(String sae, int id) {
        FeatureSummary s = id < 0 ? null : summary(sae, id);
        return s == null ? "" : s.label();
    }

    private @Nullable FeatureSummary summary(String sae, int id) {
        return Features.indexed(workspace, sae) ? features.index(sae).summary(id) : null;
    }

    private Opened opened(Comparisons.Pair pair) {
        Path file = MatchingFiles.folder(workspace.comparisons(), pair.a(), pair.b())
                .resolve(MatchingFiles.FILE);
        FileTime written;
        try {
            written = Files.getLastModifiedTime(file);
        } catch (IOException e) {
            written = FileTime.fromMillis(0); // gone meanwhile: opening it below says so
        }
        Opened known = open.get(pair);
        if (known == null || !known.written.equals(written)) {
            Matching m = comparisons.get(pair.a(), pair.b());
            int[] byEncoder = new int[m.widthB()];
            java.util.Arrays.fill(byEncoder, -1);
            for (int i = 0; i < m.widthA(); i++) {
                if (m.encoderMatch()[i] >= 0) {
                    byEncoder[m.encoderMatch()[i]] = i;
                }
            }
            known = new Opened(written, m, m.decoderMatchOfB(), byEncoder);
            open.put(pair, known);
        }
        return known;
    }
}
