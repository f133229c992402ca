package dev.loupe.patch;

import dev.loupe.base.Json;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.patch.task.PatchPair;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Prompt pairs in files: JSON lines with {@code clean}, {@code corrupt}, {@code answer}, {@code wrong} (or the sets
 * {@code answers}, {@code wrongs}), or CSV (RFC 4180) with a header naming these four columns in any order.
 */
public final class PairFiles {
    private static final List<String> COLUMNS = List.of("clean", "corrupt", "answer", "wrong");
    private static final long MOST_BYTES = 64L << 20;

    private PairFiles() {}

    /**
     * Reads pairs from a file; its ending says which form it has ({@code .csv}, else JSON lines).
     *
     * @throws UsageException naming the line that is wrong
     */
    public static List<PatchPair> read(Path file) {
        try {
            if (!Files.isRegularFile(file)) {
                throw new NotFoundException("There is no file " + file + " with prompt pairs.");
            }
            if (Files.size(file) > MOST_BYTES) {
                throw new UsageException("The file " + file + " is larger than 64 MiB; take fewer pairs.");
            }
            String text = Files.readString(file, StandardCharsets.UTF_8);
            boolean csv =
                    String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT).endsWith(".csv");
            return parse(text, csv, String.valueOf(file.getFileName()));
        } catch (IOException e) {
            throw new UsageException("The file " + file + " cannot be read as UTF-8 text (" + e.getMessage() + ").");
        }
    }

    /**
     * Reads pairs from text.
     *
     * @param csv whether it is CSV; else JSON lines
     * @param name of the text, for messages
     */
    public static List<PatchPair> parse(String text, boolean csv, String name) {
        String plain = text.startsWith("\uFEFF") ? text.substring(1) : text;
        List<PatchPair> pairs = csv ? csv(plain, name) : lines(plain, name);
        if (pairs.isEmpty()) {
            throw new UsageException("There are no prompt pairs in " + name + ".");
        }
        return pairs;
    }

    private static List<PatchPair> lines(String text, String name) {
        List<PatchPair> pairs = new ArrayList<>();
        int number = 0;
        for (String line : text.split("\n")) {
            number++;
            if (line.isBlank()) {
                continue;
            }
            PatchPair pair;
            try {
                pair = Json.MAPPER.readValue(line, PatchPair.class);
            } catch (RuntimeException e) {
                throw new UsageException(
                        "Line " + number + " of " + name + " is no JSON object with clean, corrupt, answer and wrong.");
            }
            pairs.add(checked(pair, number, name));
        }
        return pairs;
    }

    private static List<PatchPair> csv(String text, String name) {
        List<List<String>> rows = rows(text, name);
        if (rows.isEmpty()) {
            return List.of();
        }
        List<String> header = rows.get(0).stream()
                .map(h -> h.strip().toLowerCase(Locale.ROOT))
                .toList();
        for (String column : COLUMNS) {
            if (!header.contains(column)) {
                throw new UsageException("The file " + name + " has no column " + column
                        + "; its first line must name clean, corrupt, answer and wrong.");
            }
        }
        List<PatchPair> pairs = new ArrayList<>();
        for (int i = 1; i < rows.size(); i++) {
            List<String> row = rows.get(i);
            if (row.size() == 1 && row.get(0).isBlank()) {
                continue;
            }
            if (row.size() != header.size()) {
                throw new UsageException("Row " + (i + 1) + " of " + name + " has " + row.size() + " fields where "
                        + header.size() + " are needed.");
            }
            pairs.add(checked(
                    PatchPair.of(
                            row.get(header.indexOf("clean")),
                            row.get(header.indexOf("corrupt")),
                            row.get(header.indexOf("answer")),
                            row.get(header.indexOf("wrong"))),
                    i + 1,
                    name));
        }
        return pairs;
    }

    /** Fields by row; quoted fields may hold commas, line ends and doubled quotes. Spaces are kept: answers begin with them. */
    private static List<List<String>> rows(String text, String name) {
        List<List<String>> rows = new ArrayList<>();
        List<String> row = new ArrayList<>();
        StringBuilder field = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quoted) {
                if (c != '"') {
                    field.append(c);
                } else if (i + 1 < text.length() && text.charAt(i + 1) == '"') {
                    field.append('"');
                    i++;
                } else {
                    quoted = false;
                }
            } else if (c == '"' && field.isEmpty()) {
                quoted = true;
            } else if (c == ',' || c == '\n') {
                row.add(field.toString());
                field.setLength(0);
                if (c == '\n') {
                    rows.add(row);
                    row = new ArrayList<>();
                }
            } else if (c != '\r') {
                field.append(c);
            }
        }
        if (quoted) {
            throw new UsageException("A quotation mark in " + name + " is never closed.");
        }
        if (!field.isEmpty() || !row.isEmpty()) {
            row.add(field.toString());
            rows.add(row);
        }
        return rows;
    }

    private static PatchPair checked(PatchPair pair, int number, String name) {
        if (pair.clean().isBlank() || pair.corrupt().isBlank()) {
            throw new UsageException("Pair " + number + " of " + name + " lacks its clean or corrupt prompt.");
        }
        return pair;
    }
}
