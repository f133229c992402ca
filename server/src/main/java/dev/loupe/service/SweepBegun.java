package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.train.SweepPlan;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A sweep that has begun and not ended: what its first process planned. The SAEs that a process which was killed has left are
 * no news of the sweep, so that it ends with the same file however often it was stopped.
 */
record SweepBegun(SweepSpec spec, SweepPlan plan) {
    private static final Logger LOG = LoggerFactory.getLogger(SweepBegun.class);
    private static final String FILE = "begun.json";

    /**
     * The plan of the first process of a sweep, this one's if it is that.
     *
     * @param folder of the sweep
     */
    static SweepPlan plan(Path folder, SweepSpec spec, SweepPlan now) {
        Path file = folder.resolve(FILE);
        if (Files.isRegularFile(file)) {
            try {
                SweepBegun begun = Json.read(file, SweepBegun.class);
                if (Json.line(begun.spec).equals(Json.line(spec))) { // numbers of settings may have another type
                    return begun.plan;
                }
            } catch (LoupeException damaged) {
                LOG.warn("{} is written anew", file, damaged);
            }
        }
        Json.write(file, new SweepBegun(spec, now));
        return now;
    }

    /** Forgets it, once the sweep's own file is there. */
    static void end(Path folder) {
        AtomicFiles.delete(folder.resolve(FILE));
    }
}
