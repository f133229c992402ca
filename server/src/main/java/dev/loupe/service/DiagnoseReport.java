package dev.loupe.service;

import dev.loupe.diagnose.DiagnosticRun;
import java.util.List;
import java.util.Map;

/**
 * What a run of diagnostics gave.
 *
 * @param results saved ones, in the order asked for
 * @param refused diagnostics that made no sense here, with one sentence each
 * @param streams what was read, and how often
 */
public record DiagnoseReport(List<Row> results, Map<String, String> refused, DiagnosticRun.Streamed streams) {
    /**
     * One result in short.
     *
     * @param id its name in the workspace
     * @param diagnostic which one
     * @param question what was asked
     * @param answer one sentence with its number
     * @param numbers the figures of the answer by name
     * @param seconds it took of its own
     * @param kept whether an earlier run with the same inputs made it
     */
    public record Row(
            String id,
            String diagnostic,
            String question,
            String answer,
            Map<String, Double> numbers,
            double seconds,
            boolean kept) {}
}
