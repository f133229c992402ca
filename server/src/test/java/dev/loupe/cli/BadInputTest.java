package dev.loupe.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.ArtifactLock;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What can be wrong with what a user gives: each one clear sentence, the right exit code, and nothing lost or left. */
class BadInputTest {
    @TempDir
    Path folder;

    private Cli cli;
    private Path text;

    @BeforeEach
    void prepare() throws IOException {
        cli = new Cli(folder.resolve("loupe"));
        text = folder.resolve("text.jsonl");
        Files.writeString(text, SmallWorkspace.documents(30));
    }

    @Test
    void aMissingModelIsNamedWithWhatThereIs() {
        refused(1, capture("--model", "gpt-9"), "no model \"gpt-9\"", "builtin");
    }

    @Test
    void aGpuThatIsNotThereIsMissedBeforeAnyWork() {
        refused(capture("--device", "cuda:99"), "cuda:99", "asked for");
        refused(capture("--device", "tpu"), "\"tpu\"", "auto, cpu or cuda:0");
        Cli.Result doctor = cli.run("doctor", "--device", "cuda:99");
        assertThat(doctor.code()).as(doctor.err()).isZero();
        assertThat(doctor.out()).contains("cuda:99: not there", "PROBLEM", "The device cuda:99 was asked for");
        assertThat(cli.run("doctor", "--device", "auto").out()).contains("cpu (auto;");
    }

    @Test
    void aModelWithATruncatedWeightsFileIsRefused() throws IOException {
        Path model = copyOfBuiltin();
        try (FileChannel f = FileChannel.open(model.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            f.truncate(f.size() - 1000);
        }
        refused(1, capture("--model", model.toString()), "model.safetensors");
    }

    @Test
    void aModelWhoseWeightsHeaderLiesAboutItsLengthIsRefused() throws IOException {
        Path model = copyOfBuiltin();
        try (FileChannel f = FileChannel.open(model.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            f.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, Long.MAX_VALUE), 0);
        }
        refused(1, capture("--model", model.toString()), "model.safetensors");
    }

    @Test
    void aModelWithoutATokenizerIsRefused() throws IOException {
        Path model = copyOfBuiltin();
        Files.delete(model.resolve("tokenizer.json"));
        refused(1, capture("--model", model.toString()), "tokenizer.json");
    }

    @Test
    void anUnknownHookPointIsNamedWithTheValidOnes() {
        refused(
                2,
                cli.run(
                        "capture",
                        "--text",
                        text.toString(),
                        "--hook",
                        "blocks.9.hook_resid_post",
                        "--tokens",
                        "100",
                        "--name",
                        "x"),
                "blocks.9.hook_resid_post",
                "blocks.N.hook_resid_post");
    }

    @Test
    void anEmptyTextIsRefused() throws IOException {
        Path empty = folder.resolve("empty.txt");
        Files.writeString(empty, "");
        refused(
                cli.run(
                        "capture",
                        "--text",
                        empty.toString(),
                        "--hook",
                        SmallWorkspace.HOOK,
                        "--tokens",
                        "100",
                        "--name",
                        "x"),
                "empty.txt");
    }

    @Test
    void aTextThatIsNotThereIsRefused() {
        refused(
                cli.run(
                        "capture",
                        "--text",
                        "nowhere.txt",
                        "--hook",
                        SmallWorkspace.HOOK,
                        "--tokens",
                        "100",
                        "--name",
                        "x"),
                "nowhere.txt");
    }

    @Test
    void aNameThatIsNoNameIsRefused() {
        refused(
                2,
                cli.run(
                        "capture",
                        "--text",
                        text.toString(),
                        "--hook",
                        SmallWorkspace.HOOK,
                        "--tokens",
                        "100",
                        "--name",
                        "../evil"),
                "../evil");
    }

    @Test
    void aCaptureThatTheDiskCannotHoldIsRefusedBeforeItBegins() {
        refused(
                1,
                cli.run(
                        "capture",
                        "--text",
                        text.toString(),
                        "--hook",
                        SmallWorkspace.HOOK,
                        "--tokens",
                        "1000000000000",
                        "--name",
                        "x"),
                "too full",
                "--dtype bf16");
    }

    @Test
    void anSaeThatDoesNotFitInMemoryIsRefusedBeforeItBegins() {
        refused(
                1,
                new Cli(SmallWorkspace.folder())
                        .run("train", "--store", "small", "--arch", "topk", "--d-sae", "200000000", "--name", "huge"),
                "d_sae");
        assertThat(SmallWorkspace.folder().resolve("saes/huge")).doesNotExist();
    }

    @Test
    void settingsThatContradictTheArchitectureAreRefused() {
        Cli small = SmallWorkspace.cli();
        String[] relu = {"train", "--store", "small", "--arch", "relu", "--d-sae", "64", "--name", "x", "--k", "8"};
        refused(2, small.run(relu), "k is a setting of topk");
        refused(
                2,
                small.run("train", "--store", "small", "--arch", "sinus", "--d-sae", "64", "--name", "x"),
                "sinus",
                "topk",
                "jumprelu");
        refused(
                2,
                small.run(
                        "train",
                        "--store",
                        "small",
                        "--arch",
                        "topk",
                        "--d-sae",
                        "64",
                        "--name",
                        "x",
                        "--set",
                        "learnin_rate=1"),
                "learnin_rate",
                "learning_rate");
        refused(
                1,
                small.run("train", "--store", "nowhere", "--arch", "topk", "--d-sae", "64", "--name", "x"),
                "\"nowhere\"",
                "small");
    }

    @Test
    void aTrainingWithoutAStoreNeedsATextAndOneWithAStoreNeedsNone() {
        Cli small = SmallWorkspace.cli();
        refused(2, small.run(train("none")), "--text");
        refused(2, small.run(train("small", "--text", text.toString())), "--store none");
        refused(2, small.run(train("small", "--context", "9")), "--store none");
        refused(2, small.run(train("none", "--text", text.toString())), "hook point");
        String[] mixed = {"--text", text.toString(), "--hook", SmallWorkspace.HOOK, "--shuffle", "block"};
        refused(2, small.run(train("none", mixed)), "mixing buffer");
        refused(2, small.run(train("small", "--shuffle", "wild")), "full or block");
        String[] capture = {
            "capture", "--text", text.toString(), "--hook", SmallWorkspace.HOOK, "--tokens", "500", "--name", "none"
        };
        refused(2, small.run(capture), "name \"none\"");
        refused(2, small.run("store", "import", text.toString(), "--name", "none"), "name \"none\"");
        refused(2, small.run(train("none", "--text", "/no/such/text", "--hook", SmallWorkspace.HOOK)), "/no/such/text");
    }

    private static String[] train(String store, String... more) {
        List<String> all =
                new ArrayList<>(List.of("train", "--store", store, "--arch", "topk", "--d-sae", "64", "--name", "x"));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    @Test
    void thingsThatAreNotThereAreNamedWithThoseThatAre() {
        Cli small = SmallWorkspace.cli();
        refused(1, small.run("eval", "nobody"), "no SAE \"nobody\"", "tiny-s0");
        refused(1, small.run("index", "tiny-s0", "nobody"), "no SAE \"nobody\"");
        refused(1, small.run("compare", "tiny-s0", "nobody"), "no SAE \"nobody\"");
        refused(1, small.run("store", "info", "nobody"), "no activation store \"nobody\"", "small");
        refused(1, small.run("steer", "--variant", "nobody", "Hello"), "nobody");
        refused(1, small.run("task", "nowhere.json"), "nowhere.json");
    }

    @Test
    void editsThatCannotBeAppliedAreRefused() {
        Cli small = SmallWorkspace.cli();
        refused(2, small.run("steer", "--edit", "tiny-s0:999:add:2", "Hello"), "999");
        refused(2, small.run("steer", "--edit", "tiny-s0", "Hello"), "tiny-s0");
        refused(2, small.run("steer", "--edit", "tiny-s0:1:multiply:2", "Hello"), "multiply");
        refused(2, small.run("steer", ""), "empty");
    }

    @Test
    void anUnknownSettingInTheWorkspacesFileIsNamedWithTheKnownOnes() throws IOException {
        Files.createDirectories(folder.resolve("loupe"));
        Files.writeString(folder.resolve("loupe/loupe.yaml"), "prot: 7071\n");
        refused(2, cli.run("store", "list"), "\"prot\"", "port");
    }

    @Test
    void aPortInUseIsOneSentence() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            refused(
                    1,
                    cli.run("serve", "--port", Integer.toString(taken.getLocalPort())),
                    "port " + taken.getLocalPort() + " is in use",
                    "--port");
        }
    }

    @Test
    void aTokenFileThatIsNotThereIsRefused() {
        refused(2, cli.run("serve", "--port", "0", "--token-file", "nowhere"), "nowhere");
    }

    @Test
    void theSecondWriterOfTheSameStoreNamesTheFirstAndStops() {
        try (ArtifactLock held = ArtifactLock.acquire(folder.resolve("loupe/activations/x"), "a test")) {
            assertThat(held).isNotNull();
            refused(1, capture(), "process " + ProcessHandle.current().pid() + ", a test");
        }
        assertThat(capture().code()).isZero();
    }

    @Test
    void theSecondWriterOfTheSameSaeNamesTheFirstAndStops() {
        assertThat(capture().code()).isZero();
        String[] train = {
            "train",
            "--store",
            "x",
            "--arch",
            "topk",
            "--d-sae",
            "64",
            "--k",
            "4",
            "--steps",
            "3",
            "--set",
            "batch=64",
            "--name",
            "sae"
        };
        try (ArtifactLock held = ArtifactLock.acquire(folder.resolve("loupe/saes/sae"), "a test")) {
            assertThat(held).isNotNull();
            refused(1, cli.run(train), "process " + ProcessHandle.current().pid() + ", a test");
        }
        assertThat(cli.run(train).code()).isZero();
    }

    @Test
    void aDamagedStoreIsFoundByVerifyAndStillListed() throws IOException {
        assertThat(capture().code()).isZero();
        Path shard = folder.resolve("loupe/activations/x/" + SmallWorkspace.HOOK + "/shard-00000.arrow");
        try (FileChannel f = FileChannel.open(shard, StandardOpenOption.WRITE)) {
            f.write(ByteBuffer.wrap(new byte[] {42, 42, 42, 42}), f.size() / 2);
        }
        Cli.Result r = cli.run("store", "verify", "x");
        assertThat(r.code()).isEqualTo(1);
        assertThat(r.err()).contains("damaged");
        assertThat(r.out()).contains("shard-00000.arrow");
        assertThat(cli.run("store", "list").out()).contains("x");
    }

    private Cli.Result capture(String... more) {
        String[] base = {
            "capture",
            "--text",
            text.toString(),
            "--hook",
            SmallWorkspace.HOOK,
            "--tokens",
            "500",
            "--held-out",
            "0.2",
            "--name",
            "x"
        };
        return cli.run(Stream.concat(Stream.of(base), Stream.of(more)).toArray(String[]::new));
    }

    private Path copyOfBuiltin() throws IOException {
        Path source = SmallWorkspace.folder().resolve("models/builtin");
        Path copy = folder.resolve("model");
        Files.createDirectories(copy);
        try (Stream<Path> files = Files.list(source)) {
            for (Path f : files.filter(Files::isRegularFile).toList()) {
                Files.copy(f, copy.resolve(f.getFileName().toString()));
            }
        }
        return copy;
    }

    private void refused(Cli.Result r, String... words) {
        assertThat(r.code()).isIn(1, 2);
        refused(r.code(), r, words);
        assertThat(folder.resolve("loupe/activations/x")).doesNotExist();
    }

    private void refused(int code, Cli.Result r, String... words) {
        assertThat(r.code()).as(r.err()).isEqualTo(code);
        assertThat(r.out()).isEmpty();
        String sentence = r.err().strip().lines().reduce((a, b) -> b).orElse("");
        assertThat(sentence).contains(words).endsWith(".");
        assertThat(r.err()).doesNotContain("\tat ", "Exception", "This should not have happened");
    }
}
