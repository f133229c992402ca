package dev.loupe.bench;

import dev.loupe.base.CancelledException;
import dev.loupe.base.Fmt;
import dev.loupe.base.Progress;
import dev.loupe.compare.Matching;
import dev.loupe.compare.SaeMatcher;
import dev.loupe.sae.SaeDirections;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Matching of two SAEs that stay on disk, as far as a time limit allows: a run that is stopped by it says how far it came
 * and how fast, and the next round goes on from its checkpoint. Set {@code -Dloupe.bench.latents=131072},
 * {@code -Dloupe.bench.width=4096} and {@code -Dloupe.bench.seconds=900}; best with {@code --rounds 1 --warmups 0}. Memory is
 * that of the process without mapped files.
 */
final class WideFilesBench implements LoneBenchmark {
    private static final int LATENTS = Integer.getInteger("loupe.bench.latents", 131_072);
    private static final int WIDTH = Integer.getInteger("loupe.bench.width", 4096);
    private static final double SECONDS = Integer.getInteger("loupe.bench.seconds", 240);

    private final Beside beside = new Beside();
    private final StringBuilder stages = new StringBuilder();
    private Path folder = Path.of("");

    @Override
    public String name() {
        return "match-files";
    }

    @Override
    public String setting() {
        return LATENTS + " against " + LATENTS + " latents of " + WIDTH + " on disk, half planted at 0.8, at most "
                + (int) SECONDS + " s a round" + stages;
    }

    @Override
    public String unit() {
        return "rows/s";
    }

    @Override
    public void prepare(Path where) throws Exception {
        folder = where;
        WideFiles.write(where.resolve("a"), LATENTS, WIDTH, false);
        WideFiles.write(where.resolve("b"), LATENTS, WIDTH, true);
    }

    /** Notes how far each stage comes, and stops at the limit. */
    private static final class Clock implements Progress {
        final long begin = System.nanoTime();
        final List<String> lines = new ArrayList<>();
        String stage = "";
        long total;
        long first = -1;
        long done;
        long since;
        long memory;

        double seconds() {
            return (System.nanoTime() - begin) / 1e9;
        }

        @Override
        public void stage(String name, long all, String unit) {
            end();
            stage = name;
            total = all;
            first = -1;
            done = 0;
            since = System.nanoTime();
        }

        @Override
        public void advance(long n) {
            if (first < 0) {
                first = n;
                since = System.nanoTime();
            }
            done = n;
            memory = Math.max(memory, anonymous());
        }

        void end() {
            double s = (System.nanoTime() - since) / 1e9;
            if (!stage.isEmpty() && (s > 0.5 || first > 0)) {
                lines.add(String.format(
                        Locale.ROOT, "%s: %d to %d of %d in %.1f s", stage, Math.max(0, first), done, total, s));
            }
        }

        @Override
        public boolean cancelled() {
            return seconds() > SECONDS;
        }

        private static long anonymous() {
            try {
                for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                    if (line.startsWith("RssAnon:")) {
                        return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                    }
                }
            } catch (IOException e) {
                // not Linux
            }
            return 0;
        }
    }

    @Override
    public Measured run() {
        Clock clock = new Clock();
        double opened;
        double answer = 0;
        String end;
        try (SaeDirections a = SaeDirections.open(folder.resolve("a"), folder);
                SaeDirections b = SaeDirections.open(folder.resolve("b"), folder)) {
            opened = clock.seconds();
            Matching m = SaeMatcher.match(a, b, Matching.DEFAULT_THRESHOLD, folder, clock);
            SaeMatcher.forget(folder, a.name(), b.name());
            answer = m.shared();
            end = String.format(Locale.ROOT, "done: %d shared, gap %.2g", m.shared(), m.gap());
        } catch (CancelledException e) {
            opened = 0;
            end = "stopped";
        }
        clock.end();
        beside.add("seconds", clock.seconds());
        beside.add("opened after s", opened);
        beside.add("memory GB", clock.memory / 1e9);
        stages.append("; ")
                .append(end)
                .append(" after ")
                .append(Fmt.count(clock.seconds()))
                .append(" s (");
        stages.append(String.join(", ", clock.lines)).append(')');
        return new Measured(Math.max(1, clock.done), clock.seconds(), answer);
    }

    @Override
    public Map<String, List<Double>> beside() {
        return beside.all();
    }

    @Override
    public void close() {}
}
