package dev.loupe.diagnose;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.model.HookPoint;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The example of the package's description, followed. */
class AddingOneTest {
    public static final class AboveZero implements Diagnostic {
        @Override
        public About about() {
            return About.of(
                    "above-zero",
                    Topic.SPARSITY,
                    "How many neurons are above zero?",
                    "Mean number of values above 0 in mlp.hook_post of the first block, over tokens.",
                    Set.of(Need.MODEL),
                    Source.paper("Deep Learning using Rectified Linear Units", "arXiv 1803.08375"));
        }

        @Override
        public Study begin(Subject subject) {
            HookPoint hook = HookPoint.mlpPost(0);
            return new SinglePass() {
                private long tokens;
                private long above;

                @Override
                protected Wants all() {
                    return Wants.model(List.of(hook));
                }

                @Override
                public void see(ModelPass pass) {
                    pass.ordinary(hook, (row, b, p) -> {
                        tokens++;
                        for (float v : row) {
                            above += v > 0 ? 1 : 0;
                        }
                    });
                }

                @Override
                public Finding finding() {
                    double mean = (double) above / tokens;
                    ResultTable table = ResultTable.of("above:number:mean number of neurons")
                            .row(mean);
                    return new Finding(
                            "On average " + mean + " neurons are above zero.", Map.of("above", mean), table, List.of());
                }
            };
        }
    }

    @Test
    void aNewDiagnosticIsOneClass() {
        Finding f = GivenRows.finding(
                new AboveZero(),
                new GivenModel(1, 4)
                        .with(HookPoint.mlpPost(0), (ids, p) -> new float[] {1, 0, -1, 2})
                        .reading(3, 7));
        assertThat(f.number("above")).isEqualTo(2);
    }
}
