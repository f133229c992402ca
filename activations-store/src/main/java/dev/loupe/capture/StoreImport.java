package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.corpus.HeldOut;
import dev.loupe.store.Dtype;
import dev.loupe.store.ShardBuffer;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.StoreSpec;
import dev.loupe.store.StoreWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** Makes a store of activations that another program stored: SAELens' cache, {@code .npy} or {@code .safetensors}. */
public final class StoreImport {
    private static final int MOST_ROWS = 65_536;
    private static final long SHARD_BYTES = 256L << 20;

    private StoreImport() {}

    /**
     * What to import.
     *
     * @param file a folder of SAELens' cached activations, a {@code .npy} or a {@code .safetensors} file
     * @param name the store's name
     * @param hook the hook point; empty for the one that the file names
     * @param tensor the tensor of a {@code .safetensors} file; empty if there is only one
     * @param tokenFile token ids of the rows of a {@code .npy} file, as another one
     * @param model what opens the model that they come from; empty if nobody knows
     * @param dtype of the files
     * @param heldOut share of the sequences that no training sees
     */
    public record Request(
            Path file,
            String name,
            String hook,
            String tensor,
            @Nullable Path tokenFile,
            String model,
            Dtype dtype,
            double heldOut) {}

    /**
     * Imports.
     *
     * @throws UsageException if the file is of no kind that can be imported, or nothing names the hook point
     * @throws LoupeException if the file is damaged, or the disk full; nothing half-written appears
     */
    public static StoreManifest run(Request request, Path storesDir, Progress progress) {
        Names.check(request.name());
        try (ImportSource source = open(request)) {
            String hook = request.hook().isEmpty() ? source.hook() : request.hook();
            if (hook.isEmpty()) {
                throw new UsageException("The file " + request.file()
                        + " does not say which hook point its rows come from: name it with --hook, such as"
                        + " blocks.3.hook_resid_post.");
            }
            Names.check(hook);
            HeldOut rule = HeldOut.share(request.heldOut());
            progress.stage("import " + request.name(), -1, "rows");
            Path folder = storesDir.resolve(request.name());
            try (StoreWriter writer = StoreWriter.create(folder, spec(request, source, hook, rule))) {
                return copy(source, writer, hook, rule, request, progress);
            }
        }
    }

    private static ImportSource open(Request request) {
        String name = request.file().toString().toLowerCase(Locale.ROOT);
        if (!Files.exists(request.file())) {
            throw new UsageException("There is nothing at " + request.file() + " to import.");
        }
        if (Files.isDirectory(request.file()) && SaeLensSource.is(request.file())) {
            return SaeLensSource.open(request.file(), request.hook());
        }
        if (name.endsWith(".npy")) {
            return MatrixSource.npy(request.file(), request.tokenFile());
        }
        if (name.endsWith(".safetensors")) {
            return MatrixSource.safetensors(request.file(), request.tensor());
        }
        throw new UsageException(
                "The file " + request.file()
                        + " cannot be imported: give a .npy or .safetensors file, or a folder of activations cached by SAELens.");
    }

    private static StoreSpec spec(Request request, ImportSource source, String hook, HeldOut rule) {
        SequencedMap<String, StoreSpec.HookSpec> hooks = new LinkedHashMap<>();
        hooks.put(hook, new StoreSpec.HookSpec(source.width(), request.dtype()));
        Map<String, Object> capture = new LinkedHashMap<>();
        capture.put("imported_from", source.describe());
        String model = request.model().isEmpty() ? "unknown" : request.model();
        return new StoreSpec(
                request.name(),
                new StoreManifest.Model(model, "unknown", "unknown", "raw"),
                new StoreManifest.Sequence(0, false, "as imported", List.of()),
                new StoreManifest.Corpus(
                        request.file().toString(), source.describe(), "", "unknown", rule.describe(), "none"),
                0,
                hooks,
                capture);
    }

    private static StoreManifest copy(
            ImportSource source, StoreWriter writer, String hook, HeldOut rule, Request request, Progress progress) {
        int capacity = (int) Math.clamp(SHARD_BYTES / (4L * source.width()), 1, MOST_ROWS);
        String file = String.valueOf(request.file().getFileName());
        long rows = 0;
        long sequence = 0;
        ShardBuffer buffer = writer.buffer(capacity);
        try {
            for (ImportSource.Item item; (item = source.next()) != null; sequence++) {
                progress.check();
                int count = item.tokens().length;
                if (count > buffer.capacity() - buffer.rows() && buffer.rows() > 0) {
                    writer.write(buffer);
                    buffer.clear();
                }
                if (count > buffer.capacity()) {
                    buffer.close();
                    buffer = writer.buffer(count);
                }
                String name = file + ":" + sequence;
                boolean known = item.tokens()[0] != ImportSource.NO_TOKEN;
                int document =
                        writer.addDocument(name, "", 0, rule.test(known ? Arrays.toString(item.tokens()) : name));
                item.rows().into(buffer.activations(hook), buffer.add(document, item.tokens()));
                rows += count;
                progress.advance(rows);
            }
            if (buffer.rows() > 0) {
                writer.write(buffer);
            }
        } finally {
            buffer.close();
        }
        return writer.finish();
    }
}
