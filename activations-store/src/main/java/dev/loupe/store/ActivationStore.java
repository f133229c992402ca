package dev.loupe.store;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.store.StoreManifest.Hook;
import dev.loupe.store.StoreManifest.Shard;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import tools.jackson.databind.node.ObjectNode;

/**
 * Activations of a language model on a text, read from a folder: for every hook point one vector a row, and for every
 * row the token, sequence, position and document behind it. Rows of all hook points are in the same order.
 *
 * <p>Files are mapped, not loaded; opening checks their structure, the first touch of a record batch its checksum.
 * Safe to use from several threads. Nothing obtained from a store may be used after it is closed.
 */
public final class ActivationStore implements AutoCloseable {
    private final Path folder;
    private final StoreManifest manifest;
    private final Arena arena;
    private final Shards tokenShards;
    private final Shards sequenceShards;
    private final Map<String, Shards> hookShards = new LinkedHashMap<>();
    private final CheckedFile documentFile;
    private final StoreTables.Documents documents;
    private final Supplier<RowSet[]> split = Lazy.of(this::splitRows);
    private final Supplier<String> fingerprint = Lazy.of(this::computeFingerprint);

    private ActivationStore(Path folder, StoreManifest manifest, Arena arena) {
        this.folder = folder;
        this.manifest = manifest;
        this.arena = arena;
        StoreManifest.Content content = manifest.content();
        List<Shard> shards = content.shards();
        MappedFiles.check(
                String.valueOf(folder.getFileName()), (2L + content.hooks().size()) * shards.size());
        tokenShards = Shards.open(folder, shards, ManifestCheck.TOKENS, Shard::rows, arena, StoreTables.TOKENS);
        sequenceShards =
                Shards.open(folder, shards, ManifestCheck.SEQUENCES, Shard::sequences, arena, StoreTables.SEQUENCES);
        content.hooks()
                .forEach((name, hook) -> hookShards.put(
                        name,
                        Shards.open(
                                folder,
                                shards,
                                name,
                                Shard::rows,
                                arena,
                                StoreTables.activation(hook.width(), hook.dtype()))));
        documentFile =
                CheckedFile.open(folder, content.documentsFile(), content.documents(), arena, StoreTables.DOCUMENTS);
        documents = new StoreTables.Documents(
                documentFile, content.documents(), content.documentsFile().batchRows());
    }

    /**
     * Opens a store: maps its files and checks their structure.
     *
     * @throws NotFoundException if there is none in the folder
     * @throws LoupeException if the manifest or a file is damaged, cut off or missing, or the format is newer
     */
    @SuppressWarnings("MustBeClosed") // the store closes it
    public static ActivationStore open(Path folder) {
        StoreManifest manifest = StoreManifest.read(folder);
        Arena arena = Arena.ofShared();
        try {
            return new ActivationStore(folder, manifest, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** The store's name: that of its folder. */
    public String name() {
        return String.valueOf(folder.toAbsolutePath().normalize().getFileName());
    }

    /** Where it lies. */
    public Path folder() {
        return folder;
    }

    /** What {@code store.json} says. */
    public StoreManifest manifest() {
        return manifest;
    }

    /** SHA-256 of the manifest without the name: two stores with the same bytes have the same fingerprint. */
    public String fingerprint() {
        return fingerprint.get();
    }

    private String computeFingerprint() {
        ObjectNode tree = manifest.tree();
        tree.remove(List.of("name", StoreManifest.CHECKSUM));
        return Checksums.sha256(Json.line(tree).getBytes(StandardCharsets.UTF_8));
    }

    /** The hook points, in the order of the capture. */
    public List<String> hooks() {
        return List.copyOf(hookShards.keySet());
    }

    /** Floats a row of a hook point; of several joined by commas, their sum. */
    public int width(String hooks) {
        int width = 0;
        for (String hook : hooks.split(",", -1)) {
            width = Math.addExact(width, hook(hook).width());
        }
        return width;
    }

    /** All rows. */
    public long rows() {
        return manifest.content().tokens();
    }

    /** Rows that training may use. */
    public long trainRows() {
        return manifest.content().trainTokens();
    }

    /** Rows of held-out documents: what figures are reported on. */
    public long heldOutRows() {
        return manifest.content().heldOutTokens();
    }

    /** The rows that training may use, ascending. */
    public RowSet trainRowIds() {
        return split.get()[0];
    }

    /** The rows of held-out documents, ascending. */
    public RowSet heldOutRowIds() {
        return split.get()[1];
    }

    /** The token behind every row. */
    public TokenTable tokens() {
        return new StoreTables.Tokens(tokenShards);
    }

    /** The documents. */
    public DocumentTable documents() {
        return documents;
    }

    /** The sequences that the model was run on. */
    public SequenceTable sequences() {
        return new StoreTables.Sequences(sequenceShards, rows());
    }

    /** The token ids of a sequence as the model saw them, BOS and other tokens without a row included. */
    public int[] sequenceTokens(int sequence) {
        return sequences().tokens(sequence);
    }

    /**
     * The rows of a hook point; of several joined by commas, their values side by side in this order.
     *
     * @throws LoupeException if the store has no such hook point, naming those it has
     */
    public RowReader reader(String hooks) {
        if (hooks.indexOf(',') < 0) {
            return mapped(hooks);
        }
        List<RowReader> parts = new ArrayList<>();
        for (String hook : hooks.split(",", -1)) {
            parts.add(mapped(hook));
        }
        return new JoinedRows(parts);
    }

    MappedRows mapped(String hook) {
        Hook info = hook(hook);
        return new MappedRows(shards(hook), info.width(), info.dtype());
    }

    /** Mean of the training rows, by dimension; summed in double precision. Of several hook points joined by commas, all. */
    public float[] mean(String hooks) {
        float[] result = new float[width(hooks)];
        int at = 0;
        for (String hook : hooks.split(",", -1)) {
            for (double mean : hook(hook).mean()) {
                result[at++] = (float) mean;
            }
        }
        return result;
    }

    /** E‖x‖² over the training rows. */
    public double meanSquaredNorm(String hook) {
        return hook(hook).meanSquaredNorm();
    }

    /** E‖x‖ over the training rows. */
    public double meanNorm(String hook) {
        return hook(hook).meanNorm();
    }

    /** Compares every byte with its checksum and looks whether the tables fit each other; damage is reported, not thrown. */
    public VerifyReport verify(Progress progress) {
        List<Shards> tables = new ArrayList<>(List.of(tokenShards, sequenceShards));
        tables.addAll(hookShards.values());
        return StoreVerifier.verify(this, tables, documentFile, progress);
    }

    @Override
    public void close() {
        arena.close();
    }

    private Hook hook(String hook) {
        Hook info = manifest.hooks().get(hook);
        if (info == null) {
            throw noHook(hook);
        }
        return info;
    }

    private Shards shards(String hook) {
        Shards shards = hookShards.get(hook);
        if (shards == null) {
            throw noHook(hook);
        }
        return shards;
    }

    private LoupeException noHook(String hook) {
        return new LoupeException("The activation store " + name() + " has no hook point \"" + hook + "\"; it has "
                + String.join(", ", hooks()) + ".");
    }

    private RowSet[] splitRows() {
        RowSet.Builder train = new RowSet.Builder();
        RowSet.Builder heldOut = new RowSet.Builder();
        SequenceTable sequences = sequences();
        for (int s = 0; s < sequences.size(); s++) {
            RowSet.Builder set = documents.heldOut(sequences.document(s)) ? heldOut : train;
            set.add(sequences.firstRow(s), sequences.rows(s));
        }
        return new RowSet[] {train.build(), heldOut.build()};
    }
}
