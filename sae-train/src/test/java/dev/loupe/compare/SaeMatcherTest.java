package dev.loupe.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeDirections;
import dev.loupe.toy.ToySaes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class SaeMatcherTest {
    @TempDir
    Path folder;

    @Test
    void aShuffledCopyIsWhollySharedAndTheOrderIsFound() {
        Cases.check(20, random -> {
            int n = 2 + random.nextInt(60);
            int d = 8 + random.nextInt(40);
            float[][] enc = random.matrix(n, d);
            float[][] dec = random.matrix(n, d);
            int[] order = random.permutation(n);
            float[][] encB = new float[n][];
            float[][] decB = new float[n][];
            for (int i = 0; i < n; i++) {
                encB[order[i]] = scaled(enc[i], 3);
                decB[order[i]] = scaled(dec[i], 0.5f);
            }
            Matching m = SaeMatcher.match(sae("a", enc, dec), sae("b", encB, decB), 0.7, Progress.silent());
            assertThat(m.decoderMatch()).isEqualTo(order);
            assertThat(m.encoderMatch()).isEqualTo(order);
            assertThat(m.shared()).isEqualTo(n);
            assertThat(m.orphansA() + m.orphansB()).isZero();
            assertThat(m.agreement()).isEqualTo(1);
            assertThat(m.pwMcc()).isCloseTo(1, within(1e-6));
            assertThat(m.mmcsAb()).isCloseTo(1, within(1e-6));
            assertThat(m.gap()).isBetween(0.0, 1e-9);
        });
    }

    @Test
    void aLatentIsSharedOnlyIfBothCosinesReachTheThresholdAndTheCounterpartIsTheSame() {
        float[][] unit = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
        float[][] turned = {{0.8f, 0.6f, 0}, {0, 0.8f, 0.6f}, {0.6f, 0, 0.8f}};
        float[][] swapped = {{0, 1, 0}, {1, 0, 0}, {0, 0, 1}};
        Sae a = sae("a", unit, unit);
        assertThat(SaeMatcher.match(a, sae("b", unit, turned), 0.7, Progress.silent())
                        .shared())
                .isEqualTo(3);
        assertThat(SaeMatcher.match(a, sae("b", unit, turned), 0.81, Progress.silent())
                        .shared())
                .isZero();
        assertThat(SaeMatcher.match(a, sae("b", turned, unit), 0.81, Progress.silent())
                        .shared())
                .isZero();
        Matching m = SaeMatcher.match(a, sae("b", swapped, unit), 0.7, Progress.silent());
        assertThat(m.shared()).isEqualTo(1); // cosines are all 1, but encoders and decoders disagree about two
        assertThat(m.curve().get(70).bothCosines()).isEqualTo(3);
        assertThat(m.curve().get(70).shared()).isEqualTo(1);
        assertThat(m.onlyInA(0.7)).containsExactly(0, 1);
        assertThat(m.onlyInB(0.7)).containsExactly(0, 1);
        assertThat(m.sharedA(0.7)).containsExactly(2);
    }

    @Test
    void widthsMayDifferAndBothDirectionsAgree() {
        Cases.check(20, random -> {
            int n = 1 + random.nextInt(30);
            int m = 1 + random.nextInt(30);
            Sae a = sae("a", random.matrix(n, 6), random.matrix(n, 6));
            Sae b = sae("b", random.matrix(m, 6), random.matrix(m, 6));
            Matching ab = SaeMatcher.match(a, b, 0.5, Progress.silent());
            Matching ba = SaeMatcher.match(b, a, 0.5, Progress.silent());
            assertThat(ab.shared()).isEqualTo(ba.shared());
            assertThat(ab.orphansA()).isEqualTo(n - ab.shared()).isEqualTo(ba.orphansB());
            assertThat(ab.pwMcc()).isCloseTo(ba.pwMcc(), within(1e-6));
            assertThat(ab.mmcsAb()).isCloseTo(ba.mmcsBa(), within(1e-6));
            assertThat(java.util.Arrays.stream(ab.decoderMatch())
                            .filter(j -> j >= 0)
                            .count())
                    .isEqualTo(Math.min(n, m));
            for (int i = 0; i < n; i++) { // cosines of the matches are those of the rows
                if (ab.decoderMatch()[i] >= 0) {
                    assertThat((double) ab.decoderCosine()[i])
                            .isCloseTo(
                                    cosine(
                                            a.decoderRows().row(i),
                                            b.decoderRows().row(ab.decoderMatch()[i])),
                                    within(1e-5));
                    assertThat(ab.nearestCosineA()[i]).isGreaterThanOrEqualTo(ab.decoderCosine()[i]);
                }
            }
        });
    }

    @Test
    void rowsOfZerosOrNaNHaveCosineZero() {
        float[][] dec = {{1, 0}, {0, 0}, {Float.NaN, 1}};
        Matching m = SaeMatcher.match(sae("a", dec, dec), sae("b", dec, dec), 0.7, Progress.silent());
        assertThat(m.shared()).isEqualTo(1);
        assertThat(m.decoderCosine()[m.decoderMatch()[0] == 0 ? 1 : 0]).isZero();
        assertThat(m.nearestCosineA()).containsExactly(1, 0, 0);
    }

    @Test
    void anSaeWithItselfSharesEveryLatentThatHasADirection() {
        Sae a = ToySaes.random("a", Cases.random(), Architecture.RELU, 12, 40); // one decoder row is zero
        Matching m = SaeMatcher.match(a, a, 0.7, Progress.silent());
        assertThat(m.shared()).isEqualTo(39);
        assertThat(m.notes()).contains("one SAE with itself", "1 latents of a have a row of zeros and match nothing");
        float[][] zero = new float[3][4];
        Sae dead = sae("dead", zero, zero);
        Matching none = SaeMatcher.match(dead, dead, 0.7, Progress.silent());
        assertThat(none.shared()).isZero();
        assertThat(none.notes()).contains("all 3 latents of dead have a row of zeros and match nothing");
        zero[1][2] = Float.NaN;
        assertThat(SaeMatcher.match(sae("x", zero, zero), dead, 0.7, Progress.silent())
                        .notes())
                .contains("all 3 latents of x have a row of zeros, NaN or infinities and match nothing");
    }

    @Test
    void anotherHookPointOrModelIsRefusedUnlessAskedFor() {
        Sae a = ToySaes.random("a", Cases.random(), Architecture.RELU, 5, 4);
        dev.loupe.sae.SaeConfig c = a.config();
        Sae elsewhere = new Sae(
                "b",
                new dev.loupe.sae.SaeConfig(
                        c.architecture(), 0, true, c.modelId(), "blocks.9.hook_resid_pre", java.util.Map.of()),
                a.weights(),
                a.provenance());
        assertThatThrownBy(() -> Comparability.check(a, elsewhere, false))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("blocks.9.hook_resid_pre")
                .hasMessageContaining("--across");
        Comparability.check(a, elsewhere, true);
        Comparability.check(a, a, false);
    }

    @Test
    void sAEsOfDifferentWidthsOfInputAreRefused() {
        Sae a = sae("a", new float[2][3], new float[2][3]);
        Sae b = sae("b", new float[2][4], new float[2][4]);
        assertThatThrownBy(() -> SaeMatcher.match(a, b, 0.7, Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("cannot be compared");
        assertThatThrownBy(() -> SaeMatcher.match(a, a, 1.5, Progress.silent()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("1.5");
    }

    @Test
    void matchingCanBeCancelled() {
        Sae a = ToySaes.random("a", Cases.random(), Architecture.RELU, 5, 20);
        Progress cancelled = new Progress() {
            @Override
            public void stage(String name, long total, String unit) {}

            @Override
            public void advance(long done) {}

            @Override
            public boolean cancelled() {
                return true;
            }
        };
        assertThatThrownBy(() -> SaeMatcher.match(a, a, 0.7, cancelled)).isInstanceOf(CancelledException.class);
    }

    @Test
    void theListsOfAWidePairStayForWhoeverHasToMatchItAgain() {
        Cases.Random random = Cases.random();
        int n = SaeMatcher.DENSE_WIDTH + 8;
        float[][] rows = random.matrix(n, 6);
        float[][] moved = new float[n][];
        for (int i = 0; i < n; i++) { // every latent has a partner, so that the assignment is quick
            moved[(i + 5) % n] = scaled(rows[i], 1.5f);
        }
        Sae a = sae("a", rows, rows);
        Sae b = sae("b", moved, moved);
        MatchBlocks.run(
                folder.resolve("a"),
                folder.resolve("b"),
                folder,
                f -> SaeDirections.of(f.endsWith("a") ? a : b),
                TaskExecutor.local(),
                Progress.silent());
        List<String> passes = new ArrayList<>();
        Progress dies = new Progress() {
            @Override
            public void stage(String name, long total, String unit) {
                passes.add(name);
            }

            @Override
            public void advance(long done) {}

            @Override
            public boolean cancelled() {
                return passes.stream().anyMatch(p -> p.startsWith("encoders of"));
            }
        };
        assertThatThrownBy(() -> SaeMatcher.match(a, b, 0.7, folder, dies)).isInstanceOf(CancelledException.class);
        assertThat(SaeMatcher.isListed(folder, "a", "b"))
                .as("the decoders were done when it died")
                .isTrue();
        Matching again = SaeMatcher.match(a, b, 0.7, folder, Progress.silent());
        int[] shifted = IntStream.range(0, n).map(i -> (i + 5) % n).toArray();
        assertThat(again.decoderMatch()).isEqualTo(shifted);
        assertThat(again.encoderMatch()).isEqualTo(shifted);
        assertThat(SaeMatcher.isListed(folder, "a", "b")).isTrue();
        SaeMatcher.forget(folder, "a", "b");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aSavedMatchingComesBackAndHasTheKeysOfScripts() throws Exception {
        Cases.Random random = Cases.random();
        Sae a = ToySaes.random("a", random, Architecture.RELU, 5, 12);
        Sae b = ToySaes.random("b", random, Architecture.RELU, 5, 9);
        Matching m = SaeMatcher.match(a, b, 0.3, Progress.silent());
        MatchingFiles.save(folder, m);
        assertThat(MatchingFiles.exists(folder, "a", "b")).isTrue();
        assertThat(MatchingFiles.list(folder)).containsExactly("a--b");
        assertThat(MatchingFiles.open(folder, "a", "b"))
                .usingRecursiveComparison()
                .isEqualTo(m);
        JsonNode json = Json.tree(folder.resolve("a--b/comparison.json"));
        assertThat(json.get("shared").asInt()).isEqualTo(m.shared());
        assertThat(json.get("orphans_a").asInt()).isEqualTo(12 - m.shared());
        assertThat(json.get("orphans_b").asInt()).isEqualTo(9 - m.shared());
        assertThat(json.get("threshold").asDouble()).isEqualTo(0.3);
        assertThat(json.has("gap")).isTrue();
        assertThatThrownBy(() -> MatchingFiles.open(folder, "b", "a"))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("loupe compare b a");
        Path file = folder.resolve("a--b/comparison.json");
        String text = Files.readString(file);
        Files.writeString(file, text.replace("\"format\" : \"1.0\"", "\"format\" : \"2.0\""));
        assertThatThrownBy(() -> MatchingFiles.open(folder, "a", "b")).hasMessageContaining("newer");
        Files.writeString(file, text.replaceFirst("(\"decoder_match\" : \\[ )-?\\d+", "$199"));
        assertThatThrownBy(() -> MatchingFiles.open(folder, "a", "b"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("damaged");
    }

    private static Sae sae(String name, float[][] enc, float[][] dec) {
        return ToySaes.of(name, Architecture.RELU, 0, enc, dec, new float[enc.length], new float[dec[0].length]);
    }

    private static float[] scaled(float[] x, float factor) {
        float[] y = x.clone();
        for (int i = 0; i < y.length; i++) {
            y[i] *= factor;
        }
        return y;
    }

    private static double cosine(float[] x, float[] y) {
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int i = 0; i < x.length; i++) {
            xy += (double) x[i] * y[i];
            xx += (double) x[i] * x[i];
            yy += (double) y[i] * y[i];
        }
        return xy / Math.sqrt(xx * yy);
    }
}
