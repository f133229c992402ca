package dev.loupe.train;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Progress;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** The curves of one run: about 400 points, kept through restarts and written as {@code metrics.arrow}. */
final class Curves {
    static final String FILE = "metrics.arrow";

    /** What is recorded at a point, in this order; the file has one float64 column each. */
    static final List<String> COLUMNS = List.of(
            "step",
            "loss",
            "reconstruction",
            "penalty",
            "aux",
            "l0",
            "l1",
            "fvu",
            "dead",
            "learning_rate",
            "sparsity_weight");

    private static final int POINTS = 400;

    private final long steps;
    private final List<double[]> points = new ArrayList<>();

    Curves(long steps) {
        this.steps = steps;
    }

    /** Whether a step, counted from 0, is one of the points. */
    boolean wants(long step) {
        return step == steps - 1 || step % Math.max(1, steps / POINTS) == 0;
    }

    void add(long step, StepMetrics m, StepRule rule, double sparsityWeight, Progress progress, String prefix) {
        double[] point = {
            step,
            m.loss(),
            m.reconstruction(),
            m.penalty(),
            m.aux(),
            m.l0(),
            m.l1(),
            m.fvu(),
            m.dead(),
            rule.adam().learningRate(),
            sparsityWeight
        };
        points.add(point);
        for (String shown : List.of("loss", "l0", "fvu", "dead", "learning_rate", "sparsity_weight")) {
            progress.metric(prefix + shown, step, point[COLUMNS.indexOf(shown)]);
        }
    }

    /** Quantiles of the thresholds, where they are trained: how their histogram moves. */
    static void showThresholds(long step, float[] thresholds, Progress progress, String prefix) {
        if (thresholds.length == 0) {
            return;
        }
        float[] sorted = thresholds.clone();
        java.util.Arrays.sort(sorted);
        for (int percent : new int[] {5, 25, 50, 75, 95}) {
            int at = (int) Math.round((sorted.length - 1) * percent / 100.0);
            progress.metric(prefix + percent + " %/threshold", step, sorted[at]);
        }
    }

    /** The last point by name, without the step. */
    Map<String, Double> last() {
        Map<String, Double> last = new LinkedHashMap<>();
        if (!points.isEmpty()) {
            for (int c = 1; c < COLUMNS.size(); c++) {
                last.put(COLUMNS.get(c), points.getLast()[c]);
            }
        }
        return last;
    }

    List<double[]> points() {
        return points;
    }

    void restore(List<double[]> kept) {
        points.clear();
        points.addAll(kept);
    }

    /** Writes all points as an Arrow file. */
    void write(Path folder) {
        List<Field> fields = COLUMNS.stream()
                .map(c -> new Field(
                        c, FieldType.notNullable(new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)), null))
                .toList();
        Path file = folder.resolve(FILE);
        try (BufferAllocator allocator = new RootAllocator();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                VectorSchemaRoot root = VectorSchemaRoot.create(new Schema(fields), allocator);
                ArrowFileWriter writer = new ArrowFileWriter(root, null, channel)) {
            for (int c = 0; c < COLUMNS.size(); c++) {
                Float8Vector column = (Float8Vector) root.getVector(c);
                column.allocateNew(points.size());
                for (int p = 0; p < points.size(); p++) {
                    column.set(p, points.get(p)[c]);
                }
            }
            root.setRowCount(points.size());
            writer.start();
            writer.writeBatch();
            writer.end();
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
    }
}
