package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureResult;
import dev.loupe.capture.CaptureRules;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Captures activations into a store. */
@Command(
        name = "capture",
        description =
                "Runs a model over text and stores the activations of hook points. Continues where it was stopped.")
final class CaptureCommand extends LoupeCommand {
    @Mixin
    private ClusterChoice where = new ClusterChoice();

    @Mixin
    private TextOptions options = new TextOptions();

    @Option(
            names = "--text",
            required = true,
            paramLabel = "T",
            description =
                    "A .txt, .jsonl (also .gz, .zst), .parquet or .arrow file, a folder of them, hf:DATASET[:CONFIG:SPLIT:FIELD],"
                            + " or builtin:europarl (builtin:europarl:en,fr for some of its languages).")
    private String text = "";

    @Option(
            names = "--hook",
            required = true,
            split = ",",
            paramLabel = "H",
            description = "Hook points, comma separated (see loupe model hooks); blocks.*.NAME is that of every layer.")
    private List<String> hooks = List.of();

    @Option(
            names = "--tokens",
            required = true,
            paramLabel = "N",
            description = "Rows to store, held-out ones included.")
    private long tokens;

    @Option(names = "--name", required = true, paramLabel = "STORE", description = "Name of the store.")
    private String name = "";

    @Option(names = "--dtype", paramLabel = "D", description = "float32, float16 or bf16 (default: float32).")
    private String dtype = "";

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the order of documents (default: 0).")
    private long seed;

    @Option(
            names = "--shard-rows",
            paramLabel = "N",
            description =
                    "Rows of a file, one task of a cluster, 1024 to 131072 (default: what fits into 256 MB, at most"
                            + " 65536).")
    private @Nullable Integer shardRows;

    private @Nullable CaptureRules rules() {
        CaptureRules rules = options.rules();
        return shardRows == null ? rules : (rules == null ? CaptureRules.NONE : rules).withShardRows(shardRows);
    }

    @Override
    void run(Session session) {
        session.on(where);
        Path stores = session.workbench().workspace().activations();
        CaptureRequest request = new CaptureRequest(
                name,
                stores,
                options.model.reference(),
                text,
                options.jsonField,
                hooks,
                tokens,
                options.context,
                options.prependBos,
                dtype,
                options.heldOut,
                seed,
                rules());
        CaptureResult r = session.job(
                "capture", request, p -> session.workbench().stores().capture(request, p));
        session.result(r, () -> {
            session.out.println("Store " + r.store() + ": " + Fmt.count(r.tokens()) + " tokens ("
                    + Fmt.count(r.heldOutTokens()) + " held out) of " + r.documents() + " documents, hook points "
                    + String.join(", ", r.hooks()) + ".");
            session.out.println(speed(r));
        });
    }

    static String speed(CaptureResult r) {
        return r.reused()
                ? "It was there already; nothing to do."
                : Fmt.count(r.tokensPerSecond()) + " tokens/s, "
                        + Fmt.duration(Duration.ofMillis((long) (1000 * r.seconds()))) + ", peak memory "
                        + Fmt.bytes(r.peakMemoryBytes()) + ".";
    }
}
