package dev.loupe.cluster;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.Task;
import dev.loupe.base.TaskExecutor;
import dev.loupe.cluster.spark.Launch;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;

/** A cluster that is being started while this process still reads its text; who has tasks for it waits. */
final class StartingCluster implements TaskExecutor, AutoCloseable {
    private static final long POLL_MILLIS = 100;

    private final FutureTask<ClusterExecutor> start;
    private volatile boolean stopped;
    private volatile Progress watched;

    private StartingCluster(
            ClusterOptions options,
            SparkHome spark,
            Launch launch,
            Map<String, String> environment,
            Progress progress) {
        this.watched = progress;
        Progress quiet = new Progress() { // the stages shown meanwhile are others
                    @Override
                    public void stage(String name, long total, String unit) {}

                    @Override
                    public void advance(long done) {}

                    @Override
                    public void message(String text) {
                        progress.message(text);
                    }

                    @Override
                    public void page(String address) {
                        progress.page(address);
                    }

                    @Override
                    public boolean cancelled() {
                        return stopped || progress.cancelled();
                    }
                };
        this.start = new FutureTask<>(() -> ClusterExecutor.start(options, spark, launch, environment, quiet));
        Thread.ofPlatform().daemon().name("loupe-cluster-start").start(start);
    }

    /** Looks for Spark and its master, then starts. */
    static StartingCluster begin(
            ClusterOptions options, Launch launch, Map<String, String> environment, Progress progress) {
        SparkLink.reach(options.master());
        boolean yarn = options.master().equals("yarn");
        if (yarn) {
            YarnAddress.check(environment);
        }
        SparkHome spark =
                options.isSubmitted() ? SparkHome.NONE : SparkHome.find(environment, options.master(), progress);
        if (yarn) {
            YarnAddress.reach(SparkCommand.set(options, SparkSite.of(spark, environment)), environment);
        }
        return new StartingCluster(options, spark, launch, environment, progress);
    }

    /** Who waits for it from now on. */
    StartingCluster watched(Progress progress) {
        watched = progress;
        return this;
    }

    /** The same for tasks that each open a model of some size. */
    TaskExecutor with(long weights) {
        return new TaskExecutor() {
            @Override
            public <T extends Task<R>, R> void run(
                    Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
                cluster(progress).run(tasks, results, done, weights, progress);
            }

            @Override
            public boolean remote() {
                return true;
            }

            @Override
            public int slots() {
                return StartingCluster.this.slots();
            }

            @Override
            public int slotsAtStart(Progress progress) {
                return StartingCluster.this.slotsAtStart(progress);
            }

            @Override
            public long memoryEach() {
                return StartingCluster.this.memoryEach();
            }
        };
    }

    private ClusterExecutor cluster(Progress progress) {
        while (true) {
            try {
                return start.get(POLL_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                progress.check();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof LoupeException known) {
                    throw known;
                }
                throw new LoupeException("The cluster could not be started (" + e.getCause() + ").", e);
            } catch (CancellationException | InterruptedException e) {
                throw new dev.loupe.base.CancelledException();
            }
        }
    }

    @Override
    public <T extends Task<R>, R> void run(
            Iterator<T> tasks, Class<R> results, Work<T, R> here, BiConsumer<T, R> done, Progress progress) {
        cluster(progress).run(tasks, results, here, done, progress);
    }

    void fetch(Path folder, Progress progress) {
        cluster(progress).fetch(folder, progress);
    }

    void keep(Path folder, Progress progress) {
        cluster(progress).keep(folder, progress);
    }

    void claim(List<Path> folders, Progress progress) {
        cluster(progress).claim(folders, progress);
    }

    void release(List<Path> folders) {
        cluster(Progress.silent()).release(folders);
    }

    @Override
    public boolean remote() {
        return true;
    }

    @Override
    public int slots() {
        ClusterExecutor cluster = cluster(watched);
        cluster.await(watched);
        return cluster.slots();
    }

    @Override
    public int slotsAtStart(Progress progress) {
        return cluster(progress).slotsAtStart(progress);
    }

    @Override
    public long memoryEach() {
        return cluster(watched).memoryEach();
    }

    @Override
    public void close() {
        stopped = true;
        try {
            start.get().close();
        } catch (ExecutionException e) {
            // it was never there
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
