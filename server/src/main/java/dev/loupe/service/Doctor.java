package dev.loupe.service;

import dev.loupe.base.Fmt;
import dev.loupe.base.FreeSpace;
import dev.loupe.base.LoupeException;
import dev.loupe.engine.cuda.CudaReport;
import dev.loupe.math.MatrixProduct;
import dev.loupe.model.LanguageModel;
import dev.loupe.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What this machine can do and how the workspace is. */
public final class Doctor {
    private static final long LEAST_FREE = 2L << 30;

    private Doctor() {}

    /**
     * One finding.
     *
     * @param name what was looked at
     * @param value what was found
     * @param ok whether it is as it should be
     */
    public record Finding(String name, String value, boolean ok) {}

    /**
     * All findings.
     *
     * @param machine JDK, processor, memory, engine
     * @param workspace its parts
     * @param settings every setting with its origin
     * @param problems one sentence each
     */
    public record Report(
            List<Finding> machine, List<Finding> workspace, List<Settings.Setting> settings, List<String> problems) {}

    /** Looks at everything. */
    public static Report examine(Workbench bench) {
        List<String> problems = new ArrayList<>();
        List<Finding> machine = machine(bench, problems);
        List<Finding> workspace = workspace(bench, problems);
        return new Report(machine, workspace, bench.settings().all(), problems);
    }

    private static List<Finding> machine(Workbench bench, List<String> problems) {
        List<Finding> f = new ArrayList<>();
        Runtime.Version jdk = Runtime.version();
        boolean fits = jdk.feature() == 25 && jdk.compareTo(Runtime.Version.parse("25.0.3")) >= 0;
        f.add(new Finding("JDK", jdk + " (" + System.getProperty("java.vendor") + ")", fits));
        if (!fits) {
            problems.add("This is JDK " + jdk + "; Loupe is made for 25.0.3 or a later 25.");
        }
        f.add(new Finding("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"), true));
        f.add(new Finding("cores", Integer.toString(Runtime.getRuntime().availableProcessors()), true));
        f.add(new Finding("heap limit", Fmt.bytes(Runtime.getRuntime().maxMemory()), true));
        try {
            f.add(new Finding("matrix product", MatrixProduct.best().describe(), true));
        } catch (LinkageError e) {
            f.add(new Finding("matrix product", "no Vector API: start with --add-modules=jdk.incubator.vector", false));
            problems.add("The Vector API is missing: start Loupe with its launcher, which sets the flags of .jvmopts.");
        }
        try {
            LanguageModel model = bench.models().open(Models.BUILTIN);
            f.add(new Finding(
                    "engine",
                    "DJL PyTorch runs; embedded model with "
                            + Fmt.count(model.config().parameters()) + " parameters opens",
                    true));
        } catch (LoupeException | LinkageError e) {
            f.add(new Finding("engine", String.valueOf(e.getMessage()), false));
            problems.add("The embedded model does not open: " + e.getMessage());
        }
        f.add(device(bench.settings(), problems));
        gpu(bench.settings(), problems, f);
        return f;
    }

    /** Where models run and SAEs are trained, and what else there is. */
    private static Finding device(Settings settings, List<String> problems) {
        Device device = settings.device();
        try {
            device.require();
        } catch (LoupeException e) {
            problems.add(String.valueOf(e.getMessage()));
            return new Finding("device", device + ": not there", false);
        }
        if (!settings.deviceIsAuto()) {
            return new Finding("device", device.toString(), true);
        }
        return new Finding(
                "device",
                device + (Device.gpus() == 0 ? " (auto; no NVIDIA GPU found)" : " (auto; cuda:0 is there)"),
                true);
    }

    /** What training on a GPU would need; a problem only where a GPU was asked for. */
    private static void gpu(Settings settings, List<String> problems, List<Finding> f) {
        boolean wanted = settings.device().isCuda();
        for (CudaReport line : CudaReport.of(System.getenv())) {
            f.add(new Finding(line.name(), line.value(), line.there() || !wanted));
            if (wanted && !line.there()) {
                problems.add("SAE training on " + settings.device() + " is not possible: " + line.value() + ".");
            }
        }
    }

    private static List<Finding> workspace(Workbench bench, List<String> problems) {
        Path root = bench.workspace().root();
        List<Finding> f = new ArrayList<>();
        f.add(new Finding("folder", root.toString(), true));
        try {
            long free = FreeSpace.of(root);
            f.add(new Finding("free on disk", Fmt.bytes(free), free >= LEAST_FREE));
            if (free < LEAST_FREE) {
                problems.add("The disk of the workspace has only " + Fmt.bytes(free)
                        + " left; a capture of 500,000 tokens" + " takes about 400 MiB.");
            }
        } catch (IOException e) {
            problems.add("The disk of the workspace cannot be asked (" + e.getMessage() + ").");
        }
        List<StoreView> stores = bench.stores().list();
        List<SaeView> saes = bench.saes().list();
        stores.stream()
                .filter(s -> s.problem() != null)
                .forEach(s -> problems.add("Store " + s.name() + ": " + s.problem()));
        saes.stream()
                .filter(s -> s.problem() != null)
                .forEach(s -> problems.add("SAE " + s.name() + ": " + s.problem()));
        f.add(new Finding(
                "stores", Integer.toString(stores.size()), stores.stream().allMatch(s -> s.problem() == null)));
        f.add(new Finding("SAEs", Integer.toString(saes.size()), saes.stream().allMatch(s -> s.problem() == null)));
        f.add(new Finding(
                "feature indexes", Integer.toString(bench.features().indexed().size()), true));
        f.add(new Finding("jobs", Integer.toString(bench.jobs().list().size()), true));
        f.add(new Finding("size", Fmt.bytes(size(root)), true));
        return f;
    }

    private static long size(Path root) {
        try (Stream<Path> all = Files.walk(root)) {
            return all.filter(Files::isRegularFile)
                    .mapToLong(p -> p.toFile().length())
                    .sum();
        } catch (IOException | java.io.UncheckedIOException e) {
            return 0;
        }
    }
}
