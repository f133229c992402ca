package dev.loupe.diagnose;

import dev.loupe.base.Progress;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.toy.ToySaes;
import dev.loupe.toy.ToyStore;
import dev.loupe.toy.ToyTokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Stores whose rows a test gives, and the SAE that takes every dimension as a latent. */
public final class GivenRows {
    private GivenRows() {}

    /** The row at a position (BOS not counted) of a sequence. */
    @FunctionalInterface
    public interface Rows {
        float[] at(int sequence, int position);
    }

    /** A store of sequences, one document each; two labels take turns. */
    public static ActivationStore store(Path folder, int width, int sequences, int length, Rows rows) {
        List<ToyStore.Doc> docs = new ArrayList<>();
        for (int s = 0; s < sequences; s++) {
            int[] ids = new int[length + 1];
            ids[0] = ToyTokenizer.BOS;
            for (int p = 1; p <= length; p++) {
                ids[p] = 1 + (s + p) % 4;
            }
            docs.add(new ToyStore.Doc("doc" + s, "label" + s % 2, s % 5 == 0, List.of(ids)));
        }
        int[] next = {0};
        return ToyStore.write(folder, width, docs, ids -> {
            float[][] x = new float[ids.length][width];
            for (int p = 1; p < ids.length; p++) {
                x[p] = rows.at(next[0], p - 1);
            }
            next[0]++;
            return x;
        });
    }

    /** f = ReLU(x), x̂ = f. */
    public static Sae identity(String name, int width) {
        float[][] one = new float[width][width];
        for (int i = 0; i < width; i++) {
            one[i][i] = 1;
        }
        return ToySaes.of(name, Architecture.RELU, 0, one, one, new float[width], new float[width]);
    }

    /** Runs one diagnostic on a store with SAEs. */
    public static Finding run(Diagnostic diagnostic, ActivationStore store, Sae... saes) {
        return finding(diagnostic, new Subject(null, null, store, List.of(saes), List.of(), Limits.standard()));
    }

    /** Runs one diagnostic. */
    public static Finding finding(Diagnostic diagnostic, Subject subject) {
        DiagnosticRun.Report report = DiagnosticRun.run(List.of(diagnostic), subject, Progress.silent());
        DiagnosticRun.Done done = report.of(diagnostic.id());
        return new Finding(
                done.result().answer(),
                done.result().numbers(),
                done.table(),
                done.result().figures(),
                done.result().notes());
    }
}
