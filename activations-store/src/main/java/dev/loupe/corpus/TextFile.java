package dev.loupe.corpus;

import com.github.luben.zstd.ZstdInputStream;
import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** The kinds of files that documents are read from, known by their names. */
enum TextFile {
    TEXT(".txt") {
        @Override
        Stream<Document> documents(Path file, String name, String field) {
            return PlainText.documents(file, name);
        }
    },
    JSON_LINES(".jsonl") {
        @Override
        Stream<Document> documents(Path file, String name, String field) {
            return JsonLines.documents(file, name, field);
        }
    },
    PARQUET(".parquet") {
        @Override
        Stream<Document> documents(Path file, String name, String field) {
            return ParquetRows.documents(file, name, field);
        }
    },
    ARROW(".arrow") {
        @Override
        Stream<Document> documents(Path file, String name, String field) {
            return ArrowRows.documents(file, name, field);
        }
    };

    /** What may be given, in words. */
    static final String NAMES = ".txt, .jsonl (both also .gz or .zst), .parquet or .arrow";

    private final String ending;

    TextFile(String ending) {
        this.ending = ending;
    }

    /** The documents of a file. */
    abstract Stream<Document> documents(Path file, String name, String field);

    /** The kind of a file, or null. */
    static @Nullable TextFile of(Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        boolean packed = name.endsWith(".gz") || name.endsWith(".zst");
        String plain = packed ? name.substring(0, name.lastIndexOf('.')) : name;
        return Arrays.stream(values())
                .filter(kind -> plain.endsWith(kind.ending))
                .filter(kind -> !packed || kind == TEXT || kind == JSON_LINES)
                .findFirst()
                .orElse(null);
    }

    /** Opens a file, unpacked by its ending. */
    static InputStream open(Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        InputStream raw = null;
        try {
            raw = Files.newInputStream(file);
            if (name.endsWith(".gz")) {
                return new GZIPInputStream(raw, 1 << 16);
            }
            return name.endsWith(".zst") ? new ZstdInputStream(raw).setContinuous(false) : raw;
        } catch (IOException e) {
            try {
                if (raw != null) {
                    raw.close();
                }
            } catch (IOException ignored) {
                // the first problem is the one to tell
            }
            throw new LoupeException("The text " + file + " cannot be read (" + e.getMessage() + ").", e);
        }
    }
}
