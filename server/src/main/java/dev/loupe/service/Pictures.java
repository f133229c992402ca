package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.eval.SaeIdentity;
import dev.loupe.feature.IndexManifest;
import dev.loupe.map.DecoderMap;
import dev.loupe.sae.Sae;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.ipc.ArrowFileReader;

/** What the overview pictures of an SAE are drawn from. */
public final class Pictures {
    private final Workspace workspace;
    private final Saes saes;
    private final Map<String, Object> drawing = new ConcurrentHashMap<>();

    Pictures(Workspace workspace, Saes saes) {
        this.workspace = workspace;
        this.saes = saes;
    }

    private Path file(String sae) {
        return workspace.features().resolve(saes.get(sae).name()).resolve(DecoderMap.FILE);
    }

    /** Whether the map of an SAE lies there, so that showing it costs nothing. */
    public boolean hasMap(String sae) {
        return Files.isRegularFile(file(sae));
    }

    /**
     * The map of an SAE's latents: the one that lies beside its feature index if it is of these very weights, else it is
     * drawn now and kept. Of several that ask at once, one draws.
     *
     * @throws NotFoundException if the SAE has no feature index, beside which to keep it
     */
    public DecoderMap map(String sae, Progress progress) {
        Path file = file(sae);
        synchronized (drawing.computeIfAbsent(sae, s -> new Object())) {
            Sae s = saes.open(sae);
            if (Files.isRegularFile(file)) {
                DecoderMap known = DecoderMap.open(file);
                if (known.saeChecksum().equals(checksum(sae, s)) && known.x().length == s.dSae()) {
                    return known;
                }
            }
            if (!Features.indexed(workspace, sae)) {
                throw new NotFoundException(
                        "The SAE " + sae + " has no feature index yet, beside which its map would be"
                                + " kept: run loupe index " + sae + ".");
            }
            IndexManifest.read(workspace.features().resolve(sae)); // beside one of a later Loupe nothing is put
            DecoderMap map = DecoderMap.of(s, progress);
            map.save(file);
            return map;
        }
    }

    /** The checksum of an SAE's weights; what its index says saves reading them. */
    private String checksum(String sae, Sae s) {
        String known = Features.indexed(workspace, sae)
                ? IndexManifest.read(workspace.features().resolve(sae)).saeChecksum()
                : "";
        return known.isEmpty() ? SaeIdentity.checksum(s) : known;
    }

    /**
     * The curves of an SAE's training, by name; all have the length of the one named {@code step}.
     *
     * @return empty if the SAE was not trained here
     */
    public Optional<Map<String, double[]>> training(String sae) {
        Path file = saes.folder(sae).resolve("metrics.arrow");
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try (BufferAllocator allocator = new RootAllocator();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                ArrowFileReader reader = new ArrowFileReader(channel, allocator)) {
            Map<String, double[]> curves = new LinkedHashMap<>();
            if (reader.loadNextBatch()) {
                int n = reader.getVectorSchemaRoot().getRowCount();
                for (FieldVector v : reader.getVectorSchemaRoot().getFieldVectors()) {
                    if (v instanceof Float8Vector values) {
                        double[] curve = new double[n];
                        for (int i = 0; i < n; i++) {
                            curve[i] = values.isNull(i) ? Double.NaN : values.get(i);
                        }
                        curves.put(v.getName(), curve);
                    }
                }
            }
            return curves.containsKey("step") ? Optional.of(curves) : Optional.empty();
        } catch (IOException | RuntimeException e) { // Arrow throws many kinds at bytes that are not its own
            throw new LoupeException("The training curves " + file + " are damaged (" + e.getMessage() + ").", e);
        }
    }
}
