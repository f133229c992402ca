package dev.loupe.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.base.LoupeException;
import dev.loupe.fixtures.Cases;
import dev.loupe.fixtures.Mutation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArrowRowsTest {
    @TempDir
    Path folder;

    /** Two batches of twenty rows, the last three of each null or empty. */
    private static byte[] stream() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (RootAllocator memory = new RootAllocator();
                VarCharVector texts = new VarCharVector("text", memory);
                VectorSchemaRoot root = new VectorSchemaRoot(List.of(texts));
                ArrowStreamWriter out = new ArrowStreamWriter(root, null, bytes)) {
            for (int batch = 0; batch < 2; batch++) {
                texts.reset();
                for (int i = 0; i < 20; i++) {
                    String text = i < 17 ? "The debate is closed (" + (20 * batch + i) + ")." : "";
                    texts.setSafe(i, text.getBytes(StandardCharsets.UTF_8));
                }
                texts.setNull(19);
                root.setRowCount(20);
                out.writeBatch();
            }
            out.end();
        }
        return bytes.toByteArray();
    }

    private List<String> read(byte[] bytes) throws IOException {
        Path file = folder.resolve("rows.arrow");
        Files.write(file, bytes);
        try (Stream<Document> all = ArrowRows.documents(file, "rows.arrow", "text")) {
            return all.map(Document::text).toList();
        }
    }

    @Test
    void textsAreReadAndEmptyOnesAreNone() throws IOException {
        assertThat(read(stream()))
                .hasSize(34)
                .startsWith("The debate is closed (0).")
                .endsWith("The debate is closed (36).");
    }

    @Test
    void aStreamThatBreaksOffGivesItsMemoryBack() throws IOException {
        byte[] whole = stream();
        List<LoupeException> refused = new ArrayList<>();
        for (int length = 1; length < whole.length; length++) {
            try {
                read(Arrays.copyOf(whole, length));
            } catch (LoupeException e) {
                assertThat(e).hasMessageContaining("rows.arrow").hasNoSuppressedExceptions();
                refused.add(e);
            }
        }
        assertThat(refused).hasSizeGreaterThan(whole.length / 2);
    }

    @Test
    void aDamagedStreamIsReadOrRefusedAndGivesItsMemoryBack() throws IOException {
        byte[] whole = stream();
        List<LoupeException> refused = new ArrayList<>();
        Cases.checkSame(500, random -> {
            try {
                read(Mutation.bytes(whole, random));
            } catch (LoupeException e) {
                assertThat(e).hasMessageContaining("rows.arrow").hasNoSuppressedExceptions();
                refused.add(e);
            }
        });
        assertThat(refused).hasSizeGreaterThan(100);
    }

    @Test
    void memoryKnowsManyBuffersThatWereGivenBackAndThoseThatWereNot() {
        ArrowMemory memory = new ArrowMemory(100);
        ArrowBuf kept = memory.buffer(100);
        for (int i = 0; i < 1000; i++) {
            memory.buffer(1000).close();
        }
        ArrowBuf shared = memory.buffer(10);
        shared.getReferenceManager().retain(2);
        assertThat(memory.buffer(0).capacity()).isZero();
        memory.close();
        assertThat(memory.getAllocatedMemory()).isZero();
        assertThat(kept.refCnt()).isZero();
        assertThat(shared.refCnt()).isZero();
    }
}
