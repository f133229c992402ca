package dev.loupe.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.VersionedJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;
import tools.jackson.databind.node.ObjectNode;

/**
 * What {@code store.json} says. Fields that this version does not know survive a rewrite; a file of a newer major
 * version is refused.
 */
public final class StoreManifest {
    /** Name of the manifest inside a store's folder. A folder without it is no store. */
    public static final String FILE = "store.json";

    /** The format that this version writes: major.minor. */
    public static final String FORMAT = "1.1";

    static final String CHECKSUM = "checksum";
    private static final String NO_CHECKSUM = "crc32c:00000000";

    private final ObjectNode tree;
    private final Content content;

    private StoreManifest(ObjectNode tree, Content content) {
        this.tree = tree;
        this.content = content;
    }

    /**
     * The known fields.
     *
     * @param format major.minor of the layout
     * @param name the store's name when it was written
     * @param model the model behind the activations
     * @param sequence how documents became sequences
     * @param corpus the text
     * @param tokens rows of every activation file
     * @param trainTokens rows of documents that training may use
     * @param heldOutTokens rows of held-out documents
     * @param sequences sequences the model was run on
     * @param documents documents the rows come from
     * @param seed of the order of documents
     * @param capture further choices of the writer, by name
     * @param hooks by hook name
     * @param shards in row order
     * @param documentsFile the document table
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Content(
            String format,
            String name,
            Model model,
            Sequence sequence,
            Corpus corpus,
            long tokens,
            long trainTokens,
            long heldOutTokens,
            int sequences,
            int documents,
            long seed,
            Map<String, Object> capture,
            SequencedMap<String, Hook> hooks,
            DataFile documentsFile,
            List<Shard> shards) {}

    /**
     * The model behind the activations.
     *
     * @param id what opens it
     * @param weightsChecksum SHA-256 of its weights
     * @param tokenizerChecksum SHA-256 of its tokenizer
     * @param weightRegime {@code raw}: weights as they are in the checkpoint
     * @param precision {@code bf16}, or null for products in float32
     */
    @JsonNaming(SnakeCaseStrategy.class)
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Model(
            String id,
            String weightsChecksum,
            String tokenizerChecksum,
            String weightRegime,
            @Nullable String precision) {

        /** Products in float32. */
        public Model(String id, String weightsChecksum, String tokenizerChecksum, String weightRegime) {
            this(id, weightsChecksum, tokenizerChecksum, weightRegime, null);
        }
    }

    /**
     * How documents became sequences.
     *
     * @param context longest sequence in tokens, special ones included
     * @param prependBos whether every sequence starts with the model's BOS token
     * @param packing the rule, in words
     * @param excludedTokens special tokens that the model saw but that have no row
     * @param excludeFirst the first positions of every sequence that have no row either, BOS counted; null for 0; since
     *     format 1.1
     */
    @JsonNaming(SnakeCaseStrategy.class)
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Sequence(
            int context,
            boolean prependBos,
            String packing,
            List<Integer> excludedTokens,
            @Nullable Integer excludeFirst) {

        /** Every position may have a row. */
        public Sequence(int context, boolean prependBos, String packing, List<Integer> excludedTokens) {
            this(context, prependBos, packing, excludedTokens, null);
        }

        /** The first positions without a row. */
        public int firstRows() {
            return excludeFirst == null ? 0 : excludeFirst;
        }
    }

    /**
     * The text.
     *
     * @param spec what opens it
     * @param description what it is, in words
     * @param jsonField field of JSON lines that holds the text
     * @param fingerprint checksum of the text
     * @param heldOut the rule that holds documents out
     * @param labels what labelled the documents
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Corpus(
            String spec, String description, String jsonField, String fingerprint, String heldOut, String labels) {}

    /**
     * One hook point. The statistics are over the rows of training documents, summed in double precision, of the
     * values as stored.
     *
     * @param width floats a row
     * @param dtype how they are stored
     * @param mean per dimension
     * @param meanSquaredNorm E‖x‖²
     * @param meanNorm E‖x‖
     * @param variance per dimension, E(x − mean)²; since format 1.1
     * @param normQuantiles quantiles of ‖x‖ by share ("0.5" is the median), to about 0.05 %; since format 1.1
     * @param massive entries that dominate squared norms; since format 1.1
     * @param changed what was done to values before they were stored; null for nothing; since format 1.1
     */
    @JsonNaming(SnakeCaseStrategy.class)
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Hook(
            int width,
            Dtype dtype,
            double[] mean,
            double meanSquaredNorm,
            double meanNorm,
            double @Nullable [] variance,
            @Nullable SequencedMap<String, Double> normQuantiles,
            @Nullable MassiveActivations massive,
            @Nullable ValueRule changed) {}

    /**
     * A run of rows.
     *
     * @param rows rows in it
     * @param sequences whole sequences in it
     * @param files by {@code tokens}, {@code sequences} and the names of hooks
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Shard(int rows, int sequences, SequencedMap<String, DataFile> files) {}

    /**
     * One Arrow file.
     *
     * @param file path inside the store's folder, with forward slashes
     * @param bytes its size
     * @param batchRows rows of every record batch but the last, which may have fewer
     * @param frameCrc32c CRC32C of all bytes outside the record batches, hexadecimal
     * @param batchCrc32c CRC32C of every record batch (metadata and body), hexadecimal
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record DataFile(String file, long bytes, int batchRows, String frameCrc32c, List<String> batchCrc32c) {
        /** The same content under another name. */
        DataFile named(String name) {
            return new DataFile(name, bytes, batchRows, frameCrc32c, batchCrc32c);
        }
    }

    /** A new manifest. */
    static StoreManifest of(Content content) {
        return new StoreManifest((ObjectNode) Json.MAPPER.valueToTree(content), content);
    }

    /**
     * Reads the manifest of a store.
     *
     * @throws NotFoundException if the folder holds no store
     * @throws LoupeException if the manifest is damaged or of a newer major version
     */
    public static StoreManifest read(Path folder) {
        Path file = folder.resolve(FILE);
        if (!Files.exists(file)) {
            throw new NotFoundException("There is no activation store at " + folder + "; make one with loupe capture.");
        }
        JsonNode tree = Json.tree(file);
        if (!(tree instanceof ObjectNode object)) {
            throw damaged(file, "it is no JSON object", null);
        }
        VersionedJson.check(object, "activation store " + folder.getFileName(), file);
        try {
            Content content = Json.MAPPER.treeToValue(object, Content.class);
            ManifestCheck.check(content);
            return new StoreManifest(object, content);
        } catch (JacksonException e) {
            throw damaged(file, e.getOriginalMessage(), e);
        } catch (IllegalArgumentException e) {
            throw damaged(file, String.valueOf(e.getMessage()), e);
        }
    }

    private static LoupeException damaged(Path file, String why, @Nullable Exception e) {
        String sentence = "The manifest " + file + " is damaged (" + why + "); restore it or capture the store again.";
        return e == null ? new LoupeException(sentence) : new LoupeException(sentence, e);
    }

    /** The known fields. */
    public Content content() {
        return content;
    }

    /** The hook points by name, in the order of the capture. */
    public SequencedMap<String, Hook> hooks() {
        return content.hooks();
    }

    /** The same manifest with top-level fields replaced or added; everything else, known or not, stays. */
    public StoreManifest with(Map<String, ?> fields) {
        ObjectNode copy = tree.deepCopy();
        fields.forEach((name, value) -> copy.set(name, Json.MAPPER.valueToTree(value)));
        return new StoreManifest(copy, Json.MAPPER.treeToValue(copy, Content.class));
    }

    /** Writes the manifest into a store's folder, whole or not at all, with its own checksum. */
    public void write(Path folder) {
        ObjectNode copy = tree.deepCopy();
        copy.put(CHECKSUM, NO_CHECKSUM);
        String text = Json.MAPPER.writeValueAsString(copy) + "\n";
        String field = Json.MAPPER.writeValueAsString(CHECKSUM) + " : \"";
        AtomicFiles.writeString(
                folder.resolve(FILE), text.replace(field + NO_CHECKSUM, field + ManifestCheck.crc(text)));
    }

    /** Whether a manifest's text is the one once written: its checksum covers the text with the checksum zeroed. */
    static boolean isUntouched(Path folder) {
        String told = Json.tree(folder.resolve(FILE)).path(CHECKSUM).asString("");
        try {
            String text = Files.readString(folder.resolve(FILE));
            return !told.isEmpty() && told.equals(ManifestCheck.crc(text.replace(told, NO_CHECKSUM)));
        } catch (IOException e) {
            return false;
        }
    }

    /** All fields, also those this version does not know. */
    public ObjectNode tree() {
        return tree.deepCopy();
    }
}
