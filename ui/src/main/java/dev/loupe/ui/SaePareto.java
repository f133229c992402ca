package dev.loupe.ui;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.html.Section;
import dev.loupe.eval.SaeReport;
import dev.loupe.service.RandomControl;
import dev.loupe.service.SaeRow;
import dev.loupe.ui.element.Scatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/** L0 against FVU over SAEs: what a sparser code costs, and which SAEs no other one beats in both. */
final class SaePareto {
    private static final int HEIGHT = 300;

    private SaePareto() {}

    /** The picture; empty where fewer than two SAEs were evaluated. */
    static Optional<Section> of(List<SaeRow> saes) {
        List<SaeRow> known = saes.stream()
                .filter(r -> r.report() != null && Double.isFinite(report(r).fvu()))
                .filter(r -> !RandomControl.is(r.sae().name())) // of another model, which is easy to code
                .toList();
        if (known.size() < 2) {
            return Optional.empty();
        }
        float[] x = new float[known.size()];
        float[] y = new float[known.size()];
        int[] groups = new int[known.size()];
        List<String> kinds = new ArrayList<>(List.of("")); // the quiet colour is for none
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) report(known.get(i)).l0();
            y[i] = (float) report(known.get(i)).fvu();
            String kind = known.get(i).sae().architecture();
            if (!kinds.contains(kind)) {
                kinds.add(kind);
            }
            groups[i] = kinds.indexOf(kind);
        }
        Scatter chart = new Scatter();
        chart.set(Scatter.Data.grouped(
                        x,
                        y,
                        known.stream().map(r -> r.sae().name()).toList(),
                        "L0",
                        "FVU",
                        groups,
                        kinds,
                        "L0 against FVU of " + known.size() + " SAEs")
                .joined(best(x, y), HEIGHT));
        chart.file(ArrowFile.of("l0-fvu", () -> {
            Map<String, Object> columns = new LinkedHashMap<>();
            columns.put("sae", known.stream().map(r -> r.sae().name()).toList());
            columns.put(
                    "architecture",
                    known.stream().map(r -> r.sae().architecture()).toList());
            columns.put("l0", known.stream().mapToDouble(r -> report(r).l0()).toArray());
            columns.put("fvu", known.stream().mapToDouble(r -> report(r).fvu()).toArray());
            return columns;
        }));
        chart.onOpen(e -> UI.getCurrent()
                .navigate("features/" + known.get(e.index()).sae().name()));
        return Optional.of(Kit.card(
                Kit.heading("Sparsity against error", "held-out tokens · dashed: no other SAE is better in both"),
                chart));
    }

    private static SaeReport report(SaeRow row) {
        return Objects.requireNonNull(row.report());
    }

    /** The points that no other one beats in both numbers, from the smallest x on. */
    static int[] best(float[] x, float[] y) {
        List<Integer> order = IntStream.range(0, x.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> x[i]).thenComparingDouble(i -> y[i]))
                .toList();
        List<Integer> best = new ArrayList<>();
        float least = Float.POSITIVE_INFINITY;
        for (int i : order) {
            if (y[i] < least) {
                least = y[i];
                best.add(i);
            }
        }
        return best.stream().mapToInt(Integer::intValue).toArray();
    }
}
