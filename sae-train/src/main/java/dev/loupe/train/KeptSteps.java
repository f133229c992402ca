package dev.loupe.train;

import dev.loupe.base.AtomicFiles;
import dev.loupe.engine.TrainState;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The weights that a training kept on its way (setting {@code keep_every}): SAEs of their own, {@code steps/step-N} in the
 * folder of the finished one. Until that is there they lie beside it under a hidden name, so that an SAE's folder still
 * appears whole or not at all; a run that is killed and goes on keeps them.
 */
public final class KeptSteps {
    private static final String FOLDER = "steps";

    private final Path folder;
    private final TrainConfig config;
    private final long seed;
    private final TrainJob.Origin origin;

    /** @param folder of the finished SAE */
    KeptSteps(Path folder, TrainConfig config, long seed, TrainJob.Origin origin) {
        this.folder = folder;
        this.config = config;
        this.seed = seed;
        this.origin = origin;
    }

    /** Where those of an SAE lie that is not finished. */
    static Path growing(Path folder) {
        return folder.resolveSibling("." + folder.getFileName() + "." + FOLDER);
    }

    /** Makes way for those of a run that begins; an earlier one of that name was not finished. */
    void begin() {
        try {
            AtomicFiles.deleteTree(growing(folder));
        } catch (IOException e) {
            throw AtomicFiles.failure(growing(folder), e);
        }
    }

    /** Keeps the weights of a step; a run that goes on from before it writes the same again. */
    void keep(SeedRun run, TrainState state) {
        Path target = growing(folder).resolve("step-" + state.step());
        AtomicFiles.sweep(target);
        TrainJob.save(target, config, seed, origin, run, state, run.finished(state));
    }

    /** Moves them into the folder of the finished SAE. */
    static void settle(Path folder) {
        Path from = growing(folder);
        try {
            if (Files.isDirectory(from) && !Files.exists(folder.resolve(FOLDER))) {
                AtomicFiles.publish(from, folder.resolve(FOLDER));
            }
        } catch (IOException e) {
            throw AtomicFiles.failure(folder.resolve(FOLDER), e);
        }
    }

    /**
     * Copies them into the folder of a finished SAE that has no name of its own yet. The others stay: whoever has to finish it
     * again goes on from a checkpoint behind them.
     *
     * @param folder that of the SAE once it has its name
     * @param finished where it lies
     */
    static void copy(Path folder, Path finished) throws IOException {
        Path from = growing(folder);
        if (!Files.isDirectory(from)) {
            return;
        }
        try (Stream<Path> all = Files.walk(from)) {
            for (Path path : all.filter(Files::isRegularFile).toList()) {
                Path to = finished.resolve(FOLDER).resolve(from.relativize(path));
                Files.createDirectories(to.resolveSibling(""));
                try {
                    Files.createLink(to, path); // the same bytes, which nobody changes
                } catch (IOException | UnsupportedOperationException e) {
                    Files.copy(path, to, StandardCopyOption.REPLACE_EXISTING);
                    AtomicFiles.sync(to);
                }
            }
        }
    }

    /** Makes sure that nothing of them lies beside the finished SAE any more, which has them. */
    static void clear(Path folder) {
        settle(folder);
        try {
            AtomicFiles.deleteTree(growing(folder));
        } catch (IOException e) {
            throw AtomicFiles.failure(growing(folder), e);
        }
    }

    /**
     * A finished SAE as the end of a series: what its training kept, in the order of steps, and itself.
     *
     * @param folder of the finished SAE
     * @return the SAE alone if nothing was kept
     */
    public static List<Sae> of(Path folder) {
        List<Sae> all = new ArrayList<>();
        if (Files.isDirectory(folder.resolve(FOLDER))) {
            try (Stream<Path> steps = Files.list(folder.resolve(FOLDER))) {
                steps.filter(p -> !AtomicFiles.isTemporary(p) && SaeFiles.isSae(p))
                        .map(Sae::open)
                        .sorted(Comparator.comparingLong(s -> s.provenance().steps()))
                        .forEach(all::add);
            } catch (IOException e) {
                throw new dev.loupe.base.LoupeException(
                        "The folder " + folder.resolve(FOLDER) + " cannot be listed (" + e.getMessage() + ").", e);
            }
        }
        all.add(Sae.open(folder));
        return all;
    }
}
