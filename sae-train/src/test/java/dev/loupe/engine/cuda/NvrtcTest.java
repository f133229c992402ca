package dev.loupe.engine.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.ProjectRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kernel compiles for the cards that there are, and keeps to its budget of the chip; takes neither card nor driver. */
@SuppressWarnings("NullAway.Init") // set before all tests, or all are skipped
class NvrtcTest {
    /** So that two blocks of 256 threads run on one multiprocessor of 65,536 registers. */
    private static final int REGISTERS = 128;

    /** What a thread may put into memory for lack of registers: next to nothing. */
    private static final int SPILLED_BYTES = 16;

    /** What a block has without asking. */
    private static final int SHARED_BYTES = 48 << 10;

    /** So that eight blocks that choose latents run on one multiprocessor of 228 KiB. */
    private static final int SELECT_BYTES = 28 << 10;

    private static final Pattern KERNEL = Pattern.compile("Compiling entry function '(\\w+)'");
    private static final Pattern USED = Pattern.compile("Used (\\d+) registers");
    private static final Pattern SPILLED = Pattern.compile("(\\d+) bytes spill stores");
    private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");

    private static Nvrtc compiler;

    @TempDir
    Path dir;

    @BeforeAll
    static void find() {
        Map<String, String> environment = new HashMap<>(System.getenv());
        String told = System.getProperty("loupe.python", "");
        Path python = told.isEmpty() ? ProjectRoot.resolve("tests/.venv/bin/python") : Path.of(told);
        environment.put("VIRTUAL_ENV", python.resolveSibling("..").normalize().toString());
        Path found = CudaLibraries.find(environment, 0).nvrtc();
        if (found == null) {
            String message =
                    "SKIPPED: no NVRTC (pip install nvidia-cuda-nvrtc), so it was not seen that the CUDA kernels compile";
            System.err.println(message);
            Assumptions.abort(message);
        }
        compiler = new Nvrtc(Objects.requireNonNull(found));
    }

    /** Hopper by day, all of NVIDIA's last cards for data centres by night. */
    static Stream<Integer> architectures() {
        boolean night = Integer.getInteger("loupe.fuzz.cases", 0) > 10_000;
        return night ? Stream.of(80, 90, 100) : Stream.of(90);
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void everyKernelCompilesForTheCardsThereAreAndKeepsToItsBudget(int architecture) {
        Assumptions.assumeTrue(
                Arrays.stream(compiler.architectures()).anyMatch(a -> a == architecture),
                "SKIPPED: this NVRTC does not know sm_" + architecture);
        for (KernelSource source : KernelSource.all()) {
            Nvrtc.Compiled c = compiler.compile(source.file(), source.text(), "sm_" + architecture);
            assertThat(Arrays.copyOf(c.image(), 4)).containsExactly(0x7f, 'E', 'L', 'F');
            List<String> seen = KERNEL.matcher(c.log())
                    .results()
                    .map(m -> m.group(1))
                    .sorted()
                    .toList();
            assertThat(seen).isEqualTo(source.kernels().stream().sorted().toList());
            for (String part : c.log().split("(?=Compiling entry function)")) {
                Matcher name = KERNEL.matcher(part);
                Matcher used = USED.matcher(part);
                Matcher spilled = SPILLED.matcher(part);
                Matcher shared = SHARED.matcher(part);
                if (!name.find()) {
                    continue;
                }
                assertThat(used.find()).as(part).isTrue();
                assertThat(Integer.parseInt(used.group(1))).as(part).isLessThanOrEqualTo(REGISTERS);
                assertThat(spilled.find()).as(part).isTrue();
                assertThat(Integer.parseInt(spilled.group(1))).as(part).isLessThanOrEqualTo(SPILLED_BYTES);
                int bytes = shared.find() ? Integer.parseInt(shared.group(1)) : 0;
                assertThat(bytes)
                        .as(part)
                        .isLessThanOrEqualTo(source.file().equals("select.cu") ? SELECT_BYTES : SHARED_BYTES);
            }
        }
    }

    @Test
    void machineCodeIsKeptAndMadeAnewWhereItsFileIsDamaged() throws Exception {
        KernelSource source = KernelSource.all().stream()
                .filter(s -> s.file().equals("group.cu"))
                .findFirst()
                .orElseThrow();
        CubinCache cache = new CubinCache(dir);
        byte[] image = cache.get(source, "sm_90", compiler);
        Path file;
        try (Stream<Path> files = Files.list(dir)) {
            file = files.findFirst().orElseThrow();
        }
        byte[] whole = Files.readAllBytes(file);
        assertThat(cache.get(source, "sm_90", compiler)).isEqualTo(image);
        byte[] damaged = whole.clone();
        damaged[100] ^= 1;
        Files.write(file, damaged);
        assertThat(cache.get(source, "sm_90", compiler)).isEqualTo(image);
        assertThat(Files.readAllBytes(file)).isEqualTo(whole);
        cache.get(source, "sm_80", compiler);
        cache.get(new KernelSource(source.file(), source.text() + "\n"), "sm_90", compiler);
        try (Stream<Path> files = Files.list(dir)) {
            assertThat(files).hasSize(3);
        }
    }

    @Test
    void aSourceThatDoesNotCompileIsASentenceWithTheLine() {
        assertThatThrownBy(() -> compiler.compile("bad.cu", "int x = ;", "sm_90"))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("cannot compile bad.cu")
                .hasMessageContaining("bad.cu(1)");
    }
}
