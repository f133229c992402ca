package dev.loupe.cli;

import dev.loupe.base.Progress;
import dev.loupe.cluster.ClusterOptions;
import dev.loupe.service.Settings;
import dev.loupe.service.Views;
import dev.loupe.service.Workbench;
import dev.loupe.service.Workspace;
import dev.loupe.tensor.Device;
import java.io.PrintStream;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What one command works with: the workbench, where to say what, and how. */
final class Session implements AutoCloseable {
    final PrintStream out;
    final PrintStream err;
    final boolean json;
    private final boolean verbose;
    private final boolean quiet;
    private final Map<String, String> environment;
    private final Map<Settings.Key, String> flags;
    private boolean anyDevice;
    private @Nullable Workbench workbench;

    Session(
            PrintStream out,
            PrintStream err,
            Map<String, String> environment,
            Map<Settings.Key, String> flags,
            boolean json,
            boolean verbose,
            boolean quiet) {
        this.out = out;
        this.err = err;
        this.environment = environment;
        this.flags = new EnumMap<>(Settings.Key.class);
        this.flags.putAll(flags);
        this.json = json;
        this.verbose = verbose;
        this.quiet = quiet;
    }

    /** Adds what a flag of the command itself says; before the workbench is opened. */
    Session with(Settings.Key key, @Nullable Object value) {
        if (value != null) {
            flags.put(key, value.toString());
        }
        return this;
    }

    /** Has long work done where the command says. */
    Session on(ClusterChoice where) {
        ClusterOptions.conf(
                where.conf); // each by itself, or the rest of one would be taken for a part of another's value
        return with(Settings.Key.ON, where.on)
                .with(Settings.Key.SPARK_CONF, where.conf.isEmpty() ? null : String.join(";", where.conf))
                .with(Settings.Key.ARCHIVE, where.archive)
                .with(Settings.Key.STORAGE, where.storage);
    }

    /** The environment's variables. */
    Map<String, String> environment() {
        return environment;
    }

    /** Lets the command run although the device that was asked for is not there. */
    Session withAnyDevice() {
        anyDevice = true;
        return this;
    }

    /** Fails before any work if the device that was asked for is not there; tells what {@code auto} passed over. */
    private void device(Settings settings) {
        Device device = settings.device();
        device.require();
        if (quiet) {
            return;
        }
        if (device.isCuda() && !settings.get(Settings.Key.ON).equals(ClusterOptions.LOCAL)) {
            err.println("--device " + device
                    + " is about this machine: a task of the cluster uses the GPU that Spark gives it"
                    + " (--conf spark.executor.resource.gpu.amount=1 --conf spark.task.resource.gpu.amount=1).");
        }
        if (device.isCuda()) {
            err.println("Models run and SAEs are trained on " + device + ".");
        } else if (settings.deviceIsAuto() && Device.gpus() > 0) {
            err.println(
                    "Models run and SAEs are trained on cpu; --device cuda:0 uses the GPU that is there (README, \"On a GPU\").");
        } else if (verbose) {
            err.println("Models run and SAEs are trained on " + device
                    + (settings.deviceIsAuto() ? ": no NVIDIA GPU was found." : "."));
        }
    }

    /** The workbench, opened on first use; logging starts with it. */
    Workbench workbench() {
        Workbench w = workbench;
        if (w == null) {
            Settings settings = Settings.load(flags, environment);
            if (!anyDevice) {
                device(settings);
            }
            Workspace workspace = Workspace.create(settings.workspace());
            Logs.start(
                    workspace.logs(),
                    verbose,
                    settings.get(Settings.Key.LOG_FORMAT).equals("json"));
            w = new Workbench(workspace, settings, environment);
            workbench = w;
        }
        return w;
    }

    /** A progress for people. */
    Progress progress() {
        return quiet ? Progress.silent() : TerminalProgress.on(err);
    }

    /** Does long work in this process, shown here and in every server of the workspace. */
    <T> T job(String kind, Object request, Function<Progress, T> work) {
        Progress shown = progress();
        try {
            return workbench().jobs().run(kind, request, "loupe " + kind, shown, work);
        } finally {
            end(shown);
        }
    }

    /** Does long work of one of several parts, with a progress that also tells about the whole. */
    <T> T job(String kind, Object request, UnaryOperator<Progress> whole, Function<Progress, T> work) {
        Progress shown = whole.apply(progress());
        try {
            return workbench().jobs().run(kind, request, "loupe demo (" + kind + ")", shown, work);
        } finally {
            end(shown);
        }
    }

    /** Does work that is shown here only. */
    <T> T shown(Function<Progress, T> work) {
        Progress shown = progress();
        try {
            return work.apply(shown);
        } finally {
            end(shown);
        }
    }

    /** Brings a store here that a cluster keeps elsewhere; does nothing without a cluster, and where it is here. */
    void bring(@Nullable String store) {
        if (workbench().executors().remote()) {
            shown(p -> {
                workbench().training().fetch(store, p);
                return true;
            });
        }
    }

    /** Fetches a model that is on a hub only; does nothing for any other. */
    void fetch(String model) {
        shown(p -> {
            workbench().models().fetch(model, p);
            return model;
        });
    }

    private static void end(Progress shown) {
        if (shown instanceof ShownProgress e) {
            e.end();
        }
    }

    /** Prints the result: as one JSON object, or for people. */
    void result(Object value, Runnable forPeople) {
        if (json) {
            out.println(Views.line(value));
        } else {
            forPeople.run();
        }
        out.flush();
    }

    @Override
    public void close() {
        if (workbench != null) {
            workbench.close();
        }
    }
}
