package dev.loupe.diagnose;

import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.SequenceTable;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One pass over rows of the store, whole sequences in an order in which any beginning is a fair sample. Each SAE encodes a
 * row once, however many studies want its latents.
 */
final class RowStream {
    private static final int BLOCK = 4096;

    private final Subject subject;
    private final List<Session> sessions;
    private final DiagnosticRun.Counters counters;

    RowStream(Subject subject, List<Session> sessions, DiagnosticRun.Counters counters) {
        this.subject = subject;
        this.sessions = sessions.stream().filter(s -> s.wants.ofStore()).toList();
        this.counters = counters;
    }

    void read(String name, Progress progress) {
        if (sessions.isEmpty()) {
            return;
        }
        ActivationStore store = subject.store();
        long limit = subject.limits().rows();
        long most = Math.min(
                limit,
                sessions.stream().mapToLong(s -> s.wants.rowLimit()).max().orElse(0));
        int[] order = TextSample.spread(
                store.sequences().size(),
                (double) limit / store.rows(),
                subject.limits().seed());
        progress.stage(name + "rows of " + store.name(), Math.min(most, store.rows()), "rows");
        long[] seen = new long[sessions.size()];
        long read = 0;
        int next = 0;
        while (next < order.length && read < most) {
            progress.check();
            int end = next;
            int rows = 0;
            while (end < order.length && (rows == 0 || rows + store.sequences().rows(order[end]) <= BLOCK)) {
                rows += store.sequences().rows(order[end++]);
            }
            if (rows > 0) {
                block(Arrays.copyOfRange(order, next, end), rows, seen);
            }
            next = end;
            read += rows;
            counters.rows += rows;
            progress.advance(read);
        }
    }

    private void block(int[] sequences, int rows, long[] seen) {
        Set<String> hooks = new LinkedHashSet<>();
        Set<Sae> saes = new LinkedHashSet<>();
        for (int i = 0; i < seen.length; i++) {
            Wants w = sessions.get(i).wants;
            if (seen[i] < w.rowLimit()) {
                hooks.addAll(w.rows());
                saes.addAll(w.saes());
            }
        }
        long start = System.nanoTime();
        try (Arena arena = Arena.ofShared()) {
            RowPass pass = pass(sequences, rows, hooks, List.copyOf(saes), arena);
            counters.readingNanos += System.nanoTime() - start;
            long counting = System.nanoTime();
            Parallel.run(seen.length, i -> {
                Session s = sessions.get(i);
                if (seen[i] < s.wants.rowLimit()) {
                    seen[i] += rows;
                    s.rows += rows;
                    s.timed(() -> s.study.see(pass));
                }
            });
            counters.countingNanos += System.nanoTime() - counting;
        }
    }

    private RowPass pass(int[] sequences, int rows, Set<String> hooks, List<Sae> saes, Arena arena) {
        ActivationStore store = subject.store();
        SequenceTable table = store.sequences();
        int[] starts = new int[sequences.length + 1];
        long[] ids = new long[rows];
        int at = 0;
        for (int s = 0; s < sequences.length; s++) {
            starts[s] = at;
            for (int r = 0; r < table.rows(sequences[s]); r++) {
                ids[at++] = table.firstRow(sequences[s]) + r;
            }
        }
        starts[sequences.length] = at;
        Set<String> read = new LinkedHashSet<>(hooks);
        saes.forEach(s -> read.add(s.hookName()));
        Map<String, Matrix> values = new LinkedHashMap<>();
        for (String hook : read) {
            Matrix m = Matrix.allocate(arena, rows, store.width(hook));
            store.reader(hook).gather(ids, 0, rows, m);
            values.put(hook, m);
        }
        Map<Sae, SparseCodes> codes = new LinkedHashMap<>();
        List<Sae> all = new ArrayList<>(saes);
        for (Sae sae : all) {
            Matrix x = values.get(sae.hookName());
            if (x != null) {
                codes.put(sae, sae.encode(x));
            }
        }
        return new RowPass(store, ids, starts, sequences, values, codes);
    }
}
