package dev.loupe.map;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.eval.SaeIdentity;
import dev.loupe.sae.Sae;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * The latents of an SAE in a plane: t-SNE of the directions of their decoder rows, begun at their principal components.
 * No random number is drawn: the same SAE gives the same map.
 *
 * @param saeChecksum of the SAE's weights; empty for one that was never saved
 * @param perplexity effective number of neighbours
 * @param divergence KL(P ‖ Q) at the end, in nats: how badly the plane keeps neighbours
 * @param x one value per latent
 * @param y one value per latent
 */
@JsonNaming(SnakeCaseStrategy.class)
public record DecoderMap(String saeChecksum, double perplexity, double divergence, float[] x, float[] y) {
    /** Name of the file beside an SAE's feature index. */
    public static final String FILE = "map.arrow";

    private static final double PERPLEXITY = 30;
    private static final double THETA = 0.5;

    /**
     * Draws the map of an SAE; memory O(latents · perplexity).
     *
     * @throws UsageException if it has fewer than 8 latents
     */
    public static DecoderMap of(Sae sae, Progress progress) {
        int n = sae.dSae();
        if (n < 8) {
            throw new UsageException("The SAE " + sae.name() + " has " + n + " latents; a map needs at least 8.");
        }
        double perplexity = Math.min(PERPLEXITY, (n - 1) / 3.0);
        progress.message("Neighbours of " + n + " decoder rows");
        Affinities near = Affinities.ofDirections(sae.decoderRows(), perplexity, progress);
        Tsne tsne = new Tsne(near, PrincipalPlane.of(sae.decoderRows()));
        double[] places = tsne.run(progress);
        float[] x = new float[n];
        float[] y = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) places[2 * i];
            y[i] = (float) places[2 * i + 1];
        }
        return new DecoderMap(SaeIdentity.checksum(sae), perplexity, tsne.divergence(THETA), x, y);
    }

    /** Writes the map as an Arrow file: feature, x, y; how it was made is in the schema's metadata. */
    public void save(Path file) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (BufferAllocator allocator = new RootAllocator();
                VectorSchemaRoot root = VectorSchemaRoot.create(schema(), allocator);
                ArrowFileWriter writer = new ArrowFileWriter(root, null, Channels.newChannel(out))) {
            IntVector feature = (IntVector) root.getVector("feature");
            Float4Vector xs = (Float4Vector) root.getVector("x");
            Float4Vector ys = (Float4Vector) root.getVector("y");
            feature.allocateNew(x.length);
            xs.allocateNew(x.length);
            ys.allocateNew(x.length);
            for (int i = 0; i < x.length; i++) {
                feature.set(i, i);
                xs.set(i, x[i]);
                ys.set(i, y[i]);
            }
            root.setRowCount(x.length);
            writer.start();
            writer.writeBatch();
            writer.end();
        } catch (IOException e) {
            throw AtomicFiles.failure(file, e);
        }
        AtomicFiles.write(file, out.toByteArray());
    }

    private Schema schema() {
        ArrowType single = new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
        return new Schema(
                List.of(
                        new Field("feature", FieldType.notNullable(new ArrowType.Int(32, true)), null),
                        new Field("x", FieldType.notNullable(single), null),
                        new Field("y", FieldType.notNullable(single), null)),
                Map.of(
                        "method",
                        "t-SNE of decoder directions, Barnes-Hut, begun at principal components",
                        "sae_checksum",
                        saeChecksum,
                        "perplexity",
                        String.valueOf(perplexity),
                        "divergence",
                        String.valueOf(divergence)));
    }

    /**
     * Reads a map.
     *
     * @throws NotFoundException if there is none
     * @throws LoupeException if the file is damaged
     */
    public static DecoderMap open(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("There is no map of latents at " + file + ".");
        }
        try (BufferAllocator allocator = new RootAllocator();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                ArrowFileReader reader = new ArrowFileReader(channel, allocator)) {
            VectorSchemaRoot root = reader.getVectorSchemaRoot();
            if (!reader.loadNextBatch()
                    || !(root.getVector("x") instanceof Float4Vector xs)
                    || !(root.getVector("y") instanceof Float4Vector ys)) {
                throw damaged(file, "it lacks its columns", null);
            }
            Map<String, String> facts = root.getSchema().getCustomMetadata();
            int n = root.getRowCount();
            float[] x = new float[n];
            float[] y = new float[n];
            for (int i = 0; i < n; i++) {
                x[i] = xs.get(i);
                y[i] = ys.get(i);
            }
            return new DecoderMap(
                    facts.getOrDefault("sae_checksum", ""),
                    Double.parseDouble(facts.getOrDefault("perplexity", "NaN")),
                    Double.parseDouble(facts.getOrDefault("divergence", "NaN")),
                    x,
                    y);
        } catch (LoupeException e) {
            throw e;
        } catch (IOException | RuntimeException e) { // Arrow throws many kinds at bytes that are not its own
            throw damaged(file, String.valueOf(e.getMessage()), e);
        }
    }

    private static LoupeException damaged(Path file, String why, @org.jspecify.annotations.Nullable Exception cause) {
        String sentence = "The map of latents " + file + " is damaged (" + why + "): delete it to have it drawn again.";
        return cause == null ? new LoupeException(sentence) : new LoupeException(sentence, cause);
    }
}
