package dev.loupe.engine.cuda;

import dev.loupe.engine.Parameters;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Parameters, or something of their shapes, on the card. */
final class DeviceParameters {
    /** The fields of {@code Step}, in the order of {@link #parts}; moments have a prefix. */
    private static final List<String> NAMES =
            List.of("enc", "dec", "b_enc", "b_dec", "theta", "b_mag", "r_mag", "skip");

    private final DeviceMemory memory;
    private final String prefix;
    private final List<Long> addresses = new ArrayList<>();

    /** Allocates memory for the shapes of parameters and lets a block name it; absent parts stay null. */
    DeviceParameters(DeviceMemory memory, StepBlock block, String prefix, Parameters shapes) {
        this.memory = memory;
        this.prefix = prefix;
        List<MemorySegment> parts = parts(shapes);
        for (int i = 0; i < parts.size(); i++) {
            long bytes = parts.get(i).byteSize();
            long at = bytes == 0 ? 0 : memory.need(prefix + NAMES.get(i), bytes);
            addresses.add(at);
            block.pointer(prefix + NAMES.get(i), at);
        }
    }

    /** Gives the memory back. */
    void free(StepBlock block) {
        for (String name : NAMES) {
            memory.free(prefix + name);
            block.pointer(prefix + name, 0);
        }
    }

    private static List<MemorySegment> parts(Parameters p) {
        List<MemorySegment> parts = new ArrayList<>();
        parts.add(p.encoderRows().segment());
        parts.add(p.decoderRows().segment());
        for (float[] v : p.vectors()) {
            parts.add(MemorySegment.ofArray(v));
        }
        parts.add(p.skip().segment());
        return parts;
    }

    void upload(Parameters from) {
        List<MemorySegment> parts = parts(from);
        for (int i = 0; i < parts.size(); i++) {
            memory.upload(addresses.get(i), parts.get(i));
        }
    }

    void download(Parameters to) {
        List<MemorySegment> parts = parts(to);
        for (int i = 0; i < parts.size(); i++) {
            memory.download(parts.get(i), addresses.get(i));
        }
    }

    /** The address of a part. */
    long address(String name) {
        return addresses.get(NAMES.indexOf(name));
    }

    /** Takes over what others hold; in the order of the stream. */
    void copy(DeviceParameters from, Parameters shapes, CudaDriver driver, long stream) {
        List<MemorySegment> parts = parts(shapes);
        for (int i = 0; i < parts.size(); i++) {
            if (addresses.get(i) != 0) {
                driver.within(
                        addresses.get(i), from.addresses.get(i), parts.get(i).byteSize(), stream);
            }
        }
    }

    /** Takes over what belongs to one latent; in the order of the stream. */
    void copyLatent(DeviceParameters from, int latent, Parameters shapes, CudaDriver driver, long stream) {
        List<MemorySegment> parts = parts(shapes);
        for (String name : List.of("enc", "dec", "b_enc", "theta", "b_mag", "r_mag")) {
            int i = NAMES.indexOf(name);
            if (addresses.get(i) != 0) {
                long row = parts.get(i).byteSize() / shapes.dSae();
                driver.within(addresses.get(i) + latent * row, from.addresses.get(i) + latent * row, row, stream);
            }
        }
    }

    /** Lets a block name this. */
    void show(StepBlock block) {
        for (int i = 0; i < NAMES.size(); i++) {
            block.pointer(prefix + NAMES.get(i), addresses.get(i));
        }
    }

    /** Lets a block name nothing in its place. */
    void hide(StepBlock block) {
        NAMES.forEach(name -> block.pointer(prefix + name, 0));
    }
}
