package dev.loupe.eval;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.SequenceTable;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** k-sparse probing on the labels of documents; see {@link ReportCard.Probe}. */
final class Probing {
    /** Why there may be no probe. */
    static final String NONE = "the store has no two labels with 10 training and 4 held-out documents each";

    private static final int[] K = {1, 2, 5};
    private static final int ROWS_PER_DOCUMENT = 128;
    private static final int LEAST_TRAIN = 10;
    private static final int LEAST_TEST = 4;
    private static final int MOST_LABELS = 24;
    private static final Pattern LAYER = Pattern.compile("blocks\\.(\\d+)\\..*");

    private static final Recent<float[][]> NEURONS = new Recent<>();

    private final Sae sae;
    private final ActivationStore store;
    private final @Nullable LanguageModel model;
    private final int most;

    /** @param most training documents; half as many held-out ones */
    Probing(Sae sae, ActivationStore store, @Nullable LanguageModel model, int most) {
        this.sae = sae;
        this.store = store;
        this.model = model;
        this.most = most;
    }

    /** A document: its first sequence, its label, its side. */
    private record Doc(int sequence, String label, boolean test) {}

    /** Probes of every label that has enough documents on both sides; none where there are not two such labels. */
    List<ReportCard.Probe> run(Progress progress) {
        List<Doc> docs = documents();
        List<String> labels = labels(docs);
        if (labels.size() < 2) {
            return List.of();
        }
        docs.removeIf(d -> !labels.contains(d.label()));
        progress.stage("probe labels with " + sae.name(), docs.size(), "documents");
        float[][] latents = new float[docs.size()][];
        float[][] residual = new float[docs.size()][];
        for (int i = 0; i < docs.size(); i++) {
            progress.check();
            pool(docs.get(i), i, latents, residual);
            progress.advance(i + 1);
        }
        String key = store.fingerprint() + "|" + sae.hookName() + "|" + docs.size();
        float[][] neurons = model == null ? new float[0][] : NEURONS.get(key, () -> neurons(docs, progress));
        List<ReportCard.Probe> probes = new ArrayList<>();
        progress.stage("fit probes", labels.size(), "labels");
        for (String label : labels) {
            progress.check();
            probes.add(probe(label, docs, latents, residual, neurons));
            progress.advance(probes.size());
        }
        return probes;
    }

    /** Documents spread evenly over the store, with a label that is not in doubt. */
    private List<Doc> documents() {
        SequenceTable sequences = store.sequences();
        List<Doc> train = new ArrayList<>();
        List<Doc> test = new ArrayList<>();
        int last = -1;
        for (int s = 0; s < sequences.size(); s++) {
            int d = sequences.document(s);
            String label = store.documents().label(d);
            if (d != last && sequences.rows(s) > 0 && !label.isBlank() && !label.equals("und")) {
                boolean held = store.documents().heldOut(d);
                (held ? test : train).add(new Doc(s, label, held));
            }
            last = d;
        }
        List<Doc> all = new ArrayList<>(spread(train, most));
        all.addAll(spread(test, most / 2));
        return all;
    }

    private static List<Doc> spread(List<Doc> docs, int most) {
        int n = Math.min(most, docs.size());
        List<Doc> some = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            some.add(docs.get((int) ((long) i * docs.size() / n)));
        }
        return some;
    }

    private static List<String> labels(List<Doc> docs) {
        Map<String, int[]> counts = new LinkedHashMap<>();
        docs.forEach(d -> counts.computeIfAbsent(d.label(), l -> new int[2])[d.test() ? 1 : 0]++);
        return counts.entrySet().stream()
                .filter(e -> e.getValue()[0] >= LEAST_TRAIN && e.getValue()[1] >= LEAST_TEST)
                .map(Map.Entry::getKey)
                .sorted()
                .limit(MOST_LABELS)
                .toList();
    }

    private void pool(Doc doc, int i, float[][] latents, float[][] residual) {
        SequenceTable sequences = store.sequences();
        int rows = Math.min(ROWS_PER_DOCUMENT, sequences.rows(doc.sequence()));
        long[] ids = new long[rows];
        for (int r = 0; r < rows; r++) {
            ids[r] = sequences.firstRow(doc.sequence()) + r;
        }
        float[] sums = new float[sae.dSae()];
        try (Arena arena = Arena.ofShared()) {
            Matrix x = Matrix.allocate(arena, rows, sae.dIn());
            store.reader(sae.hookName()).gather(ids, 0, rows, x);
            residual[i] = mean(x);
            SparseCodes codes = sae.encode(x);
            for (int e = 0; e < codes.size(); e++) {
                sums[codes.ids()[e]] += codes.values()[e] / rows;
            }
        }
        latents[i] = sums;
    }

    private static float[] mean(Matrix x) {
        float[] mean = new float[x.cols()];
        for (long r = 0; r < x.rows(); r++) {
            float[] row = x.row(r);
            for (int j = 0; j < mean.length; j++) {
                mean[j] += row[j] / x.rows();
            }
        }
        return mean;
    }

    /** Mean activations of the neurons of the MLP in the SAE's layer; empty where its hook names no layer. */
    private float[][] neurons(List<Doc> docs, Progress progress) {
        Matcher layer = LAYER.matcher(sae.hookName());
        if (!layer.matches() || model == null) {
            return new float[0][];
        }
        HookPoint hook =
                model.hook("blocks." + layer.group(1) + ".mlp.hook_post").hook();
        progress.stage("neurons for probes", docs.size(), "documents");
        float[][] pooled = new float[docs.size()][];
        for (int i = 0; i < pooled.length; i++) {
            progress.check();
            int[] tokens = store.sequences().tokens(docs.get(i).sequence());
            int from = tokens.length - store.sequences().rows(docs.get(i).sequence());
            int[] some = java.util.Arrays.copyOf(tokens, Math.min(tokens.length, from + ROWS_PER_DOCUMENT));
            Forward f = model.forward(TokenBatch.of(some), Taps.read(List.of(hook)), Want.NOTHING);
            Activation a = f.activation(hook);
            float[] mean = new float[a.width()];
            int rows = Math.max(1, some.length - from);
            for (int p = from; p < some.length; p++) {
                float[] row = a.row(0, p);
                for (int j = 0; j < mean.length; j++) {
                    mean[j] += row[j] / rows;
                }
            }
            pooled[i] = mean;
            progress.advance(i + 1);
        }
        return pooled;
    }

    private static ReportCard.Probe probe(
            String label, List<Doc> docs, float[][] latents, float[][] residual, float[][] neurons) {
        boolean[] y = new boolean[docs.size()];
        boolean[] test = new boolean[docs.size()];
        int train = 0;
        for (int i = 0; i < y.length; i++) {
            y[i] = docs.get(i).label().equals(label);
            test[i] = docs.get(i).test();
            train += test[i] ? 0 : 1;
        }
        int[] all = new int[residual[0].length];
        java.util.Arrays.setAll(all, j -> j);
        int[] best = top(latents, y, test, K[K.length - 1]);
        return new ReportCard.Probe(
                label,
                train,
                y.length - train,
                K,
                sparse(latents, y, test),
                sparse(residual, y, test),
                neurons.length == 0 ? new double[0] : sparse(neurons, y, test),
                accuracy(residual, all, y, test),
                best);
    }

    private static double[] sparse(float[][] x, boolean[] y, boolean[] test) {
        double[] accuracies = new double[K.length];
        for (int i = 0; i < K.length; i++) {
            accuracies[i] = accuracy(x, top(x, y, test, K[i]), y, test);
        }
        return accuracies;
    }

    /** The features with the largest absolute difference of class means on training documents, largest first. */
    static int[] top(float[][] x, boolean[] y, boolean[] test, int k) {
        int d = x[0].length;
        double[] difference = new double[d];
        int[] counts = new int[2];
        for (int r = 0; r < x.length; r++) {
            counts[y[r] ? 1 : 0] += test[r] ? 0 : 1;
        }
        for (int r = 0; r < x.length; r++) {
            if (!test[r]) {
                double weight = y[r] ? 1.0 / Math.max(1, counts[1]) : -1.0 / Math.max(1, counts[0]);
                for (int j = 0; j < d; j++) {
                    difference[j] += weight * x[r][j];
                }
            }
        }
        return java.util.stream.IntStream.range(0, d)
                .boxed()
                .sorted(java.util.Comparator.comparingDouble(j -> -Math.abs(difference[j])))
                .limit(k)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private static double accuracy(float[][] x, int[] features, boolean[] y, boolean[] test) {
        Split s = Split.of(x, features, y, test);
        return Logistic.fit(s.trainX(), s.trainY()).balancedAccuracy(s.testX(), s.testY());
    }

    /** Rows with some of their features, by side. */
    record Split(float[][] trainX, boolean[] trainY, float[][] testX, boolean[] testY) {
        static Split of(float[][] x, int[] features, boolean[] y, boolean[] test) {
            int held = 0;
            for (boolean t : test) {
                held += t ? 1 : 0;
            }
            Split s = new Split(
                    new float[x.length - held][], new boolean[x.length - held], new float[held][], new boolean[held]);
            int a = 0;
            int b = 0;
            for (int r = 0; r < x.length; r++) {
                float[] row = new float[features.length];
                for (int j = 0; j < row.length; j++) {
                    row[j] = x[r][features[j]];
                }
                if (test[r]) {
                    s.testX[b] = row;
                    s.testY[b++] = y[r];
                } else {
                    s.trainX[a] = row;
                    s.trainY[a++] = y[r];
                }
            }
            return s;
        }
    }
}
