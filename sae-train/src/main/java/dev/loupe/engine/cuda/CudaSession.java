package dev.loupe.engine.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.loupe.engine.Parameters;
import dev.loupe.engine.Precision;
import dev.loupe.engine.Selection;
import dev.loupe.engine.StepCheck;
import dev.loupe.engine.StepMetrics;
import dev.loupe.engine.StepRule;
import dev.loupe.engine.StepTimes;
import dev.loupe.engine.TrainSession;
import dev.loupe.engine.TrainState;
import dev.loupe.math.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The session of {@link CudaEngine}: owns the state on the card. */
final class CudaSession implements TrainSession {
    private final CudaDevice device;
    private final Arena arena = Arena.ofShared();
    private final long stream;
    private final DeviceMemory memory;
    private final StepBlock block;
    private final StepMemory stepMemory;
    private final CudaStep steps;
    private final Uploads uploads;
    private final MemorySegment report;
    private final Precision precision;
    private final int threads;
    private final DeviceParameters p;
    private final DeviceParameters m;
    private final DeviceParameters v;
    private @Nullable DeviceParameters average;
    private final BoundGuess guess = new BoundGuess();
    private final Parameters mirror;
    private boolean mirrored;
    private long step;
    private int lastRows;

    CudaSession(CudaDevice device, Precision precision, int threads, TrainState initial) {
        this.device = device;
        this.precision = precision;
        this.threads = threads;
        device.use();
        stream = device.driver().newStream();
        memory = new DeviceMemory(device, stream);
        block = new StepBlock(device.layout(), arena);
        stepMemory = new StepMemory(device, memory, block, stream);
        mirror = initial.parameters().zeros(arena);
        report = device.driver().allocateHost(4096);
        try {
            p = new DeviceParameters(memory, block, "", mirror);
            m = new DeviceParameters(memory, block, "m_", mirror);
            v = new DeviceParameters(memory, block, "v_", mirror);
            stepMemory.begin(mirror.dSae(), mirror.dIn(), mirror.dOut(), mirror.gated());
            if (precision == Precision.BF16) {
                block.pointer("enc16", memory.need("enc16", 2L * mirror.dSae() * block.get("d_pad")));
            }
            long workspace = memory.need("workspace", CublasLt.WORKSPACE);
            steps = new CudaStep(device, block, stepMemory, stream, workspace, threads, precision);
            uploads = new Uploads(device, memory, stream);
            restore(initial);
        } catch (RuntimeException e) {
            memory.close();
            throw e;
        }
    }

    @Override
    public StepMetrics step(Matrix input, Matrix target, StepRule rule) {
        StepCheck.check(mirror, input, target, rule);
        device.use();
        int rows = Math.toIntExact(input.rows());
        boolean fresh = rule.average() > 0 && average == null;
        average(rule);
        CudaRule.write(rule, block, mirror.dSae(), step + 1);
        stepMemory.fit(
                rule, rows, precision == Precision.BF16, CudaStep.keeps(device, rule, mirror.dIn(), mirror.dOut()));
        block.pointer("input", uploads.put("input", input));
        block.pointer("target", input == target ? block.pointer("input") : uploads.put("target", target));
        int status = run(rule, rows);
        if (status != 0) {
            if (fresh) {
                forgetAverage();
            }
            throw StepCheck.diverged(step + 1);
        }
        step++;
        mirrored = false;
        lastRows = rows;
        return metrics(rows);
    }

    /** Runs until there was room for all hits and the guess was low enough; returns what else kept it from being taken. */
    private int run(StepRule rule, int rows) {
        float bound = guess.bound();
        while (true) {
            steps.run(rule, rows, bound);
            long bytes = 8L * constant("TOTALS") + 4L * constant("WORDS");
            device.driver().toHost(report, block.pointer("totals"), bytes, stream);
            device.driver().sync(stream);
            int status = word("STATUS");
            if ((status & constant("NO_ROOM")) != 0) {
                stepMemory.grow(Integer.toUnsignedLong(word("HITS")), rows, block.get("aux_k"));
            } else if ((status & constant("TOO_FEW")) != 0) {
                bound = guess.lower(Float.intBitsToFloat(word("LEAST")));
            } else {
                if (status == 0 && rule.selection() == Selection.BATCH_TOPK) {
                    guess.learn(Float.intBitsToFloat(word("LIMIT")));
                }
                return status;
            }
        }
    }

    private int constant(String name) {
        return device.layout().constant(name);
    }

    private int word(String name) {
        return report.get(JAVA_INT, 8L * constant("TOTALS") + 4L * constant(name));
    }

    private double total(String name) {
        return report.get(JAVA_DOUBLE, 8L * constant(name));
    }

    private StepMetrics metrics(int rows) {
        return new StepMetrics(
                total("TOTAL_LOSS"),
                total("RECONSTRUCTION") / rows,
                total("TOTAL_PENALTY"),
                total("TOTAL_AUX"),
                total("ACTIVE") / rows,
                total("L1") / rows,
                total("RECONSTRUCTION") / total("TOTAL_VARIANCE"),
                word("DEAD"),
                total("ACTIVE") > 0 ? total("SMALLEST") : 0,
                total("POWER") / rows,
                total("POWER_NEXT") / rows,
                total("TOTAL_NORM"));
    }

    /** Lets the kernels see the running average where the rule has one, which begins as a copy of the weights. */
    private void average(StepRule rule) {
        if (rule.average() > 0) {
            if (average == null) {
                average = new DeviceParameters(memory, block, "a_", mirror);
                average.copy(p, mirror, device.driver(), stream);
            }
            average.show(block);
        } else if (average != null) {
            average.hide(block);
        }
    }

    private void forgetAverage() {
        if (average != null) {
            average.free(block);
            average = null;
        }
    }

    @Override
    public StepTimes times() {
        return steps.times();
    }

    @Override
    public float[] rowErrors() {
        device.use();
        float[] errors = new float[lastRows];
        if (lastRows > 0) {
            memory.download(MemorySegment.ofArray(errors), block.pointer("row_errors"));
        }
        return errors;
    }

    @Override
    public double[] activity() {
        device.use();
        double[] activity = new double[mirror.dSae()];
        memory.download(MemorySegment.ofArray(activity), block.pointer("activity"));
        return activity;
    }

    @Override
    public int[] sinceFired() {
        device.use();
        int[] since = new int[mirror.dSae()];
        memory.download(MemorySegment.ofArray(since), block.pointer("since"));
        return since;
    }

    @Override
    public Parameters parameters() {
        if (!mirrored) {
            device.use();
            p.download(mirror);
            mirrored = true;
        }
        return mirror;
    }

    @Override
    public void recycle(List<Replacement> replacements) {
        device.use();
        for (Replacement r : replacements) {
            long i = r.latent();
            row(p, "enc", i, r.encoderRow());
            row(p, "dec", i, r.decoderRow());
            row(p, "b_enc", i, new float[] {r.bEnc()});
            for (DeviceParameters moments : List.of(m, v)) {
                row(moments, "enc", i, new float[mirror.dIn()]);
                row(moments, "dec", i, new float[mirror.dOut()]);
                for (String name : List.of("b_enc", "theta", "b_mag", "r_mag")) {
                    if (moments.address(name) != 0) {
                        row(moments, name, i, new float[1]);
                    }
                }
            }
            memory.upload(block.pointer("since") + 4 * i, MemorySegment.ofArray(new int[1]));
        }
        device.driver().zero(block.pointer("activity"), 8L * mirror.dSae(), stream);
        shadow();
        mirrored = false;
    }

    private void row(DeviceParameters of, String name, long i, float[] values) {
        memory.upload(of.address(name) + 4 * i * values.length, MemorySegment.ofArray(values));
    }

    private void shadow() {
        if (precision == Precision.BF16) {
            int grid = Math.min(mirror.dSae(), 8 * device.multiprocessors());
            device.launch("shadow", grid, 1, threads, 0, stream, block.memory());
        }
        device.driver().sync(stream);
    }

    @Override
    public TrainState snapshot() {
        device.use();
        Parameters weights = parameters().copy();
        Parameters first = mirror.zeros(Arena.ofAuto());
        Parameters second = mirror.zeros(Arena.ofAuto());
        m.download(first);
        v.download(second);
        Parameters mean = null;
        if (average != null) {
            mean = mirror.zeros(Arena.ofAuto());
            average.download(mean);
        }
        return new TrainState(weights, first, second, mean, sinceFired(), activity(), step);
    }

    @Override
    public void restore(TrainState state) {
        device.use();
        p.upload(state.parameters());
        m.upload(state.m());
        v.upload(state.v());
        forgetAverage();
        Parameters mean = state.average();
        if (mean != null) {
            average = new DeviceParameters(memory, block, "a_", mirror);
            average.upload(mean);
        }
        memory.upload(block.pointer("since"), MemorySegment.ofArray(state.sinceFired()));
        memory.upload(block.pointer("activity"), MemorySegment.ofArray(state.activity()));
        step = state.step();
        mirrored = false;
        shadow();
    }

    @Override
    public void close() {
        device.use();
        device.driver().sync(stream);
        uploads.close();
        memory.close();
        device.driver().freeHost(report);
        device.driver().freeStream(stream);
        arena.close();
    }
}
