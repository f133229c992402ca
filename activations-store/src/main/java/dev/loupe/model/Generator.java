package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import dev.loupe.base.UsageException;
import java.util.Arrays;

/** Continues prompts: one pass over the prompt, then one per token with cached keys and values. */
final class Generator {
    private final Core core;
    private final Tokenizer tokenizer;

    Generator(Core core, Tokenizer tokenizer) {
        this.core = core;
        this.tokenizer = tokenizer;
    }

    Generation run(int[] prompt, Sampling sampling, Taps taps, TokenListener listener) {
        if (!taps.reads().isEmpty()) {
            throw new UsageException("Activations cannot be kept while text is generated (" + taps.reads()
                    + "): look at them in an editor, or run the finished text once more.");
        }
        int room = core.spec.config().nCtx() - prompt.length;
        int most = Math.min(sampling.maxTokens(), room);
        Sampler sampler = new Sampler(sampling);
        Run run = new Run(sampling, listener, Math.max(0, most));
        if (most <= 0) {
            return run.finish("length");
        }
        try (NDManager manager = core.newManager()) {
            KeyValueCache cache = new KeyValueCache(core.blocks.size());
            int[] next = prompt;
            while (true) {
                float[] logits = logits(manager, next, cache, taps);
                int id = sampler.next(logits);
                Integer eos = tokenizer.eosId();
                if (eos != null && id == eos) {
                    run.flush(id);
                    return run.finish("stop");
                }
                String reason = run.add(id, sampling.logProbs() ? Sampler.logProb(logits, id) : Float.NaN);
                if (!reason.isEmpty()) {
                    return run.finish(reason);
                }
                next = new int[] {id};
            }
        }
    }

    /** The logits after some more tokens. */
    private float[] logits(NDManager manager, int[] ids, KeyValueCache cache, Taps taps) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            Pass pass = new Pass(manager, new int[] {ids.length}, ids.length, cache.length(), taps, true, false);
            NDArray resid = BlockState.set(core.run(pass, new int[][] {ids}, cache));
            cache.advance(ids.length);
            float[] logits = core.head.last(pass, core.head.normed(pass, resid, new Norm.State()))[0];
            resid.close();
            return logits;
        }
    }

    /** The text so far. */
    private final class Run {
        private final TokenListener listener;
        private final Utf8Stream bytes = new Utf8Stream();
        private final StopFilter stops;
        private final StringBuilder text = new StringBuilder();
        private final int[] ids;
        private final float[] logProbs;
        private final boolean wantsLogProbs;
        private int n;

        Run(Sampling sampling, TokenListener listener, int most) {
            this.listener = listener;
            stops = new StopFilter(sampling.stop());
            ids = new int[most];
            logProbs = new float[most];
            wantsLogProbs = sampling.logProbs();
        }

        /** Takes a token; the reason to end, or nothing. */
        String add(int id, float logProb) {
            ids[n] = id;
            logProbs[n++] = logProb;
            String piece = tokenizer.isSpecial(id) ? "" : stops.add(bytes.add(tokenizer.tokenBytes(id)));
            boolean last = n == ids.length && !stops.stopped();
            if (last) { // what waits for more will get none
                piece += stops.add(bytes.end()) + stops.end();
            }
            text.append(piece);
            boolean goOn = listener.token(id, piece, logProb);
            return stops.stopped() ? "stop" : last ? "length" : goOn ? "" : "cancelled";
        }

        /** The end of the sequence: what was held back is certain now. */
        void flush(int id) {
            String rest = stops.add(bytes.end()) + stops.end();
            if (!rest.isEmpty()) {
                text.append(rest);
                listener.token(id, rest, Float.NaN);
            }
        }

        Generation finish(String reason) {
            return new Generation(
                    Arrays.copyOf(ids, n), text.toString(), reason, wantsLogProbs ? Arrays.copyOf(logProbs, n) : null);
        }
    }
}
