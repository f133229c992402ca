package dev.loupe.cli;

import dev.loupe.base.Fmt;
import dev.loupe.base.ProcessMemory;
import dev.loupe.base.Progress;
import dev.loupe.compare.Matching;
import dev.loupe.eval.SaeReport;
import dev.loupe.service.Demo;
import dev.loupe.service.DemoPlan;
import dev.loupe.service.Models;
import dev.loupe.service.Settings;
import dev.loupe.service.Tasks;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Everything, then the server. */
@Command(
        name = "demo",
        description = "Captures, trains SAEs, evaluates, indexes and compares them, then starts the web pages."
                + " Finished parts are kept; run it again to continue or to open the pages.")
final class DemoCommand extends LoupeCommand {
    @Option(
            names = "--model",
            paramLabel = "M",
            description = "builtin (four minutes), or smollm2: SmolLM2-135M out of a package of PyPI, about 25 minutes"
                    + " on two cores (default: builtin).")
    private String model = Models.BUILTIN;

    @Option(
            names = "--circuits",
            description =
                    "Also train a transcoder of each of the embedded model's MLPs and explain a task that it solves"
                            + " by attribution graphs (about four minutes more on two cores).")
    private boolean circuits;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            description =
                    "Tokens to capture; with fewer all is done sooner, and the SAEs are worse (default: 570,000 of"
                            + " builtin, 560,000 of smollm2).")
    private @Nullable Long tokens;

    @Option(names = "--no-serve", description = "Stop when the work is done.")
    private boolean noServe;

    @Option(names = "--port", paramLabel = "N", description = "Port of the server (default: 7070).")
    private @Nullable Integer port;

    @Override
    void run(Session session) throws InterruptedException {
        session.with(Settings.Key.PORT, port);
        long start = System.nanoTime();
        DemoPlan plan = DemoPlan.of(model);
        Demo demo = new Demo(session.workbench(), tokens == null ? plan : plan.withTokens(tokens), circuits);
        List<Demo.Part> parts = demo.parts();
        DemoClock clock = new DemoClock(parts);
        boolean worked = false;
        for (int i = 0; i < parts.size(); i++) {
            Demo.Part part = parts.get(i);
            if (part.finished().getAsBoolean()) {
                clock.skipped(i);
                continue;
            }
            worked = true;
            clock.begin(i);
            session.job(part.kind(), part.request(), clock::wrap, part.work());
            clock.end(i);
        }
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        Demo.Result result = demo.result();
        Map<String, Object> json = json(result, took, worked);
        if (!session.json) {
            table(result).print(session.out);
            if (!result.graphs().isEmpty()) {
                session.out.println();
                GraphPrinter.print(session, result.graphs());
            }
            session.out.println();
            session.out.println(
                    worked
                            ? "Done in " + Fmt.duration(took) + ", peak memory " + Fmt.bytes(ProcessMemory.peakBytes())
                                    + "."
                            : "Everything was there already.");
            session.out.flush();
        }
        if (!noServe) {
            ServeCommand.serve(session, json);
        } else if (session.json) {
            session.result(json, () -> {});
        }
    }

    private static Map<String, Object> json(Demo.Result result, Duration took, boolean worked) {
        Map<String, Object> saes = new LinkedHashMap<>();
        result.reports().forEach(r -> saes.put(r.sae(), r.summary()));
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("saes", saes);
        json.put("pairs", result.pairs().stream().map(Tasks::summary).toList());
        if (!result.graphs().isEmpty()) {
            json.put("graphs", result.graphs());
        }
        json.put("seconds", took.toMillis() / 1000.0);
        json.put("worked", worked);
        json.put("peak_memory_bytes", ProcessMemory.peakBytes());
        return json;
    }

    private static Table table(Demo.Result result) {
        Map<String, String> shared = new HashMap<>();
        for (Matching m : result.pairs()) {
            String text = Integer.toString(m.shared());
            shared.put(m.a(), text);
            shared.put(m.b(), text);
        }
        Table table = new Table("SAE", "L0", "FVU", "PCA FVU", "delta CE", "dead %", "shared", "of");
        for (SaeReport r : result.reports()) {
            SaeReport.Loss loss = r.loss();
            table.row(
                    r.sae(),
                    EvalCommand.number("%.1f", r.l0()),
                    EvalCommand.number("%.3f", r.fvu()),
                    EvalCommand.number("%.3f", r.pcaFvu()),
                    loss == null ? "-" : EvalCommand.number("%.3f", loss.deltaCe()),
                    EvalCommand.number("%.1f", 100 * r.deadFraction()),
                    shared.getOrDefault(r.sae(), "-"),
                    r.dSae());
        }
        return table;
    }

    /** How far the whole demo is: part i of n, and about how long all the others will take. */
    private static final class DemoClock {
        private final List<Demo.Part> parts;
        private double planned;
        private double taken;
        private int now;
        private long begun;
        private int stages;

        DemoClock(List<Demo.Part> parts) {
            this.parts = parts;
        }

        void skipped(int i) {
            now = i;
        }

        void begin(int i) {
            now = i;
            begun = System.nanoTime();
            stages = 0;
        }

        void end(int i) {
            planned += parts.get(i).seconds();
            taken += (System.nanoTime() - begun) / 1e9;
        }

        Progress wrap(Progress shown) {
            if (!(shown instanceof TerminalProgress t)) {
                return shown;
            }
            t.prefix(() -> prefix(t));
            return new StageCounter(t);
        }

        private String prefix(TerminalProgress shown) {
            Demo.Part part = parts.get(now);
            double elapsed = (System.nanoTime() - begun) / 1e9;
            // this machine's pace, from the parts that are over; the plan was made on two cores
            double pace = planned > 0 ? Math.clamp(taken / planned, 0.1, 100) : 1;
            double whole = part.seconds() * pace;
            double share = part.stages() > 0 ? (Math.max(0, stages - 1) + shown.share()) / part.stages() : Double.NaN;
            if (share > 0.02 && share <= 1) { // what it shows of itself says more than the plan
                whole = elapsed / share;
                pace = planned > 0 ? pace : Math.max(0.1, whole / part.seconds());
            }
            double left = Math.max(0.05 * whole, whole - elapsed);
            for (int i = now + 1; i < parts.size(); i++) {
                left += parts.get(i).seconds() * pace;
            }
            return "[" + (now + 1) + "/" + parts.size() + ", about " + Fmt.duration(Duration.ofSeconds((long) left))
                    + " left in all] ";
        }

        /** Counts the stages of known length. */
        private final class StageCounter implements ShownProgress {
            private final TerminalProgress shown;

            StageCounter(TerminalProgress shown) {
                this.shown = shown;
            }

            @Override
            public void stage(String name, long total, String unit) {
                if (total > 0) {
                    stages++;
                }
                shown.stage(name, total, unit);
            }

            @Override
            public void advance(long done) {
                shown.advance(done);
            }

            @Override
            public void metric(String name, long step, double value) {
                shown.metric(name, step, value);
            }

            @Override
            public void message(String text) {
                shown.message(text);
            }

            @Override
            public void end() {
                shown.end();
            }
        }
    }
}
