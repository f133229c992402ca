package dev.loupe.train;

import dev.loupe.engine.SaeEngine;
import dev.loupe.kernel.PackedPanels;
import dev.loupe.math.Parallel;

/**
 * What the bits of a run depend on beside its settings, data and seed. In Java the number of threads changes nothing; it is
 * kept because times depend on it.
 *
 * @param release of Loupe; "development" outside a release
 * @param engine {@link SaeEngine#describe()}
 * @param cpu what of the processor the engine uses
 * @param threads that worked
 */
record EngineNote(String release, String engine, String cpu, int threads) {

    static EngineNote of(SaeEngine engine) {
        String version = EngineNote.class.getPackage().getImplementationVersion();
        return new EngineNote(
                version == null ? "development" : version,
                engine.describe(),
                PackedPanels.processor(),
                Parallel.threads());
    }

    /** Whether steps of both have the same bits. */
    boolean sameBits(EngineNote other) {
        return release.equals(other.release) && engine.equals(other.engine) && cpu.equals(other.cpu);
    }

    @Override
    public String toString() {
        return release + ", " + engine + ", " + cpu + ", " + threads + " threads";
    }
}
