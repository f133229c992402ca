package dev.loupe.sae;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.math.Matrix;
import dev.loupe.math.Parallel;
import dev.loupe.model.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * The directions that an SAE's latents read and write, without the rest of it: of an SAE in memory, or of a folder whose
 * weights stay on disk. There, decoder rows are mapped where they lie, and encoder rows, which the file has as columns, are
 * mapped from a scratch file of the same size that {@link #close} deletes. What lies in memory is the page cache's affair
 * and may be thrown out at any time. Lengths of rows may differ from those of the opened SAE by a factor a row. NaN is not
 * looked for.
 */
public final class SaeDirections implements AutoCloseable {
    /** From this size of the weights on, an SAE is better not opened as a whole. */
    public static final long WIDE_BYTES = 1L << 30;

    private static final long SLAB_BYTES = 32L << 20;

    private final String name;
    private final SaeConfig config;
    private final SaeProvenance provenance;
    private final Matrix decoder;
    private final Matrix encoder;
    private final @Nullable Mapping mapping;

    private record Mapping(SafetensorsFile file, Scratch scratch) {}

    private SaeDirections(
            String name,
            SaeConfig config,
            SaeProvenance provenance,
            Matrix decoder,
            Matrix encoder,
            @Nullable Mapping mapping) {
        this.name = name;
        this.config = config;
        this.provenance = provenance;
        this.decoder = decoder;
        this.encoder = encoder;
        this.mapping = mapping;
    }

    /** Of an SAE in memory. */
    public static SaeDirections of(Sae sae) {
        return new SaeDirections(
                sae.name(), sae.config(), sae.provenance(), sae.decoderRows(), sae.encoderRows(), null);
    }

    /** Whether the weights in a folder are too large to be held twice without a thought. */
    public static boolean isWide(Path folder) {
        try {
            return Files.size(folder.resolve(SaeFiles.WEIGHTS)) >= WIDE_BYTES;
        } catch (IOException e) {
            return false; // opening it says what is wrong
        }
    }

    /**
     * Of a folder; memory for a slab of {@value #SLAB_BYTES} bytes a thread.
     *
     * @param scratch folder for the scratch file
     * @throws LoupeException if it is no SAE, or there is no room for the scratch file
     */
    @SuppressWarnings("MustBeClosed") // close() closes them
    public static SaeDirections open(Path folder, Path scratch) {
        SaeFiles.Head head = SaeFiles.head(folder);
        SaeLensConfig.Read cfg = head.cfg();
        SafetensorsFile file = SafetensorsFile.open(folder.resolve(SaeFiles.WEIGHTS));
        Scratch copies = null;
        try {
            SaeFiles.checkTensors(file, cfg, folder);
            boolean plain = file.tensor("W_dec").dtype().equals("F32");
            long encoderBytes = 4L * cfg.dSae() * cfg.dIn();
            copies = new Scratch(scratch, head.name(), encoderBytes + (plain ? 0 : 4L * cfg.dSae() * cfg.dOut()));
            Matrix encoder = Matrix.of(copies.segment.asSlice(0, encoderBytes), cfg.dSae(), cfg.dIn());
            transpose(file, cfg, encoder);
            Matrix decoder;
            if (plain) {
                decoder = Matrix.of(file.bytes("W_dec"), cfg.dSae(), cfg.dOut());
            } else {
                decoder = Matrix.of(copies.segment.asSlice(encoderBytes), cfg.dSae(), cfg.dOut());
                file.readFloats("W_dec", decoder.segment());
            }
            return new SaeDirections(
                    head.name(), cfg.config(), head.provenance(), decoder, encoder, new Mapping(file, copies));
        } catch (RuntimeException e) {
            file.close();
            if (copies != null) {
                copies.close();
            }
            throw e;
        }
    }

    /** W_enc [d_in, d_sae] to rows [d_sae, d_in], a slab of latents at a time. */
    private static void transpose(SafetensorsFile file, SaeLensConfig.Read cfg, Matrix rows) {
        int d = cfg.dIn();
        int n = cfg.dSae();
        String dtype = file.tensor("W_enc").dtype();
        int bytes = (int) (file.bytes("W_enc").byteSize() / Math.max(1L, (long) d * n));
        MemorySegment columns = file.bytes("W_enc");
        int slab = (int) Math.clamp(SLAB_BYTES / (4L * d), 1, n);
        Parallel.run(Math.ceilDiv(n, slab), t -> {
            int from = t * slab;
            int count = Math.min(slab, n - from);
            float[] some = new float[count * d]; // [count, d]
            float[] line = new float[count];
            for (int c = 0; c < d; c++) {
                MemorySegment part = columns.asSlice(((long) c * n + from) * bytes, (long) count * bytes);
                if (!SafetensorsFile.toFloats(dtype, part, MemorySegment.ofArray(line))) {
                    throw new LoupeException("Tensor W_enc of " + file.path() + " has the type " + dtype
                            + "; F32, F16, BF16 and F64 can be read as numbers.");
                }
                for (int i = 0; i < count; i++) {
                    some[i * d + c] = line[i];
                }
            }
            MemorySegment.copy(
                    some, 0, rows.segment(), ValueLayout.JAVA_FLOAT_UNALIGNED, rows.offset(from), some.length);
        });
    }

    /** A mapped file that lives as long as its user. */
    private static final class Scratch implements AutoCloseable {
        private static final int PIECE = 1 << 20;

        private final Arena arena = Arena.ofShared();
        private final Path path;
        final MemorySegment segment;

        Scratch(Path folder, String name, long bytes) {
            MemorySegment mapped = null;
            Path made = folder;
            try {
                Files.createDirectories(folder);
                made = Files.createTempFile(folder, ".rows-" + name + "-", ".tmp");
                try (FileChannel channel = FileChannel.open(made, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                    // written, not only made longer: a full disk is an error here and a crash in a mapping
                    ByteBuffer zeros = ByteBuffer.allocateDirect(PIECE);
                    for (long at = 0; at < bytes; at += PIECE) {
                        channel.write(zeros.clear().limit((int) Math.min(PIECE, bytes - at)), at);
                    }
                    mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
                }
            } catch (IOException e) {
                throw AtomicFiles.failure(made, e);
            } finally {
                if (mapped == null) {
                    arena.close();
                    made.toFile().delete();
                }
            }
            this.path = made;
            this.segment = mapped;
        }

        @Override
        public void close() {
            arena.close();
            AtomicFiles.delete(path);
        }
    }

    /** The SAE's name. */
    public String name() {
        return name;
    }

    /** The number of latents. */
    public int dSae() {
        return Math.toIntExact(decoder.rows());
    }

    /** The width of the input. */
    public int dIn() {
        return encoder.cols();
    }

    /** The width of the output. */
    public int dOut() {
        return decoder.cols();
    }

    /** The place in the language model. */
    public String hookName() {
        return config.hookName();
    }

    /** The language model. */
    public String modelId() {
        return config.modelId();
    }

    /** Where the SAE comes from. */
    public SaeProvenance provenance() {
        return provenance;
    }

    /** [d_sae, d_in]: row i is a multiple of the direction that latent i reads. */
    public Matrix encoderRows() {
        return encoder;
    }

    /** [d_sae, d_out]: row i is a multiple of the direction that latent i writes. */
    public Matrix decoderRows() {
        return decoder;
    }

    @Override
    public void close() {
        if (mapping != null) {
            mapping.file.close();
            mapping.scratch.close();
        }
    }
}
