package dev.loupe.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.LoupeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchTest {
    @TempDir
    Path folder;

    /** Ours takes 0.5 s for 10 units. */
    private static final class Fake implements Benchmark {
        private final double tolerance;

        Fake(double tolerance) {
            this.tolerance = tolerance;
        }

        @Override
        public String name() {
            return "fake";
        }

        @Override
        public String setting() {
            return "nothing";
        }

        @Override
        public String unit() {
            return "things/s";
        }

        @Override
        public double tolerance() {
            return tolerance;
        }

        @Override
        public void prepare(Path f) {}

        @Override
        public Measured run() {
            return new Measured(10, 0.5, 100);
        }

        @Override
        public void close() {}
    }

    /** A "python" that answers as a peer does: 10 units in 1 s, answer 101. */
    private Path venv() throws Exception {
        Path python = Files.createDirectories(folder.resolve("venv/bin")).resolve("python");
        Files.writeString(python, """
                #!/bin/sh
                echo '{"ready": true}'
                while read line; do echo '{"amount": 10, "seconds": 1.0, "answer": 101}'; done
                """);
        Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwxr-xr-x"));
        return folder.resolve("venv");
    }

    @Test
    void oursAndThePeerAlternateAndTheRatioIsOfTheirMedians() throws Exception {
        BenchResult r = Comparison.run(new Fake(0.02), folder, venv(), folder.resolve("peer.py"), 1, 3, 2);
        assertThat(r.ours()).isEqualTo(20);
        assertThat(r.peer()).isEqualTo(10);
        assertThat(r.ratio()).isEqualTo(2);
        assertThat(r.oursRuns()).hasSize(3);
        assertThat(r.peerRuns()).hasSize(3);
        String json = dev.loupe.base.Json.line(r);
        assertThat(json).contains("\"ours\":20.0", "\"peer\":10.0", "\"ratio\":2.0", "\"ours_spread\":0.0");
    }

    @Test
    void differentAnswersAreNoResult() throws Exception {
        Path venv = venv();
        assertThatThrownBy(() -> Comparison.run(new Fake(1e-3), folder, venv, folder.resolve("peer.py"), 0, 1, 2))
                .isInstanceOf(LoupeException.class)
                .hasMessageContainingAll("100.0", "101.0");
    }

    @Test
    void withoutAPeerOursStandsAlone() throws Exception {
        BenchResult r = Comparison.run(new Fake(0), folder, null, folder.resolve("peer.py"), 0, 2, 2);
        assertThat(r.ours()).isEqualTo(20);
        assertThat(r.peer()).isNull();
        assertThat(r.ratio()).isNull();
    }

    @Test
    void aMissingEnvironmentIsNamedWithItsCure() {
        assertThatThrownBy(() ->
                        Comparison.run(new Fake(0), folder, folder.resolve("none"), folder.resolve("peer.py"), 0, 1, 2))
                .isInstanceOf(LoupeException.class)
                .hasMessageContainingAll("none", "requirements.txt");
    }

    @Test
    void medianAndSpreadAreWhatTheySay() {
        assertThat(BenchResult.median(List.of(3.0, 1.0, 2.0))).isEqualTo(2);
        assertThat(BenchResult.median(List.of(4.0, 1.0, 2.0, 3.0))).isEqualTo(2.5);
        assertThat(BenchResult.spread(List.of(3.0, 1.0, 2.0))).isCloseTo(1, within(1e-12));
    }

    @Test
    void unknownNamesAreWrongUse() {
        assertThat(BenchMain.run("no-such-thing")).isEqualTo(2);
        assertThat(BenchMain.run("--rounds", "0")).isEqualTo(2);
        assertThat(BenchMain.ALL).containsKeys("capture", "gather", "match", "decode", "relp");
    }

    @Test
    void numpyFilesHaveAnAlignedHeaderAndLittleEndianValues() throws Exception {
        Path file = folder.resolve("x.npy");
        NpyFile.write(file, new float[][] {{1, 2, 3}, {4, 5, 6.5f}});
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int header = bytes.getShort(8);
        assertThat((10 + header) % 64).isEqualTo(0);
        assertThat(new String(bytes.array(), 10, header, StandardCharsets.US_ASCII))
                .startsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }")
                .endsWith("\n");
        assertThat(bytes.getFloat(10 + header + 5 * 4)).isEqualTo(6.5f);
        assertThat(bytes.capacity()).isEqualTo(10 + header + 24);
    }
}
