package dev.loupe.steer.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.fixtures.Cases;
import dev.loupe.steer.Edit;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Units of groups, planted. */
class LapeTest {
    private static final List<String> GROUPS = List.of("a", "b", "c", "d");
    private static final int UNITS = 200;

    /** Units 3, 50 and 120 fire in groups 0, 1 and (2 and 3) only; the others fire alike everywhere. */
    private static GroupStatistics planted() {
        GroupStatistics s = new GroupStatistics(GROUPS, UNITS);
        Cases.Random r = Cases.Random.of(6);
        for (int g = 0; g < 4; g++) {
            for (int t = 0; t < 400; t++) {
                s.token(g);
                for (int u = 0; u < UNITS; u++) {
                    double p = u == 3
                            ? (g == 0 ? 0.9 : 0)
                            : u == 50 ? (g == 1 ? 0.8 : 0) : u == 120 ? (g > 1 ? 0.9 : 0) : 0.3;
                    boolean fires = r.nextDouble() < p;
                    s.add(g, u, fires ? 1 : -1, fires ? 2 : 0);
                }
            }
        }
        return s;
    }

    @Test
    void plantedUnitsAreFoundExactly() {
        GroupStatistics s = planted();
        Lape found = Lape.of(s, 3.0 / UNITS);
        assertThat(found.chosen()).containsExactlyInAnyOrder(3, 50, 120);
        assertThat(found.members()).containsExactly(List.of(3), List.of(50), List.of(120), List.of(120));
        assertThat(found.entropy()[3]).isEqualTo(0);
        assertThat(found.entropy()[120]).isCloseTo(Math.log(2), within(0.01));
        assertThat(found.entropy()[7]).isCloseTo(Math.log(4), within(0.02));
    }

    @Test
    void aUniformUnitHasTheLogarithmOfTheNumberOfGroupsAndASilentOneNone() {
        GroupStatistics s = new GroupStatistics(GROUPS, 2);
        for (int g = 0; g < 4; g++) {
            s.token(g);
            s.add(g, 0, 1, 1);
        }
        Lape found = Lape.of(s, 1);
        assertThat(found.entropy()[0]).isCloseTo(Math.log(4), within(1e-12));
        assertThat(found.entropy()[1]).isNaN();
    }

    @Test
    void arithmeticTakesTheMeansOfTheGroups() {
        GroupStatistics s = planted();
        Arithmetic a = Arithmetic.latents(s, Lape.of(s, 3.0 / UNITS), "sae");
        assertThat(a.add(0, 2, 9)).singleElement().satisfies(e -> {
            assertThat(e.feature()).isEqualTo("sae:3");
            assertThat(strength(e)).isCloseTo(2 * s.mean(0, 3), within(1e-12));
            assertThat(s.mean(0, 3)).isCloseTo(1.8, within(0.1));
        });
        List<Edit> difference = a.difference(0, 1, 1, 9);
        assertThat(difference).extracting(Edit::feature).containsExactly("sae:3", "sae:50");
        assertThat(strength(difference.get(1))).isCloseTo(-s.mean(1, 50), within(1e-12));
        assertThat(a.replace(1, 1, 9)).singleElement().extracting(Edit::op).isEqualTo("set");
        assertThat(strength(a.deactivate(2, -2.5, 9).getFirst())).isEqualTo(-2.5);
        Arithmetic n = Arithmetic.neurons(s, Lape.of(s, 3.0 / UNITS), 100);
        assertThat(n.add(2, 1, 9)).extracting(Edit::neuron).containsExactly("1:20");
        assertThat(n.add(2, 1, 0)).isEmpty();
    }

    private static double strength(Edit e) {
        Double s = e.strength();
        return s == null ? Double.NaN : s;
    }
}
