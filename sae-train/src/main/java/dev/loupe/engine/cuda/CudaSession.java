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
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The session of {@link CudaEngine}: owns the state on the card. Steps whose numbers nobody asks for may be on their way when
 * {@link #advance} returns; everything that looks at the state waits for them first.
 */
final class CudaSession implements TrainSession {
    /** Steps after which it is looked whether all went well. */
    private static final int UNSEEN = 16;

    /** Steps without dense products after which their memory is given back. */
    private static final int IDLE = 20;

    private final CudaDevice device;
    private final Arena arena = Arena.ofShared();
    private final Holdings held = new Holdings();
    private final long stream;
    private final DeviceMemory memory;
    private final StepBlock block;
    private final StepMemory stepMemory;
    private final CudaStep steps;
    private final Uploads uploads;
    private final MemorySegment report;
    private final Precision precision;
    private final int threads;
    private final int sparse;
    private final DeviceParameters p;
    private final DeviceParameters m;
    private final DeviceParameters v;
    private @Nullable DeviceParameters average;
    private final BoundGuess guess = new BoundGuess();
    private final Parameters mirror;
    private boolean mirrored;
    private long step;
    private int unseen;
    private long averagedFrom;
    private int idle;
    private int lastRows;

    /** @param sparse dense products from one active latent in so many on; 0 for never */
    CudaSession(CudaDevice device, Precision precision, int threads, int sparse, TrainState initial) {
        this.sparse = sparse;
        this.device = device;
        this.precision = precision;
        this.threads = threads;
        device.use();
        try {
            held.add(arena::close);
            stream = device.driver().newStream();
            held.add(() -> device.driver().freeStream(stream));
            memory = new DeviceMemory(device, stream);
            held.add(memory::close);
            report = device.driver().allocateHost(4096);
            held.add(() -> device.driver().freeHost(report));
            block = new StepBlock(device.layout(), arena);
            stepMemory = new StepMemory(device, memory, block, stream);
            mirror = initial.parameters().zeros(arena);
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
            held.add(uploads::close);
            restore(initial);
        } catch (RuntimeException e) {
            throw held.after(e);
        }
    }

    @Override
    public StepMetrics step(Matrix input, Matrix target, StepRule rule) {
        int rows = begin(input, target, rule);
        float bound = guess.bound();
        boolean dense = dense(rule, rows, rule.k());
        while (true) {
            steps.run(rule, rows, bound, step + 1, dense);
            read();
            int status = word("STATUS");
            if ((status & constant("NO_ROOM")) != 0) {
                double close = (double) Integer.toUnsignedLong(word("HITS")) / rows;
                dense = rule.k() == 0 && dense(rule, rows, close);
                if (dense) {
                    continue; // nobody knew how many would be active, and they are many
                }
                stepMemory.grow(Integer.toUnsignedLong(word("HITS")), rows, block.get("aux_k"));
            } else if ((status & constant("TOO_FEW")) != 0) {
                bound = guess.lower(Float.intBitsToFloat(word("LEAST")));
            } else {
                end(input, target);
                seen();
                if (rule.selection() == Selection.BATCH_TOPK) {
                    guess.learn(Float.intBitsToFloat(word("LIMIT")));
                }
                return metrics(rows);
            }
        }
    }

    /**
     * Whether a step is taken in dense products, for which there is room then.
     *
     * @param active latents per row: as in the step before, which the rule knows also after a restart
     */
    private boolean dense(StepRule rule, int rows, double active) {
        boolean pays = sparse == DenseProducts.ALWAYS || active * sparse >= mirror.dSae();
        boolean dense = DenseProducts.possible(rule) && sparse > 0 && pays && !revives(rule);
        if (dense) {
            idle = 0;
            stepMemory.dense(rows);
        } else if (idle++ == IDLE) {
            stepMemory.sparse(CudaStep.keeps(device, rule, mirror.dIn(), mirror.dOut()));
        }
        return dense;
    }

    /** Whether there are dead latents that an auxiliary loss revives; asked only while many others are active. */
    private boolean revives(StepRule rule) {
        return CudaRule.auxRoom(rule, mirror.dSae()) > 0
                && Arrays.stream(sinceFired()).anyMatch(since -> since >= rule.deadAfter());
    }

    /** Where it is known how many latents act, a step can lack nothing, so that nobody need wait for its report. */
    @Override
    public void advance(Matrix input, Matrix target, StepRule rule) {
        if (rule.selection() != Selection.TOPK) {
            step(input, target, rule);
            return;
        }
        int rows = begin(input, target, rule);
        steps.run(rule, rows, 0, step + 1, false);
        end(input, target);
        if (++unseen >= UNSEEN) {
            settle();
        }
    }

    /** Makes ready for a step; returns how many rows it has. */
    private int begin(Matrix input, Matrix target, StepRule rule) {
        StepCheck.check(mirror, input, target, rule);
        device.use();
        int rows = Math.toIntExact(input.rows());
        average(rule);
        CudaRule.write(rule, block, mirror.dSae(), step + 1);
        stepMemory.fit(
                rule, rows, precision == Precision.BF16, CudaStep.keeps(device, rule, mirror.dIn(), mirror.dOut()));
        block.pointer("input", uploads.put("input", input));
        block.pointer("target", input == target ? block.pointer("input") : uploads.put("target", target));
        return rows;
    }

    /** After the stream was told a step. */
    private void end(Matrix input, Matrix target) {
        uploads.used();
        device.shared().used(input, stream);
        if (input != target) {
            device.shared().used(target, stream);
        }
        step++;
        mirrored = false;
        lastRows = Math.toIntExact(input.rows());
    }

    /** Waits for all steps, and brings the report of the last. */
    private void read() {
        long bytes = 8L * constant("TOTALS") + 4L * constant("WORDS");
        device.driver().toHost(report, block.pointer("totals"), bytes, stream);
        device.driver().sync(stream);
    }

    /** After {@link #read}: fails if a step was not taken, which none behind it were either. */
    private void seen() {
        unseen = 0;
        if (word("STATUS") == 0) {
            return;
        }
        long failed = Integer.toUnsignedLong(word("HALT"));
        device.driver().zero(block.pointer("words") + 4L * constant("HALT"), 4, stream);
        step = failed - 1;
        if (average != null && averagedFrom >= failed) {
            forgetAverage();
        }
        throw StepCheck.diverged(failed);
    }

    /** Waits for steps that nobody has looked at. */
    private void settle() {
        device.use();
        if (unseen > 0) {
            read();
            seen();
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
                averagedFrom = step + 1;
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
        settle();
        float[] errors = new float[lastRows];
        if (lastRows > 0) {
            memory.download(MemorySegment.ofArray(errors), block.pointer("row_errors"));
        }
        return errors;
    }

    @Override
    public double[] activity() {
        settle();
        double[] activity = new double[mirror.dSae()];
        memory.download(MemorySegment.ofArray(activity), block.pointer("activity"));
        return activity;
    }

    @Override
    public int[] sinceFired() {
        settle();
        int[] since = new int[mirror.dSae()];
        memory.download(MemorySegment.ofArray(since), block.pointer("since"));
        return since;
    }

    @Override
    public Parameters parameters() {
        settle();
        if (!mirrored) {
            p.download(mirror);
            mirrored = true;
        }
        return mirror;
    }

    @Override
    public void recycle(List<Replacement> replacements) {
        settle();
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
            if (average != null) { // nothing of the old latent is left in what is kept in the end
                average.copyLatent(p, (int) i, mirror, device.driver(), stream);
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
        settle();
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
        device.driver().zero(block.pointer("words"), 4L * constant("WORDS"), stream);
        step = state.step();
        unseen = 0;
        mirrored = false;
        shadow();
    }

    @Override
    public void close() {
        device.use();
        try {
            device.driver().sync(stream);
            device.shared().ended(stream);
        } finally {
            held.close();
        }
    }
}
