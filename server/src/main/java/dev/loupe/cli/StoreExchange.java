package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.base.UsageException;
import dev.loupe.capture.StoreImport;
import dev.loupe.service.StoreView;
import dev.loupe.store.Dtype;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Commands that bring stores in and out. */
final class StoreExchange {
    private StoreExchange() {}

    /** Imports a store. */
    @Command(
            name = "import",
            description = "Makes a store of a .npy or .safetensors matrix, or of activations cached by SAELens.")
    static final class Import extends LoupeCommand {
        @Parameters(paramLabel = "FILE", description = "A .npy or .safetensors file, or SAELens' folder.")
        private Path file = Path.of("");

        @Option(names = "--name", required = true, paramLabel = "STORE", description = "Name of the store.")
        private String name = "";

        @Option(names = "--hook", paramLabel = "H", description = "Hook point that the rows come from.")
        private String hook = "";

        @Option(names = "--tensor", paramLabel = "T", description = "Tensor of a .safetensors file.")
        private String tensor = "";

        @Option(names = "--token-ids", paramLabel = "FILE.npy", description = "Token ids of the rows of a .npy file.")
        private @Nullable Path tokenFile;

        @Option(names = "--model", paramLabel = "M", description = "Model that the rows come from, if it is known.")
        private String model = "";

        @Option(names = "--dtype", paramLabel = "D", description = "float32, float16 or bf16 (default: float32).")
        private String dtype = "float32";

        @Option(
                names = "--held-out",
                paramLabel = "SHARE",
                description = "Share of the sequences that no training sees (default: 0.01).")
        private double heldOut = 0.01;

        @Override
        void run(Session session) {
            StoreImport.Request request =
                    new StoreImport.Request(file, name, hook, tensor, tokenFile, model, Dtype.of(dtype), heldOut);
            StoreView made =
                    session.shown(p -> session.workbench().stores().care().importing(request, p));
            session.result(
                    made,
                    () -> session.out.println("Store " + made.name() + ": " + Fmt.count(made.tokens()) + " rows, "
                            + Fmt.bytes(made.bytes()) + "."));
        }
    }

    /** Exports a store. */
    @Command(name = "export", description = "Writes a store as files that other programs read.")
    static final class Export extends LoupeCommand {
        @Parameters(paramLabel = "S", description = "Name of the store.")
        private String store = "";

        @Option(names = "--parquet", description = "As Parquet files, one a shard.")
        private boolean parquet;

        @Option(names = "--out", paramLabel = "DIR", description = "Folder (default: STORE-parquet).")
        private @Nullable Path out;

        @Override
        void run(Session session) {
            if (!parquet) {
                throw new UsageException("Say in which format: --parquet (the store's own files are Arrow IPC files"
                        + " already, which pyarrow, polars and DuckDB read).");
            }
            Path folder = out == null ? Path.of(store + "-parquet") : out;
            List<Path> files =
                    session.shown(p -> session.workbench().stores().care().exportParquet(store, folder, p));
            session.result(
                    Map.of("files", files.stream().map(Path::toString).toList()),
                    () -> session.out.println("Wrote " + files.size() + " files to " + folder + "."));
        }
    }
}
