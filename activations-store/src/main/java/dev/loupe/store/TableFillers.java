package dev.loupe.store;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;

/** Fill the vectors of the tables beside the activations. */
final class TableFillers {
    private TableFillers() {}

    /** A document as the writer collects it. */
    record DocumentRow(String name, String label, double confidence, boolean heldOut) {}

    static ArrowOutput.Filler tokens(ShardBuffer shard, int firstSequence, List<DocumentRow> documents) {
        return (root, from, count) -> {
            IntVector id = vector(root, 0, IntVector.class);
            IntVector sequence = vector(root, 1, IntVector.class);
            IntVector position = vector(root, 2, IntVector.class);
            IntVector document = vector(root, 3, IntVector.class);
            VarCharVector label = vector(root, 4, VarCharVector.class);
            root.getFieldVectors().forEach(FieldVector::allocateNew);
            for (int i = 0; i < count; i++) {
                int row = from + i;
                int doc = shard.document[row];
                String own = shard.label[row];
                id.setSafe(i, shard.tokenId[row]);
                sequence.setSafe(i, firstSequence + shard.sequence[row]);
                position.setSafe(i, shard.position[row]);
                document.setSafe(i, doc);
                label.setSafe(i, (own == null ? documents.get(doc).label() : own).getBytes(StandardCharsets.UTF_8));
            }
        };
    }

    static ArrowOutput.Filler sequences(ShardBuffer shard, long firstRow) {
        return (root, from, count) -> {
            IntVector document = vector(root, 0, IntVector.class);
            BigIntVector first = vector(root, 1, BigIntVector.class);
            ListVector tokens = vector(root, 2, ListVector.class);
            root.getFieldVectors().forEach(FieldVector::allocateNew);
            IntVector items = (IntVector) tokens.getDataVector();
            int at = 0;
            for (int i = 0; i < count; i++) {
                int s = from + i;
                int[] ids = shard.sequences.get(s);
                document.setSafe(i, shard.sequenceDocument[s]);
                first.setSafe(i, firstRow + shard.sequenceFirstRow[s]);
                tokens.startNewValue(i);
                for (int id : ids) {
                    items.setSafe(at++, id);
                }
                tokens.endValue(i, ids.length);
            }
            tokens.setValueCount(count);
        };
    }

    static ArrowOutput.Filler documents(List<DocumentRow> documents) {
        return (root, from, count) -> {
            IntVector document = vector(root, 0, IntVector.class);
            VarCharVector name = vector(root, 1, VarCharVector.class);
            VarCharVector label = vector(root, 2, VarCharVector.class);
            Float8Vector confidence = vector(root, 3, Float8Vector.class);
            BitVector heldOut = vector(root, 4, BitVector.class);
            root.getFieldVectors().forEach(FieldVector::allocateNew);
            for (int i = 0; i < count; i++) {
                DocumentRow row = documents.get(from + i);
                document.setSafe(i, from + i);
                name.setSafe(i, row.name().getBytes(StandardCharsets.UTF_8));
                label.setSafe(i, row.label().getBytes(StandardCharsets.UTF_8));
                confidence.setSafe(i, row.confidence());
                heldOut.setSafe(i, row.heldOut() ? 1 : 0);
            }
        };
    }

    private static <V extends FieldVector> V vector(VectorSchemaRoot root, int column, Class<V> type) {
        return type.cast(root.getVector(column));
    }
}
