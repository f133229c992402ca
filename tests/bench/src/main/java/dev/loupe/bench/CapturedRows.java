package dev.loupe.bench;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.corpus.Corpora;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.ModelOptions;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.BatchStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;

/** Rows of a store that is captured from the embedded model, for benchmarks whose peer reads arrays. */
final class CapturedRows {
    static final String HOOK = "blocks.3.hook_resid_post";
    static final int WIDTH = 192;

    private CapturedRows() {}

    /** So many rows in the order of training, centred and scaled so that their mean squared norm is their width. */
    static Matrix read(Arena arena, Path folder, int rows) throws Exception {
        Path stores = folder.resolve("stores");
        try (LanguageModel model =
                LanguageModels.open(LanguageModels.builtin(folder.resolve("models")), ModelOptions.defaults())) {
            CaptureJob.run(
                    CaptureRequest.of("bench", stores, "builtin", Corpora.EUROPARL, List.of(HOOK), rows + 1024)
                            .withHeldOut("0"),
                    model,
                    Progress.silent());
        }
        Matrix m = Matrix.allocate(arena, rows, WIDTH);
        double scale;
        float[] mean;
        try (ActivationStore store = ActivationStore.open(stores.resolve("bench"))) {
            new BatchStream(store, HOOK, 0, rows).batch(0, m, new long[rows]);
            mean = store.mean(HOOK);
            double squares = store.meanSquaredNorm(HOOK);
            for (float v : mean) {
                squares -= (double) v * v;
            }
            scale = Math.sqrt(WIDTH / squares);
        }
        for (int r = 0; r < rows; r++) {
            float[] row = m.row(r);
            for (int j = 0; j < WIDTH; j++) {
                row[j] = (float) (scale * (row[j] - mean[j]));
            }
            m.setRow(r, row);
        }
        AtomicFiles.deleteTree(stores);
        return m;
    }
}
