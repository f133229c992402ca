package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Unpacked;
import dev.loupe.base.UsageException;
import dev.loupe.feature.LabelCandidate;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Reads explanations as Neuronpedia exports them: JSON lines with {@code index}, {@code description} and {@code scores}. */
final class NeuronpediaExplanations {
    private static final int LONGEST_LINE = 10_000_000;

    private NeuronpediaExplanations() {}

    /** Reads a file, gzipped where its name ends in {@code .gz}. */
    static List<Explanation> read(Path file) {
        try (InputStream in = Files.newInputStream(file);
                InputStream plain = String.valueOf(file.getFileName()).endsWith(".gz")
                        ? new Unpacked(Files.size(file)).count(new GZIPInputStream(in))
                        : in;
                BufferedReader reader = new BufferedReader(new InputStreamReader(plain, StandardCharsets.UTF_8))) {
            return read(reader, file + ", line ");
        } catch (IOException e) {
            throw new LoupeException("The file " + file + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** Reads lines. */
    static List<Explanation> read(String lines) {
        try (BufferedReader reader = new BufferedReader(new StringReader(lines))) {
            return read(reader, "line ");
        } catch (IOException e) {
            throw new IllegalStateException(e); // a string can always be read
        }
    }

    /** What was said, by whom and how, without when: two of these are one explanation that came twice. */
    static Explanation said(Explanation e) {
        return new Explanation(
                e.feature(), e.text(), e.kind(), e.author(), Instant.EPOCH, "", List.of(), e.detection(), e.fuzzing());
    }

    private static List<Explanation> read(BufferedReader reader, String where) throws IOException {
        List<Explanation> all = new ArrayList<>();
        int number = 0;
        for (String line; (line = reader.readLine()) != null; ) {
            number++;
            if (!line.isBlank()) {
                all.add(explanation(line, where + number));
            }
        }
        return all;
    }

    private static Explanation explanation(String line, String where) {
        JsonNode node;
        try {
            if (line.length() > LONGEST_LINE) {
                throw new UsageException("A line is longer than any explanation (" + where + ").");
            }
            node = Views.JSON.readTree(line);
        } catch (JacksonException e) {
            throw new UsageException("This is no JSON (" + where + "): " + e.getOriginalMessage());
        }
        String text = node.path("description").asString("");
        String index = node.path("index").asString("");
        if (text.isBlank() || !index.matches("\\d{1,9}")) {
            throw new UsageException(
                    "An explanation of Neuronpedia has \"index\" and \"description\"; one lacks them (" + where + ").");
        }
        String type = node.path("typeName").asString("");
        return new Explanation(
                Integer.parseInt(index),
                text,
                type.isEmpty() ? LabelCandidate.IMPORTED : type,
                node.path("explanationModelName").asString(""),
                Instant.now(),
                "",
                List.of(),
                score(node, "detection", "eleuther_recall"), // the older name of Eleuther's detection scorer
                score(node, "fuzzing", "eleuther_fuzz"));
    }

    /** The score of a kind, by its name here or there; scores of other kinds have no place here and are left out. */
    private static @Nullable Double score(JsonNode explanation, String ours, String theirs) {
        for (JsonNode s : explanation.path("scores")) {
            String type = s.path("explanationScoreTypeName").asString("");
            double value = s.path("value").asDouble(Double.NaN);
            if ((type.equals(ours) || type.equals(theirs)) && value >= 0 && value <= 1) {
                return value;
            }
        }
        return null;
    }
}
