package dev.loupe.diagnose;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a diagnostic found, as {@code diagnostic.json} holds it; the table lies beside it as {@code table.arrow}.
 *
 * @param format version of the file, major.minor
 * @param id name of the result in the workspace; empty if it was not saved
 * @param diagnostic which one
 * @param topic the heading it is listed under
 * @param question what was asked
 * @param answer one sentence with its number
 * @param numbers the figures of the answer by name
 * @param figures at most three
 * @param notes what a reader must know before believing it
 * @param definition what exactly was computed
 * @param sources the papers
 * @param columns of the table
 * @param rows how many rows the table has
 * @param tableCrc32c checksum of the table's file, hexadecimal; empty if it was not saved
 * @param made where the numbers come from
 */
@JsonNaming(SnakeCaseStrategy.class)
public record DiagnosticResult(
        String format,
        String id,
        String diagnostic,
        Topic topic,
        String question,
        String answer,
        Map<String, Double> numbers,
        List<Figure> figures,
        List<String> notes,
        String definition,
        List<Source> sources,
        List<ResultTable.Column> columns,
        long rows,
        String tableCrc32c,
        Made made) {
    /** The version that this code writes. */
    public static final String FORMAT = "1.0";

    /**
     * Where the numbers come from.
     *
     * @param created ISO 8601 time
     * @param plan name of all that the result depends on, by which a later run finds it; null in older files, empty where
     *     something is in memory only
     * @param model id of the model, or null
     * @param modelChecksum of its weights, or null
     * @param store name of the store, or null
     * @param storeFingerprint of the store, or null
     * @param saes names of the SAEs
     * @param saeChecksums of their weights, in the same order; "" for one that was never saved
     * @param checkpoints names of the checkpoints
     * @param text where the text comes from, or null
     * @param limits how much was looked at, as asked
     * @param tokens of text that the model read for this diagnostic
     * @param trialTokens predictions that changes were tried on
     * @param rows of the store that were read for it
     * @param rounds that the streams were read for it
     * @param seconds that it took of its own, without reading
     */
    @JsonNaming(SnakeCaseStrategy.class)
    public record Made(
            String created,
            @Nullable String plan,
            @Nullable String model,
            @Nullable String modelChecksum,
            @Nullable String store,
            @Nullable String storeFingerprint,
            List<String> saes,
            List<String> saeChecksums,
            List<String> checkpoints,
            @Nullable String text,
            Limits limits,
            long tokens,
            long trialTokens,
            long rows,
            int rounds,
            double seconds) {}

    /** The same under a name and with its table's checksum. */
    DiagnosticResult saved(String name, String crc32c) {
        return new DiagnosticResult(
                format,
                name,
                diagnostic,
                topic,
                question,
                answer,
                numbers,
                figures,
                notes,
                definition,
                sources,
                columns,
                rows,
                crc32c,
                made);
    }
}
