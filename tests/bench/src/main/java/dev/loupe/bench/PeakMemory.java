package dev.loupe.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The peak of this process's memory, counted anew: what preparing a benchmark took is not part of it. */
final class PeakMemory {
    private static final Path REFERENCES = Path.of("/proc/self/clear_refs");
    private static final String RESET_PEAK = "5"; // man 5 proc

    private PeakMemory() {}

    /** From now on only later peaks count; does nothing outside Linux. */
    static void forget() throws IOException {
        System.gc(); // models that earlier runs closed
        if (Files.isWritable(REFERENCES)) {
            Files.writeString(REFERENCES, RESET_PEAK);
        }
    }
}
