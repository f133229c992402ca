package dev.loupe.service;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.compare.Matching;
import dev.loupe.compare.MatchingFiles;
import dev.loupe.compare.SaeMatcher;
import dev.loupe.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Comparing SAEs: which latents of one are also in another. */
public final class Comparisons {
    private final Workspace workspace;
    private final Saes saes;

    /** A pair that was compared. */
    public record Pair(String a, String b) {}

    Comparisons(Workspace workspace, Saes saes) {
        this.workspace = workspace;
        this.saes = saes;
    }

    /** The pairs that were compared, by name. */
    public List<Pair> list() {
        List<String> names = saes.names();
        List<Pair> pairs = new ArrayList<>();
        for (String folder : MatchingFiles.list(workspace.comparisons())) {
            // a name may hold two hyphens itself: take the cut that gives two SAEs
            for (int at = folder.indexOf("--"); at >= 0; at = folder.indexOf("--", at + 1)) {
                Pair pair = new Pair(folder.substring(0, at), folder.substring(at + 2));
                if (names.contains(pair.a) && names.contains(pair.b)) {
                    pairs.add(pair);
                    break;
                }
            }
        }
        return pairs;
    }

    /**
     * A saved comparison.
     *
     * @throws dev.loupe.base.NotFoundException if the pair was not compared in this order
     */
    public Matching get(String a, String b) {
        saes.folder(a);
        saes.folder(b);
        return MatchingFiles.open(workspace.comparisons(), a, b);
    }

    /** Whether there is a saved comparison with this threshold that is younger than both SAEs. */
    public boolean isCurrent(CompareSpec spec) {
        if (!MatchingFiles.exists(workspace.comparisons(), spec.a(), spec.b())) {
            return false;
        }
        Path file = MatchingFiles.folder(workspace.comparisons(), spec.a(), spec.b())
                .resolve(MatchingFiles.FILE);
        try {
            long at = Files.getLastModifiedTime(file).toMillis();
            return Saes.written(saes.folder(spec.a())).toMillis() <= at
                    && Saes.written(saes.folder(spec.b())).toMillis() <= at
                    && get(spec.a(), spec.b()).threshold() == spec.cosine();
        } catch (IOException e) {
            return false;
        }
    }

    /** Compares two SAEs and saves the result; one that is there already and fits is kept. */
    public Matching run(CompareSpec spec, Progress progress) {
        double threshold = spec.cosine();
        if (!(threshold >= 0 && threshold <= 1)) {
            throw new UsageException("The threshold is " + threshold + "; a cosine from 0 to 1 is meant.");
        }
        Sae a = saes.open(spec.a());
        Sae b = saes.open(spec.b());
        if (isCurrent(spec)) {
            progress.message("The comparison of " + spec.a() + " and " + spec.b() + " is there already.");
            return get(spec.a(), spec.b());
        }
        Matching matching = SaeMatcher.match(a, b, threshold, progress);
        MatchingFiles.save(workspace.comparisons(), matching);
        return matching;
    }
}
