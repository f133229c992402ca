package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.compare.Matching;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/** The table of all matched pairs of an experiment, an Arrow file for whoever wants to compute further. */
final class SeedPairs {
    private static final List<String> WHOLE = List.of("d_sae", "k", "shared");
    private static final List<String> LONG = List.of("tokens", "seed_a", "seed_b");
    private static final List<String> REAL = List.of(
            "shared_fraction",
            "shared_alive",
            "agreement",
            "pw_mcc",
            "mean_encoder_cosine",
            "mmcs_ab",
            "mmcs_ba",
            "gap");

    private SeedPairs() {}

    /** One pair of seeds of a cell. */
    record Row(SeedsSpec.Cell cell, long seedA, long seedB, Matching m, double sharedAlive) {
        int[] whole() {
            return new int[] {cell.dSae(), cell.k(), m.shared()};
        }

        long[] longs() {
            return new long[] {cell.tokens(), seedA, seedB};
        }

        double[] reals() {
            return new double[] {
                (double) m.shared() / cell.dSae(),
                sharedAlive,
                m.agreement(),
                m.pwMcc(),
                m.meanEncoderCosine(),
                m.mmcsAb(),
                m.mmcsBa(),
                m.gap()
            };
        }
    }

    /** Writes the table: whole or not at all. */
    static void write(Path file, List<Row> rows) {
        List<Field> fields = new ArrayList<>();
        fields.add(new Field("arch", FieldType.notNullable(new ArrowType.Utf8()), null));
        WHOLE.forEach(n -> fields.add(new Field(n, FieldType.notNullable(new ArrowType.Int(32, true)), null)));
        LONG.forEach(n -> fields.add(new Field(n, FieldType.notNullable(new ArrowType.Int(64, true)), null)));
        REAL.forEach(n -> fields.add(
                new Field(n, FieldType.notNullable(new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)), null)));
        try (RootAllocator allocator = new RootAllocator();
                VectorSchemaRoot root = VectorSchemaRoot.create(new Schema(fields), allocator)) {
            root.allocateNew();
            for (int r = 0; r < rows.size(); r++) {
                Row row = rows.get(r);
                ((VarCharVector) root.getVector("arch"))
                        .setSafe(r, row.cell().arch().getBytes(StandardCharsets.UTF_8));
                for (int c = 0; c < WHOLE.size(); c++) {
                    ((IntVector) root.getVector(WHOLE.get(c))).setSafe(r, row.whole()[c]);
                }
                for (int c = 0; c < LONG.size(); c++) {
                    ((BigIntVector) root.getVector(LONG.get(c))).setSafe(r, row.longs()[c]);
                }
                for (int c = 0; c < REAL.size(); c++) {
                    ((Float8Vector) root.getVector(REAL.get(c))).setSafe(r, row.reals()[c]);
                }
            }
            root.setRowCount(rows.size());
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (ArrowFileWriter writer = new ArrowFileWriter(root, null, Channels.newChannel(bytes))) {
                writer.start();
                writer.writeBatch();
                writer.end();
            } catch (IOException e) {
                throw AtomicFiles.failure(file, e);
            }
            AtomicFiles.write(file, bytes.toByteArray());
        }
    }
}
