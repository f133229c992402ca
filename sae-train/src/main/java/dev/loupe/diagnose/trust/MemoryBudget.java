package dev.loupe.diagnose.trust;

import dev.loupe.base.Fmt;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.model.BackwardMemory;
import dev.loupe.model.BackwardPlan;
import dev.loupe.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a backward pass needs to remember (Korthikanti et al., "Reducing Activation Recomputation in Large Transformer
 * Models", arXiv 2205.05198, section 4; square root of the depth from Chen et al., arXiv 1604.06174).
 */
public final class MemoryBudget implements Diagnostic {
    @Override
    public About about() {
        return About.of(
                "memory-budget",
                Topic.TRUST,
                "How much memory does a backward pass through the model need?",
                "float32 values that one sequence of a length T leaves behind for the way back, per block: its input,"
                        + " what both norms saw, q, k, v, the patterns (heads T^2), and what the MLP has before its"
                        + " activation (gate and linear part where there are both). All: kept in every"
                        + " block. Inputs: only the inputs of blocks, and one block's inside at a time, computed again."
                        + " Square root: every n-th input so that about 2 sqrt(blocks) are held. A pass keeps as much"
                        + " as its budget of 1 GiB allows and falls back to the others by itself.",
                Set.of(Need.MODEL),
                Source.paper("Reducing Activation Recomputation in Large Transformer Models", "arXiv 2205.05198")
                        .but("float32 in place of 16 bit, no dropout masks, one device."));
    }

    @Override
    public Study begin(Subject subject) {
        return new Counting(subject);
    }

    private static final class Counting extends SinglePass {
        private final LanguageModel model;

        Counting(Subject subject) {
            this.model = subject.model();
        }

        @Override
        protected Wants all() {
            return Wants.nothing();
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "tokens:whole:length of the sequence",
                    "all:whole:bytes with everything kept",
                    "inputs:whole:bytes with the inputs of blocks kept",
                    "square_root:whole:bytes with about 2 sqrt(blocks) inputs held");
            int longest = model.config().nCtx();
            List<Double> lengths = new ArrayList<>();
            List<double[]> rows = new ArrayList<>();
            for (long t = Math.min(64, longest); t <= longest && t <= 8192; t *= 2) {
                BackwardMemory m = BackwardMemory.of(model, 1, t, BackwardPlan.KEEP_BYTES);
                table.row(t, m.everything(), m.inputs(), m.least());
                lengths.add((double) t);
                rows.add(new double[] {m.everything(), m.inputs(), m.least()});
            }
            double[] xs = lengths.stream().mapToDouble(d -> d).toArray();
            double[] last = rows.getLast();
            List<Figure.Series> lines = new ArrayList<>();
            for (int k = 0; k < 3; k++) {
                int column = k;
                lines.add(new Figure.Series(
                        List.of("everything kept", "inputs of blocks", "square root")
                                .get(k),
                        xs,
                        rows.stream().mapToDouble(r -> r[column] / (1 << 20)).toArray()));
            }
            return new Finding(
                    "A backward pass over " + (long) xs[xs.length - 1] + " tokens keeps " + Fmt.bytes((long) last[0])
                            + " if nothing is computed again, " + Fmt.bytes((long) last[1])
                            + " with the inputs of blocks alone and " + Fmt.bytes((long) last[2]) + " at the least.",
                    Map.of("all", last[0], "inputs", last[1], "square_root", last[2]),
                    table,
                    List.of(Figure.curve("Memory of a backward pass", "tokens", "MiB", lines)
                            .withLogX()
                            .withLogY()));
        }
    }
}
