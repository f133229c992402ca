package dev.loupe.corpus;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/** The lines of a UTF-8 file; bytes that are no UTF-8 are an error that names the file and the place. */
final class Lines implements AutoCloseable {
    /** Characters of a line: a book has a hundredth. */
    static final int LONGEST = 1 << 27;

    private final Path file;
    private final Reader reader;
    private final char[] buffer = new char[1 << 16];
    private int at;
    private int filled;
    private boolean afterCr;
    private long number;

    Lines(Path file) {
        this.file = file;
        // a strict decoder: silently replaced bytes would be trained on as if somebody had written them
        reader = new InputStreamReader(
                TextFile.open(file),
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT));
    }

    /** The next line without its end, or null at the end of the file. */
    @Nullable String next() {
        try {
            String line = line();
            number++;
            return line != null && number == 1 && line.startsWith("\uFEFF") ? line.substring(1) : line;
        } catch (CharacterCodingException e) {
            throw new LoupeException(
                    "The text " + file + " is not UTF-8 (near line " + (number + 1)
                            + "); convert it, for example with iconv.",
                    e);
        } catch (IOException e) {
            throw new LoupeException("The text " + file + " cannot be read (" + e.getMessage() + ").", e);
        }
    }

    /** As {@link java.io.BufferedReader#readLine}, but a line that has no end is refused before it fills memory. */
    private @Nullable String line() throws IOException {
        StringBuilder line = new StringBuilder();
        while (true) {
            if (at == filled) {
                filled = reader.read(buffer, 0, buffer.length);
                at = 0;
                if (filled <= 0) {
                    filled = 0;
                    return line.isEmpty() ? null : line.toString();
                }
            }
            if (afterCr) {
                afterCr = false;
                if (buffer[at] == '\n') {
                    at++;
                    continue;
                }
            }
            int end = at;
            while (end < filled && buffer[end] != '\n' && buffer[end] != '\r') {
                end++;
            }
            line.append(buffer, at, end - at);
            if (line.length() > LONGEST) {
                throw new LoupeException("Line " + (number + 1) + " of " + file + " has more than " + LONGEST
                        + " characters; break it into documents.");
            }
            at = end;
            if (end < filled) {
                afterCr = buffer[end] == '\r';
                at++;
                return line.toString();
            }
        }
    }

    /** Documents from a supplier until it gives null; closing the stream closes the file. */
    Stream<Document> documents(Supplier<@Nullable Document> supplier) {
        return documents(supplier, this::close);
    }

    /** Documents from a supplier until it gives null. */
    static Stream<Document> documents(Supplier<@Nullable Document> supplier, Runnable close) {
        Spliterator<Document> all =
                new Spliterators.AbstractSpliterator<>(Long.MAX_VALUE, Spliterator.ORDERED | Spliterator.NONNULL) {
                    @Override
                    public boolean tryAdvance(Consumer<? super Document> action) {
                        Document document = supplier.get();
                        if (document != null) {
                            action.accept(document);
                        }
                        return document != null;
                    }
                };
        return StreamSupport.stream(all, false).onClose(close);
    }

    /** The number of the line that {@link #next} gave last, from 1. */
    long number() {
        return number;
    }

    @Override
    public void close() {
        try {
            reader.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
