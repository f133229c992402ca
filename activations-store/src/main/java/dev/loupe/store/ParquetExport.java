package dev.loupe.store;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.math.Matrix;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.KeyValue;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;

/**
 * A store as Parquet files, one a shard: the columns of the token table, the number of the row, whether it is held out, and
 * a list of numbers for every hook point (bfloat16 as float32). Uncompressed: activations hardly compress. The Arrow schema
 * lies in the file's metadata, so that pyarrow and polars give back lists of a fixed size.
 */
public final class ParquetExport {
    private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);
    private static final int ROWS = 4096;
    private static final long MOST_PAGE_BYTES = 64L << 20;

    private final ActivationStore store;
    private final List<ParquetColumn> columns = new ArrayList<>();
    private final int rowGroupRows;

    private ParquetExport(ActivationStore store) {
        this.store = store;
        columns.addAll(ParquetColumn.tokens(store));
        long widest = 1;
        for (String hook : store.hooks()) {
            columns.add(ParquetColumn.hook(store, hook));
            widest = Math.max(widest, store.width(hook));
        }
        rowGroupRows = (int) Math.clamp(MOST_PAGE_BYTES / (4 * widest), 1, ROWS);
    }

    /**
     * Writes a store; each file appears whole.
     *
     * @return the files
     * @throws LoupeException if the folder has files of another export, or the disk is full
     */
    public static List<Path> write(ActivationStore store, Path folder, Progress progress) {
        ParquetExport export = new ParquetExport(store);
        List<StoreManifest.Shard> shards = store.manifest().content().shards();
        List<Path> files = new ArrayList<>();
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw AtomicFiles.failure(folder, e);
        }
        progress.stage("export " + store.name(), store.rows(), "rows");
        long first = 0;
        for (int s = 0; s < shards.size(); s++) {
            Path file = folder.resolve(String.format("shard-%05d.parquet", s));
            long from = first;
            int rows = shards.get(s).rows();
            AtomicFiles.write(file, out -> export.write(new Counted(out), from, rows, progress));
            files.add(file);
            first += rows;
        }
        return files;
    }

    private void write(Counted out, long first, int rows, Progress progress) throws IOException {
        out.write(MAGIC);
        List<RowGroup> groups = new ArrayList<>();
        for (int from = 0; from < rows; from += rowGroupRows) {
            progress.check();
            int count = Math.min(rowGroupRows, rows - from);
            List<ColumnChunk> chunks = new ArrayList<>();
            long bytes = 0;
            for (ParquetColumn column : columns) {
                ColumnChunk chunk = chunk(out, column, first + from, count);
                chunks.add(chunk);
                bytes += Objects.requireNonNull(chunk.getMeta_data()).getTotal_uncompressed_size();
            }
            groups.add(new RowGroup(chunks, bytes, count));
            progress.advance(first + from + count);
        }
        FileMetaData footer = new FileMetaData(1, ParquetColumn.schema(columns), rows, groups);
        footer.setCreated_by("loupe version 1");
        footer.addToKey_value_metadata(new KeyValue("ARROW:schema").setValue(arrowSchema()));
        footer.addToKey_value_metadata(new KeyValue("loupe.store").setValue(store.name()));
        footer.addToKey_value_metadata(new KeyValue("loupe.fingerprint").setValue(store.fingerprint()));
        long start = out.count;
        Util.writeFileMetaData(footer, out);
        ParquetPages length = new ParquetPages(4);
        length.int32(Math.toIntExact(out.count - start));
        out.write(length.toByteArray());
        out.write(MAGIC);
    }

    private static ColumnChunk chunk(Counted out, ParquetColumn column, long first, int count) throws IOException {
        byte[] page = column.page(first, count);
        long start = out.count;
        long values = (long) count * column.width();
        PageHeader header = new PageHeader(PageType.DATA_PAGE, page.length, page.length);
        header.setData_page_header(
                new DataPageHeader(Math.toIntExact(values), Encoding.PLAIN, Encoding.RLE, Encoding.RLE));
        Util.writePageHeader(header, out);
        out.write(page);
        ColumnMetaData meta = new ColumnMetaData(
                column.type(),
                List.of(Encoding.PLAIN, Encoding.RLE),
                column.path(),
                CompressionCodec.UNCOMPRESSED,
                values,
                out.count - start,
                out.count - start,
                start);
        ColumnChunk chunk = new ColumnChunk(0);
        chunk.setMeta_data(meta);
        return chunk;
    }

    private String arrowSchema() {
        List<Field> fields = columns.stream().map(ParquetColumn::arrow).toList();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            MessageSerializer.serialize(
                    new WriteChannel(Channels.newChannel(bytes)),
                    new Schema(fields, Map.of("loupe.store", store.name())));
        } catch (IOException e) {
            throw new LoupeException("The schema of " + store.name() + " cannot be written.", e);
        }
        return Base64.getEncoder().encodeToString(bytes.toByteArray());
    }

    /** Rows of a hook point as bytes of little-endian numbers. */
    static byte[] floats(RowReader reader, long first, int count, Arena arena, boolean half) {
        Matrix rows = Matrix.allocate(arena, count, reader.width());
        reader.read(first, count, rows);
        MemorySegment segment = rows.segment();
        if (!half) {
            return segment.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        }
        int n = count * reader.width();
        byte[] bytes = new byte[2 * n];
        RowEncoder.encode(Dtype.FLOAT16, segment, 0, MemorySegment.ofArray(bytes), n);
        return bytes;
    }

    private static final class Counted extends FilterOutputStream {
        private long count;

        Counted(OutputStream out) {
            super(out);
        }

        @Override
        public void write(int b) throws IOException {
            out.write(b);
            count++;
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
            out.write(bytes, from, length);
            count += length;
        }
    }
}
