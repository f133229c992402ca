package dev.loupe.model;

import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.VersionedJson;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Compares a model with reference values that {@code tests/python/model_reference.py} wrote from transformers. Errors are
 * max |difference| as a share of max |reference|, per tensor.
 */
public final class ModelCheck {
    /** The name that a reference file has in its model's folder. */
    public static final String FILE = "loupe-reference.safetensors";

    /** What the runtime promises in float32. */
    public static final double TOLERANCE = 1e-5;

    private static final String ABOUT = "loupe_reference";
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final LanguageModel model;
    private final SafetensorsFile file;
    private final Map<String, Row> rows = new LinkedHashMap<>();

    private ModelCheck(LanguageModel model, SafetensorsFile file) {
        this.model = model;
        this.file = file;
    }

    /**
     * The errors of one kind of tensor.
     *
     * @param kind for example {@code loss} or {@code hook_resid_post}
     * @param tensors how many were compared
     * @param error the largest error
     * @param worst the tensor that has it
     */
    public record Row(String kind, int tensors, double error, String worst) {}

    /**
     * What came out.
     *
     * @param model the model's id
     * @param reference the file
     * @param madeWith what computed it
     * @param prompts how many prompts
     * @param tolerance the largest error allowed
     * @param passed whether all errors are within the tolerance
     * @param rows by kind of tensor
     */
    public record Report(
            String model,
            String reference,
            String madeWith,
            int prompts,
            double tolerance,
            boolean passed,
            List<Row> rows) {}

    /**
     * Runs the reference's prompts and compares.
     *
     * @throws NotFoundException if there is no such file
     * @throws LoupeException if it is damaged, or belongs to a model of other sizes
     */
    public static Report run(LanguageModel model, Path reference, double tolerance) {
        if (!Files.isRegularFile(reference)) {
            throw new NotFoundException("There are no reference values " + reference
                    + ": write them with tests/python/model_reference.py MODEL " + FILE + ".");
        }
        try (SafetensorsFile file = SafetensorsFile.open(reference)) {
            String text = file.metadata().get(ABOUT);
            JsonNode about = text == null ? null : Json.MAPPER.readTree(text);
            if (about == null) {
                throw new LoupeException("The file " + reference + " holds no reference values.");
            }
            VersionedJson.check(about, "file of reference values " + reference.getFileName(), reference);
            ModelCheck check = new ModelCheck(model, file);
            int prompts = about.path("prompts").size();
            for (int r = 0; r < prompts; r++) {
                check.prompt(r, about.path("prompts").path(r).asString(""));
            }
            List<Row> rows = List.copyOf(check.rows.values());
            return new Report(
                    model.id(),
                    reference.toString(),
                    about.path("made_with").asString(""),
                    prompts,
                    tolerance,
                    !rows.isEmpty() && rows.stream().allMatch(row -> row.error() <= tolerance),
                    rows);
        }
    }

    private void prompt(int r, String text) {
        int[] ids = ints("ids." + r);
        add("tokens", "ids." + r, Arrays.equals(ids, model.tokenizer().encode(text)) ? 0 : 1);
        int[] positions = ints("positions." + r);
        for (int p : positions) {
            if (p < 0 || p >= ids.length) {
                throw new LoupeException("The reference " + file.path() + " has a position " + p + " in a prompt of "
                        + ids.length + " tokens: write it again.");
            }
        }
        Map<HookPoint, String> hooks = new LinkedHashMap<>();
        for (String tensor : file.tensors().keySet()) {
            if (tensor.startsWith("act.") && tensor.endsWith("." + r)) {
                String name = tensor.substring(4, tensor.lastIndexOf('.'));
                hooks.put(model.hook(name).hook(), tensor);
            }
        }
        TokenBatch batch = TokenBatch.of(ids);
        Forward forward = model.forward(batch, Taps.read(hooks.keySet()), Want.LAST_LOGITS);
        float[] losses = model.forward(batch, Taps.none(), Want.TOKEN_LOSS).tokenLoss()[0];
        logits(r, forward.lastLogits(0));
        add("loss", "loss." + r, error("loss." + r, losses));
        hooks.forEach((hook, tensor) -> {
            Activation a = forward.activation(hook);
            float[] ours = new float[positions.length * a.width()];
            for (int i = 0; i < positions.length; i++) {
                System.arraycopy(a.row(0, positions[i]), 0, ours, i * a.width(), a.width());
            }
            add(hook.local(), tensor, error(tensor, ours));
        });
    }

    /** The largest logits, and whether the most likely token is the same. */
    private void logits(int r, float[] logits) {
        int[] top = ints("top_ids." + r);
        float[] ours = new float[top.length];
        for (int i = 0; i < top.length; i++) {
            if (top[i] < 0 || top[i] >= logits.length) {
                throw new LoupeException("The reference " + file.path() + " has the token " + top[i]
                        + ", which the model does not have: it belongs to another model.");
            }
            ours[i] = logits[top[i]];
        }
        add("logits", "top_logits." + r, error("top_logits." + r, ours));
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        add("most likely token", "top_ids." + r, top.length > 0 && best == top[0] ? 0 : 1);
    }

    private void add(String kind, String tensor, double error) {
        rows.merge(
                kind,
                new Row(kind, 1, error, tensor),
                (old, next) -> new Row(
                        kind,
                        old.tensors() + 1,
                        Math.max(old.error(), next.error()),
                        next.error() > old.error() ? tensor : old.worst()));
    }

    /** max |ours - reference| / max |reference|; infinite where ours is not a number or the shapes differ. */
    private double error(String tensor, float[] ours) {
        float[] reference = file.floats(tensor);
        if (reference.length != ours.length) {
            throw new LoupeException("The reference " + file.path() + " has " + reference.length + " values for "
                    + tensor + " where the model gives " + ours.length + ": it belongs to another model.");
        }
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < ours.length; i++) {
            double difference = Math.abs((double) ours[i] - reference[i]);
            worst = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : Math.max(worst, difference);
            largest = Math.max(largest, Math.abs(reference[i]));
        }
        return largest == 0 ? worst : worst / largest;
    }

    private int[] ints(String tensor) {
        TensorEntry entry = file.tensor(tensor);
        if (!entry.dtype().equals("I64") || entry.shape().size() != 1) {
            throw new LoupeException("The tensor " + tensor + " of " + file.path() + " is no list of whole numbers.");
        }
        int[] values = new int[Math.toIntExact(entry.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.toIntExact(file.bytes(tensor).get(LONG, 8L * i));
        }
        return values;
    }
}
