package dev.loupe.store;

import dev.loupe.base.Checksums;
import dev.loupe.store.StoreManifest.Content;
import dev.loupe.store.StoreManifest.DataFile;
import dev.loupe.store.StoreManifest.Hook;
import dev.loupe.store.StoreManifest.Shard;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Looks whether a manifest agrees with itself, before anything in it is used. */
final class ManifestCheck {
    /** Key of the token table among a shard's files. */
    static final String TOKENS = "tokens";

    /** Key of the sequence table among a shard's files. */
    static final String SEQUENCES = "sequences";

    private static final Pattern CRC = Pattern.compile("[0-9a-f]{8}");
    private static final Pattern SAFE_PATH =
            Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*");
    private static final int WIDEST = 1 << 24;

    private ManifestCheck() {}

    /** Throws IllegalArgumentException with the first thing that is wrong. */
    @SuppressWarnings("ConstantValue") // Jackson leaves null what a file leaves out
    static void check(Content c) {
        require(
                c.model() != null
                        && c.sequence() != null
                        && c.corpus() != null
                        && c.hooks() != null
                        && c.capture() != null
                        && c.shards() != null
                        && c.documentsFile() != null
                        && c.name() != null,
                "a field is missing");
        require(c.sequence().excludedTokens() != null, "sequence.excluded_tokens is missing");
        for (Map.Entry<String, Hook> entry : c.hooks().entrySet()) {
            Hook hook = Objects.requireNonNull(entry.getValue(), "a hook is null");
            require(hook.dtype() != null, "the dtype of " + entry.getKey() + " is missing");
            require(
                    hook.width() > 0 && hook.width() <= WIDEST,
                    "the width of " + entry.getKey() + " is " + hook.width());
            require(
                    hook.mean() != null && hook.mean().length == hook.width(),
                    "the mean of " + entry.getKey() + " has another length");
            require(
                    hook.variance() == null || hook.variance().length == hook.width(),
                    "the variance of " + entry.getKey() + " has another length");
        }
        long rows = 0;
        long sequences = 0;
        for (Shard shard : c.shards()) {
            require(
                    shard != null && shard.rows() > 0 && shard.sequences() > 0 && shard.files() != null,
                    "a shard is empty");
            rows += shard.rows();
            sequences += shard.sequences();
            require(shard.files().size() == c.hooks().size() + 2, "a shard has too few or too many files");
            check(shard.files().get(TOKENS), shard.rows());
            check(shard.files().get(SEQUENCES), shard.sequences());
            for (String hook : c.hooks().keySet()) {
                check(shard.files().get(hook), shard.rows());
            }
        }
        check(c.documentsFile(), c.documents());
        require(rows == c.tokens(), "it counts " + c.tokens() + " tokens but its shards hold " + rows);
        require(
                c.trainTokens() >= 0 && c.heldOutTokens() >= 0 && c.trainTokens() + c.heldOutTokens() == rows,
                "training and held-out tokens do not add up");
        require(
                sequences == c.sequences(),
                "it counts " + c.sequences() + " sequences but its shards hold " + sequences);
    }

    private static void check(@Nullable DataFile file, int rows) {
        if (file == null || file.file() == null || file.batchCrc32c() == null || file.frameCrc32c() == null) {
            throw new IllegalArgumentException("a file is missing");
        }
        require(SAFE_PATH.matcher(file.file()).matches(), "\"" + file.file() + "\" is no path inside the store");
        require(file.bytes() > 0 && file.batchRows() > 0, "a size of " + file.file() + " is not positive");
        require(
                rows > 0 && file.batchCrc32c().size() == (rows + file.batchRows() - 1L) / file.batchRows(),
                "the batches of " + file.file() + " do not hold its rows");
        require(CRC.matcher(file.frameCrc32c()).matches(), "a checksum of " + file.file() + " is malformed");
        for (String crc : file.batchCrc32c()) {
            require(crc != null && CRC.matcher(crc).matches(), "a checksum of " + file.file() + " is malformed");
        }
    }

    /** CRC32C of a text, as the manifest writes its own. */
    static String crc(String text) {
        int crc = Checksums.crc32c(MemorySegment.ofArray(text.getBytes(StandardCharsets.UTF_8)));
        return "crc32c:" + HexFormat.of().toHexDigits(crc);
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalArgumentException(otherwise);
        }
    }
}
