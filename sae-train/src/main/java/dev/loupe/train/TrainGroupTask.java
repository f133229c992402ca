package dev.loupe.train;

import dev.loupe.base.Task;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some SAEs to train on the same batches, each with the bits that it would have alone. Serialisable; {@code loupe task} takes
 * it as a request of kind {@value #KIND}.
 *
 * @param tasks the SAEs
 * @param store the folder of their store
 * @param saes the folder of SAEs, where checkpoints lie as well
 * @param memory bytes that they take together
 */
public record TrainGroupTask(List<TrainTask> tasks, Path store, Path saes, long memory)
        implements Task<TrainGroupTask.Made> {
    /** The kind of work. */
    public static final String KIND = "train-group";

    /**
     * What came of it.
     *
     * @param folder holds the folders of the finished SAEs, under a name of its own for every attempt
     * @param saes one for each task, in order
     */
    public record Made(Path folder, List<One> saes) {}

    /**
     * What came of one of them.
     *
     * @param result null if it failed
     * @param weights checksum of the weights file; empty if it failed
     * @param failure null if it did not
     */
    public record One(
            @Nullable TrainResult result,
            String weights,
            @Nullable String failure) {}

    @Override
    public String kind() {
        return KIND;
    }

    @Override
    public String title() {
        return "Train " + (tasks.size() == 1 ? tasks.getFirst().name() : tasks.size() + " SAEs together");
    }

    @Override
    public long size() {
        return tasks.stream().mapToLong(t -> t.config().steps()).max().orElse(0);
    }

    @Override
    public List<Path> inputs() {
        List<Path> inputs = new ArrayList<>(List.of(store));
        tasks.stream()
                .map(t -> t.config().initFrom())
                .filter(name -> !name.isEmpty())
                .distinct()
                .forEach(name -> inputs.add(saes.resolve(name)));
        return inputs;
    }

    @Override
    public List<Path> outputs(Made made) {
        return List.of(made.folder());
    }

    /** Checkpoints, and what was kept on the way. */
    @Override
    public List<Path> leftovers(Made made) {
        List<Path> all = new ArrayList<>();
        for (TrainTask t : tasks) {
            all.add(Checkpoint.file(saes, t.name()));
            all.add(KeptSteps.growing(saes.resolve(t.name())));
        }
        return all;
    }

    @Override
    public long memoryBytes() {
        return memory;
    }
}
