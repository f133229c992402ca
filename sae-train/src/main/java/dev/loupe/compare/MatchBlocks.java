package dev.loupe.compare;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.math.Matrix;
import dev.loupe.sae.SaeDirections;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * The cosines of a pair of wide SAEs in blocks that other processes do. What they find is put together as if one pass had been
 * stopped right before its end; the matching of the pair goes on from there, so that there is one way to its result.
 */
public final class MatchBlocks {
    /** Columns of a task: as many products as a machine does in seconds to minutes. */
    static final int COLUMNS = 4 * CosineTiles.BLOCK;

    private MatchBlocks() {}

    /**
     * Whether a pair is matched through lists of its largest cosines.
     *
     * @param dSaeA latents of one
     * @param dSaeB latents of the other
     */
    public static boolean suits(int dSaeA, int dSaeB) {
        return (long) dSaeA * dSaeB > (long) SaeMatcher.DENSE_WIDTH * SaeMatcher.DENSE_WIDTH;
    }

    /**
     * Has the lists of a pair made and leaves them where {@link SaeMatcher#match} looks for them.
     *
     * @param a folder of one SAE
     * @param b folder of the other
     * @param keep the folder that the match will be given
     * @param open opens the directions of a folder
     */
    public static void run(
            Path a, Path b, Path keep, Function<Path, SaeDirections> open, TaskExecutor executor, Progress progress) {
        try (SaeDirections left = open.apply(a);
                SaeDirections right = open.apply(b)) {
            for (int s = 0; s < 2; s++) {
                int side = s;
                Path file = SaeMatcher.kept(keep, left.name(), right.name(), side);
                String what = (side == 0 ? "decoders of " : "encoders of ") + left.name() + " with " + right.name();
                run(
                        file,
                        SaeMatcher.rows(left, side),
                        SaeMatcher.rows(right, side),
                        (from, to, memory) -> new MatchBlockTask(a, b, side, from, to, file, memory),
                        what + ": cosines",
                        executor,
                        progress);
            }
        }
    }

    /** Makes the task of some columns. */
    @FunctionalInterface
    interface Tasks {
        MatchBlockTask of(int from, int to, long memory);
    }

    static void run(Path file, Matrix a, Matrix b, Tasks make, String stage, TaskExecutor executor, Progress progress) {
        int n = Math.toIntExact(Math.min(a.rows(), b.rows()));
        int m = Math.toIntExact(Math.max(a.rows(), b.rows()));
        int listed = Math.min(CertifiedAssignment.LISTED, m);
        TopLists byRow = new TopLists(n, listed);
        TopLists byColumn = new TopLists(m, listed);
        CandidateCheckpoint whole = new CandidateCheckpoint(file, a, b, 0);
        if (whole.restore(byRow, byColumn) == m) {
            return;
        }
        byRow.clear();
        byColumn.clear();
        List<MatchBlockTask> tasks = new ArrayList<>();
        long memory = 4L * a.cols() * (a.rows() + b.rows()) + 16L * listed * ((long) n + m);
        for (int from = 0; from < m; from += COLUMNS) {
            tasks.add(make.of(from, Math.min(m, from + COLUMNS), memory));
        }
        progress.stage(stage, m, "latents");
        executor.run(
                tasks.iterator(),
                MatchBlockTask.Made.class,
                (task, p) -> attempt(task, a, b, p),
                (task, made) -> take(task, made, a, b, byRow, byColumn),
                progress);
        whole.save(byRow, byColumn, m);
        AtomicFiles.sweep(file);
    }

    private static void take(
            MatchBlockTask task, MatchBlockTask.Made made, Matrix a, Matrix b, TopLists byRow, TopLists byColumn) {
        TopLists rows = new TopLists(byRow.lists(), byRow.capacity());
        TopLists columns = new TopLists(byColumn.lists(), byColumn.capacity());
        if (new CandidateCheckpoint(made.file(), a, b, 0).restore(rows, columns) != task.to()) {
            throw new TaskExecutor.Refused("The file " + made.file() + " is damaged or belongs to other SAEs.");
        }
        for (int i = 0; i < rows.lists(); i++) {
            byRow.offerAll(i, i, rows, i);
        }
        for (int j = task.from(); j < task.to(); j++) {
            byColumn.offerAll(j, -1 - j, columns, j);
        }
        try {
            Files.deleteIfExists(made.file());
        } catch (IOException ignored) {
            // it is swept up at the end
        }
    }

    /** Does a task: what another process is asked for. */
    public static MatchBlockTask.Made attempt(
            MatchBlockTask task, SaeDirections a, SaeDirections b, Progress progress) {
        return attempt(task, SaeMatcher.rows(a, task.side()), SaeMatcher.rows(b, task.side()), progress);
    }

    private static MatchBlockTask.Made attempt(MatchBlockTask task, Matrix rowsA, Matrix rowsB, Progress progress) {
        UnitRows unitA = UnitRows.of(rowsA);
        UnitRows unitB = UnitRows.of(rowsB);
        boolean flip = unitA.size() > unitB.size();
        UnitRows wide = flip ? unitA : unitB;
        if (task.from() < 0 || task.to() > wide.size() || task.from() >= task.to()) {
            throw new LoupeException("The SAE " + (flip ? task.a() : task.b()).getFileName()
                    + " has changed since its matching was begun: start it again.");
        }
        Candidates found = Candidates.part(
                flip ? unitB : unitA,
                wide,
                Math.min(CertifiedAssignment.LISTED, wide.size()),
                task.from(),
                task.to(),
                progress);
        Path file = AtomicFiles.temporary(task.file());
        new CandidateCheckpoint(file, rowsA, rowsB, 0).save(found.byRow, found.byColumn, task.to());
        return new MatchBlockTask.Made(file);
    }
}
