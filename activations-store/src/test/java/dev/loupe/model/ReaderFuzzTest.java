package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Mutation;
import dev.loupe.model.gguf.GgufFile;
import dev.loupe.model.gguf.GgufTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged files of every kind that a model is read from. Whatever is done to one, it is read or it is refused with a
 * sentence that names it; nothing crashes, and no more memory is taken than the file accounts for.
 *
 * <p>5,000 cases in the normal run, 200,000 with {@code ./loupe test -Pnightly -pl activations-store -am
 * -Dtest=ReaderFuzzTest -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class ReaderFuzzTest {
    private static final int CASES = Integer.getInteger("loupe.fuzz.cases", 5_000);
    private static final String[] MODELS = {
        "tiny-llama", "tiny-llama3", "tiny-qwen2", "tiny-qwen3", "tiny-gemma2", "tiny-gemma3", "tiny-gpt2", "tiny-neox"
    };
    private static final String[] TOKENIZERS = {"tok-smollm", "tok-llama-bpe", "tok-qwen2", "tok-spm"};
    private static final String[] CONFIGS = {
        "tiny-llama",
        "tiny-llama3",
        "tiny-mistral",
        "tiny-qwen2",
        "tiny-qwen3",
        "tiny-gemma2",
        "tiny-gemma3",
        "tiny-gpt2",
        "tiny-neo",
        "tiny-neox",
        "tiny-opt",
        "tiny-window"
    };

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final List<String> COUNTS = new ArrayList<>();

    @TempDir
    Path folder;

    private int refused;

    /** Reads a damaged file. */
    @FunctionalInterface
    private interface Reader {
        void read(Path file) throws IOException;
    }

    private void check(Path file, byte[] bytes, long perByte, Reader reader) throws IOException {
        Files.write(file, bytes);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        try {
            reader.read(file);
        } catch (LoupeException e) {
            refused++;
            assertThat(e.getMessage())
                    .contains(String.valueOf(file.getFileName()))
                    .hasSizeLessThan(2000)
                    .endsWith(".");
        }
        long taken = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(taken)
                .as("bytes allocated for a file of " + bytes.length)
                .isLessThan(8_000_000 + perByte * bytes.length);
    }

    private void count(String what, int cases) {
        COUNTS.add(cases + " damaged files of the kind " + what + ": " + refused + " refused, " + (cases - refused)
                + " read");
        if (System.getProperty("seed", "").isEmpty()) {
            assertThat(refused).isBetween(cases / 20, cases - cases / 100);
        }
    }

    @AfterAll
    static void counts() {
        COUNTS.forEach(System.out::println);
    }

    @Test
    void gguf() throws IOException {
        List<byte[]> valid = new ArrayList<>();
        for (String[] names : new String[][] {MODELS, TOKENIZERS, {"quants"}}) {
            for (String name : names) {
                valid.add(Files.readAllBytes(Golden.unpack("golden/gguf/" + name + ".gguf", folder.resolve(name))));
            }
        }
        readGguf(folder.resolve(MODELS[0])); // what is loaded only once is not counted
        Path file = folder.resolve("damaged.gguf");
        int cases = CASES * 4 / 10;
        Cases.checkSame(cases, random -> {
            byte[] bytes = Mutation.bytes(valid.get(random.nextInt(valid.size())), random);
            check(file, bytes, 400, ReaderFuzzTest::readGguf);
        });
        count("GGUF", cases);
    }

    private static void readGguf(Path path) {
        try (GgufFile file = GgufFile.open(path)) {
            for (GgufTensor tensor : file.tensors().values()) {
                if (tensor.type().readable()) {
                    assertThat(tensor.elements())
                            .isLessThanOrEqualTo(2 * path.toFile().length());
                    file.readFloats(tensor.name(), MemorySegment.ofArray(new float[(int) tensor.elements()]));
                }
            }
            GgufTokenizer tokenizer = new GgufTokenizer(file.metadata());
            assertThat(tokenizer.tokenizer().toString()).isNotEmpty();
            assertThat(tokenizer.settings().isObject()).isTrue();
            ModelSpec spec = GgufConfig.spec(file);
            assertThat(spec.layers()).hasSize(spec.config().nLayers());
        }
    }

    @Test
    void safetensors() throws IOException {
        List<byte[]> valid = new ArrayList<>();
        for (String name : MODELS) {
            valid.add(Files.readAllBytes(Golden.unpack("golden/" + name + "/model.safetensors", folder.resolve(name))));
        }
        Path file = folder.resolve("damaged.safetensors");
        int cases = CASES * 3 / 10;
        Cases.checkSame(cases, random -> {
            byte[] bytes = Mutation.bytes(valid.get(random.nextInt(valid.size())), random);
            check(file, bytes, 400, path -> {
                try (SafetensorsFile weights = SafetensorsFile.open(path)) {
                    for (TensorEntry tensor : weights.tensors().values()) {
                        assertThat(weights.bytes(tensor.name()).byteSize()).isLessThanOrEqualTo(bytes.length);
                        weights.floats(tensor.name());
                    }
                }
            });
        });
        count("safetensors", cases);
    }

    @Test
    void config() throws IOException {
        List<byte[]> valid = new ArrayList<>();
        for (String name : CONFIGS) {
            valid.add(Files.readAllBytes(Golden.unpack("golden/" + name + "/config.json", folder.resolve(name))));
        }
        Path file = folder.resolve("config.json");
        Files.write(file, valid.getFirst());
        ModelSpec.read(folder); // what is loaded only once is not counted
        int cases = CASES * 2 / 10;
        Cases.checkSame(cases, random -> {
            byte[] bytes = Mutation.json(valid.get(random.nextInt(valid.size())), random);
            check(file, bytes, 1000, path -> {
                ModelSpec spec = ModelSpec.read(folder);
                assertThat(spec.config().parameters()).isPositive();
            });
        });
        count("config.json", cases);
    }

    @Test
    void tokenizer() throws IOException {
        List<byte[]> valid = new ArrayList<>();
        for (String name : TOKENIZERS) {
            try (GgufFile gguf = GgufFile.open(Golden.unpack("golden/gguf/" + name + ".gguf", folder.resolve(name)))) {
                valid.add(Json.line(new GgufTokenizer(gguf.metadata()).tokenizer())
                        .getBytes(java.nio.charset.StandardCharsets.UTF_8));
            }
        }
        Path own = Files.createDirectories(folder.resolve("tokenizer"));
        int cases = CASES / 10;
        Cases.checkSame(cases, random -> {
            byte[] bytes = Mutation.json(valid.get(random.nextInt(valid.size())), random);
            check(own.resolve("tokenizer.json"), bytes, 1000, path -> {
                try (HubTokenizer tokenizer = HubTokenizer.open(own)) {
                    tokenizer.decode(tokenizer.encode("Hello 12 größer <|im_end|>", true));
                }
            });
        });
        count("tokenizer.json", cases);
    }
}
