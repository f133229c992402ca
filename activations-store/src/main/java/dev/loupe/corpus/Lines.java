package dev.loupe.corpus;

import dev.loupe.base.LoupeException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
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
    private final Path file;
    private final BufferedReader reader;
    private long number;

    Lines(Path file) {
        this.file = file;
        // a strict decoder: silently replaced bytes would be trained on as if somebody had written them
        reader = new BufferedReader(
                new InputStreamReader(
                        TextFile.open(file),
                        StandardCharsets.UTF_8
                                .newDecoder()
                                .onMalformedInput(CodingErrorAction.REPORT)
                                .onUnmappableCharacter(CodingErrorAction.REPORT)),
                1 << 16);
    }

    /** The next line without its end, or null at the end of the file. */
    @Nullable String next() {
        try {
            String line = reader.readLine();
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
