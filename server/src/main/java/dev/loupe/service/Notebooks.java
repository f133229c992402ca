package dev.loupe.service;

import dev.loupe.base.UsageException;
import dev.loupe.inspect.InspectedText;
import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookInfo;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Activations and latents of texts as Arrow IPC streams, one record batch per text, one row per position. */
public final class Notebooks {
    private static final int MOST_TEXTS = 256;
    private static final long MOST_DENSE = 1L << 26; // values of one record batch: 256 MiB

    private final Models models;
    private final Saes saes;
    private final Features features;

    Notebooks(Models models, Saes saes, Features features) {
        this.models = models;
        this.saes = saes;
        this.features = features;
    }

    /** Something that writes an answer; everything wrong with the request was said before. */
    @FunctionalInterface
    public interface Answer {
        /** Writes the stream. */
        void write(OutputStream out) throws IOException;
    }

    /** Activations at hook points: columns text, position, token_id, token, and one per hook point. */
    public Answer activations(ArrowRequest r) {
        LanguageModel model = models.open(r.model() == null ? Models.BUILTIN : r.model());
        if (r.hooks() == null || r.hooks().isEmpty()) {
            throw new UsageException("Which hook points? Send {\"hooks\": [\"blocks.0.hook_resid_post\"]}.");
        }
        List<HookInfo> hooks = r.hooks().stream().map(model::hook).toList();
        List<InspectedText> texts =
                texts(model, r, r.bos() == null || r.bos(), model.config().nCtx());
        return out -> {
            try (ArrowAnswer answer = ArrowAnswer.activations(out, model.id(), hooks)) {
                for (int t = 0; t < texts.size(); t++) {
                    InspectedText text = texts.get(t);
                    List<HookPoint> points = hooks.stream().map(HookInfo::hook).toList();
                    Forward run = model.forward(TokenBatch.of(text.ids()), Taps.read(points), Want.NOTHING);
                    List<Activation> found =
                            points.stream().map(run::activation).toList();
                    for (int p : positions(r, text.ids().length)) {
                        answer.row(t, p, text.ids()[p], text.tokens().get(p));
                        for (int h = 0; h < found.size(); h++) {
                            answer.floats(4 + h, found.get(h).row(0, p));
                        }
                    }
                    answer.batch();
                }
            }
        };
    }

    /** Latents: columns text, position, token_id, token, and latents with their values, or codes (dense). */
    public Answer encode(ArrowRequest r) {
        if (r.sae() == null || r.sae().isBlank()) {
            throw new UsageException("Which SAE? Send {\"sae\": \"NAME\"}.");
        }
        Sae sae = saes.open(r.sae());
        boolean dense = Boolean.TRUE.equals(r.dense());
        List<float[]> vectors = r.vectors();
        if (vectors != null) {
            for (float[] v : vectors) {
                if (v.length != sae.dIn()) {
                    throw new UsageException("A vector has " + v.length + " values; the SAE " + sae.name() + " reads "
                            + sae.dIn() + ".");
                }
            }
            checkDense(dense, vectors.size(), sae);
            SparseCodes codes = sae.encode(Matrix.copyOf(vectors.toArray(float[][]::new)));
            return out -> {
                try (ArrowAnswer answer = ArrowAnswer.codes(out, sae, dense)) {
                    for (int v = 0; v < codes.rows(); v++) {
                        answer.row(v, 0, -1, "");
                        answer.code(codes, v);
                    }
                    answer.batch();
                }
            };
        }
        LanguageModel model = r.model() == null ? models.of(sae) : models.open(r.model());
        SaeNeeds.check(sae, model);
        int trained = sae.needs().contextSize();
        int most = trained > 0 ? trained : model.config().nCtx();
        List<InspectedText> texts = texts(model, r, r.bos() == null ? features.prependBos(sae) : r.bos(), most);
        for (InspectedText text : texts) {
            checkDense(dense, positions(r, text.ids().length).length, sae);
        }
        List<HookPoint> hooks =
                sae.hooksIn().stream().map(h -> model.hook(h).hook()).toList();
        return out -> {
            try (ArrowAnswer answer = ArrowAnswer.codes(out, sae, dense)) {
                for (int t = 0; t < texts.size(); t++) {
                    InspectedText text = texts.get(t);
                    Forward run = model.forward(TokenBatch.of(text.ids()), Taps.read(hooks), Want.NOTHING);
                    SparseCodes codes = sae.encode(Matrix.copyOf(rows(run, hooks, text.ids().length)));
                    for (int p : positions(r, text.ids().length)) {
                        answer.row(t, p, text.ids()[p], text.tokens().get(p));
                        answer.code(codes, p);
                    }
                    answer.batch();
                }
            }
        };
    }

    private static void checkDense(boolean dense, long rows, Sae sae) {
        if (dense && rows * sae.dSae() > MOST_DENSE) {
            throw new UsageException(
                    rows + " positions of all " + sae.dSae() + " latents are " + rows * sae.dSae() + " values; at most "
                            + MOST_DENSE + " are sent at once: ask for fewer positions, or leave out dense.");
        }
    }

    private static float[][] rows(Forward run, List<HookPoint> hooks, int n) {
        List<Activation> parts = hooks.stream().map(run::activation).toList();
        float[][] rows = new float[n][parts.stream().mapToInt(Activation::width).sum()];
        for (int p = 0; p < n; p++) {
            int at = 0;
            for (Activation a : parts) {
                System.arraycopy(a.row(0, p), 0, rows[p], at, a.width());
                at += a.width();
            }
        }
        return rows;
    }

    private static List<InspectedText> texts(LanguageModel model, ArrowRequest r, boolean bos, int most) {
        List<String> texts = r.all();
        if (texts.isEmpty() || texts.size() > MOST_TEXTS) {
            throw new UsageException(
                    "Send {\"text\": \"...\"} or 1 to " + MOST_TEXTS + " \"texts\", not " + texts.size() + ".");
        }
        List<InspectedText> all = new ArrayList<>();
        for (String text : texts) {
            InspectedText read = InspectedText.of(model, text, bos, most);
            if (read.cutTokens() > 0) {
                throw new UsageException("Text " + all.size() + " has " + (most + read.cutTokens())
                        + " tokens; at most " + most + " are read at once: cut it.");
            }
            positions(r, read.ids().length);
            all.add(read);
        }
        return all;
    }

    private static int[] positions(ArrowRequest r, int n) {
        List<Integer> wanted = r.positions();
        if (wanted == null) {
            return IntStream.range(0, n).toArray();
        }
        return wanted.stream()
                .mapToInt(p -> {
                    int at = p < 0 ? n + p : p;
                    if (at < 0 || at >= n) {
                        throw new UsageException("There is no position " + p + ": a text has " + n + " tokens.");
                    }
                    return at;
                })
                .toArray();
    }
}
