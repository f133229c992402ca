package dev.loupe.eval;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.model.Tokenizer;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowSet;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/** Feature absorption on token rows; see {@link ReportCard.Absorbed}. */
final class Absorption {
    /** Why nothing may be measured. */
    static final String NONE =
            "not measurable on this model: no probe on its activations reaches F1 0.9 on held-out tokens";

    /** Why nothing could even be tried. */
    static final String FEW = "not measurable on this text: no label and no first letter has 60 tokens among"
            + " those looked at, and as many without, both in training and in held-out documents";

    /** A probe below this says too little about what the model knows to blame the SAE. */
    static final double LEAST_F1 = 0.9;

    /** F1 that each further main latent must bring. */
    private static final double SPLITTING = 0.03;

    private static final int MOST_MAIN = 10;
    private static final int ROWS = 12_000;
    private static final int PER_CLASS = 800;
    private static final int LEAST = 60;
    private static final int MOST_TASKS = 30;

    private final Sae sae;
    private final ActivationStore store;
    private final @Nullable Tokenizer tokenizer;
    private boolean tried;

    /** @param tokenizer for the first letters of tokens; null to look at labels only */
    Absorption(Sae sae, ActivationStore store, @Nullable Tokenizer tokenizer) {
        this.sae = sae;
        this.store = store;
        this.tokenizer = tokenizer;
    }

    /** Why {@link #run} has found nothing. */
    String nothing() {
        return tried ? NONE : FEW;
    }

    /** The tasks whose probe is good enough. */
    List<ReportCard.Absorbed> run(Progress progress) {
        long[] rows = rows();
        boolean[] test = new boolean[rows.length];
        for (int r = 0; r < rows.length; r++) {
            test[r] = store.documents().heldOut(store.tokens().document(rows[r]));
        }
        Map<String, boolean[]> tasks = new TreeMap<>();
        collect("label ", rows, row -> store.tokens().label(row), tasks);
        Tokenizer t = tokenizer;
        if (t != null) {
            collect("first letter ", rows, row -> letter(t, store.tokens().tokenId(row)), tasks);
        }
        tasks.values().removeIf(y -> few(y, test));
        tried = !tasks.isEmpty();
        List<ReportCard.Absorbed> found = new ArrayList<>();
        progress.stage("absorption in " + sae.name(), Math.min(MOST_TASKS, tasks.size()), "tasks");
        int done = 0;
        for (Map.Entry<String, boolean[]> task : tasks.entrySet()) {
            if (done == MOST_TASKS) {
                break;
            }
            progress.check();
            ReportCard.Absorbed a = measure(task.getKey(), rows, task.getValue(), test);
            if (a != null) {
                found.add(a);
            }
            progress.advance(++done);
        }
        return found;
    }

    private long[] rows() {
        List<Long> all = new ArrayList<>();
        for (RowSet set : List.of(store.trainRowIds(), store.heldOutRowIds())) {
            long n = Math.min(ROWS / 2, set.size());
            for (long i = 0; i < n; i++) {
                all.add(set.get(i * set.size() / n));
            }
        }
        return all.stream().mapToLong(Long::longValue).toArray();
    }

    private static void collect(String kind, long[] rows, LongFunction<String> label, Map<String, boolean[]> tasks) {
        for (int r = 0; r < rows.length; r++) {
            String l = label.apply(rows[r]);
            if (!l.isBlank() && !l.equals("und")) {
                tasks.computeIfAbsent(kind + l, k -> new boolean[rows.length])[r] = true;
            }
        }
    }

    private static boolean few(boolean[] y, boolean[] test) {
        int[][] counts = new int[2][2];
        for (int r = 0; r < y.length; r++) {
            counts[test[r] ? 1 : 0][y[r] ? 1 : 0]++;
        }
        return counts[0][0] < LEAST || counts[0][1] < LEAST || counts[1][0] < LEAST || counts[1][1] < LEAST;
    }

    /** The first letter of a token's text; blank where it begins with none. */
    private static String letter(Tokenizer t, int id) {
        String text = t.decode(new int[] {id}).strip().toLowerCase(Locale.ROOT);
        return text.isEmpty() || !Character.isLetter(text.codePointAt(0))
                ? ""
                : new String(Character.toChars(text.codePointAt(0)));
    }

    /** As many rows of both classes on each side, spread evenly. */
    private static int[] balanced(boolean[] y, boolean[] test) {
        List<Integer> chosen = new ArrayList<>();
        for (boolean side : new boolean[] {false, true}) {
            List<List<Integer>> classes = List.of(new ArrayList<>(), new ArrayList<>());
            for (int r = 0; r < y.length; r++) {
                if (test[r] == side) {
                    classes.get(y[r] ? 1 : 0).add(r);
                }
            }
            int n = Math.min(
                    PER_CLASS, Math.min(classes.get(0).size(), classes.get(1).size()));
            for (List<Integer> c : classes) {
                for (int i = 0; i < n; i++) {
                    chosen.add(c.get((int) ((long) i * c.size() / n)));
                }
            }
        }
        return chosen.stream().mapToInt(Integer::intValue).sorted().toArray();
    }

    private ReportCard.@Nullable Absorbed measure(String task, long[] rows, boolean[] y, boolean[] test) {
        int[] chosen = balanced(y, test);
        boolean[] cy = new boolean[chosen.length];
        boolean[] ct = new boolean[chosen.length];
        long[] ids = new long[chosen.length];
        for (int i = 0; i < chosen.length; i++) {
            cy[i] = y[chosen[i]];
            ct[i] = test[chosen[i]];
            ids[i] = rows[chosen[i]];
        }
        try (Arena arena = Arena.ofShared()) {
            Matrix x = Matrix.allocate(arena, ids.length, sae.dIn());
            store.reader(sae.hookName()).gather(ids, 0, ids.length, x);
            float[][] activation = new float[ids.length][];
            for (int r = 0; r < ids.length; r++) {
                activation[r] = x.row(r);
            }
            int[] every = new int[sae.dIn()];
            Arrays.setAll(every, j -> j);
            Probing.Split s = Probing.Split.of(activation, every, cy, ct);
            Logistic probe = Logistic.fit(s.trainX(), s.trainY());
            double f1 = probe.f1(s.testX(), s.testY());
            if (f1 < LEAST_F1) {
                return null;
            }
            SparseCodes codes = sae.encode(x);
            int[] main = main(codes, cy, ct);
            return score(task, f1, main, probe, codes, activation, cy, ct);
        }
    }

    /** k-sparse probing with growing k, as long as the F1 on held-out rows rises by enough. */
    private int[] main(SparseCodes codes, boolean[] y, boolean[] test) {
        float[][] dense = new float[y.length][sae.dSae()];
        for (int r = 0; r < y.length; r++) {
            for (int e = codes.offsets()[r]; e < codes.offsets()[r + 1]; e++) {
                dense[r][codes.ids()[e]] = codes.values()[e];
            }
        }
        int[] best = Probing.top(dense, y, test, MOST_MAIN);
        double before = 0;
        int k = 1;
        for (; k <= best.length; k++) {
            Probing.Split s = Probing.Split.of(dense, Arrays.copyOf(best, k), y, test);
            double f1 = Logistic.fit(s.trainX(), s.trainY()).f1(s.testX(), s.testY());
            if (k > 1 && f1 < before + SPLITTING) {
                break;
            }
            before = f1;
        }
        return Arrays.copyOf(best, Math.max(1, k - 1));
    }

    private ReportCard.Absorbed score(
            String task,
            double f1,
            int[] main,
            Logistic probe,
            SparseCodes codes,
            float[][] activation,
            boolean[] y,
            boolean[] test) {
        double[] p = probe.direction();
        double[] along = new double[sae.dSae()];
        for (int i = 0; i < along.length; i++) {
            float[] d = sae.decoderRows().row(i);
            for (int j = 0; j < p.length; j++) {
                along[i] += p[j] * d[j];
            }
        }
        double sum = 0;
        int right = 0;
        int absorbed = 0;
        for (int r = 0; r < y.length; r++) {
            if (!y[r] || !test[r] || probe.score(activation[r]) <= 0) {
                continue;
            }
            right++;
            double ofMain = 0;
            double ofOthers = 0;
            for (int e = codes.offsets()[r]; e < codes.offsets()[r + 1]; e++) {
                int id = codes.ids()[e];
                double projection = codes.values()[e] * along[id];
                if (Arrays.stream(main).anyMatch(m -> m == id)) {
                    ofMain += projection;
                } else if (projection > 0) {
                    ofOthers += projection;
                }
            }
            double whole = 0;
            for (int j = 0; j < p.length; j++) {
                whole += p[j] * activation[r][j];
            }
            if (ofMain < whole && ofOthers > 0) {
                absorbed++;
                sum += ofOthers / (ofOthers + Math.max(0, ofMain));
            }
        }
        return new ReportCard.Absorbed(task, f1, main, right == 0 ? 0 : sum / right, right, absorbed);
    }
}
