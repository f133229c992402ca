package dev.loupe.train;

import dev.loupe.base.Progress;
import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A training run in a process of its own, whose class path holds no part of DJL; it may be killed on the way. */
public final class ChildTraining {
    static final int KILLED = 77;

    private ChildTraining() {}

    /**
     * Trains there.
     *
     * @param killAt the step at which the process dies at once, or negative for never
     * @return its exit code
     */
    static int launch(Path saes, int killAt) throws Exception {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("djl"))
                .collect(Collectors.joining(File.pathSeparator));
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@" + Path.of(System.getProperty("loupe.root"), ".jvmopts"),
                        "-Xmx512m",
                        "-cp",
                        classPath,
                        ChildTraining.class.getName(),
                        saes.toString(),
                        Integer.toString(killAt)))
                .inheritIO()
                .start();
        return process.waitFor();
    }

    /** The child: refuses to run if DJL can be loaded. */
    public static void main(String[] args) throws Exception {
        for (String absent : List.of(
                "ai.djl.ndarray.NDArray",
                "ai.djl.engine.Engine",
                "ai.djl.huggingface.tokenizers.HuggingFaceTokenizer")) {
            try {
                Class.forName(absent);
                System.exit(3);
            } catch (ClassNotFoundException expected) {
                // as it should be
            }
        }
        int killAt = Integer.parseInt(args[1]);
        TrainRequest request = Runs.request(Path.of(args[0]), Runs.config(Method.TOPK), 3L);
        Progress progress = new Progress() {
            @Override
            public void stage(String name, long total, String unit) {}

            @Override
            public void advance(long done) {
                if (done == killAt) {
                    Runtime.getRuntime().halt(KILLED); // no shutdown hook, no finally: as if the power had gone
                }
            }
        };
        BatchSource data = new PlantedSource(20, request.config().dataSeed());
        TrainJob.one(request, 3, data, data, Runs.ORIGIN, progress, 0);
    }
}
