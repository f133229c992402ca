package dev.loupe.service;

import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.steer.RepIt;
import dev.loupe.steer.SteeringVector;
import dev.loupe.steer.TextContrast;
import dev.loupe.steer.TokenAttribution;
import dev.loupe.steer.VariantFiles;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds what to steer by: from two sets of texts, or from a token that was expected. */
public final class SteeringFinder {
    private static final int FEATURES = 50;

    private final Workspace workspace;
    private final Models models;
    private final Saes saes;

    /**
     * Two sets of texts.
     *
     * @param sae the SAE whose latents are compared; its hook point is where means and probe are taken
     * @param a texts that show what is wanted
     * @param b texts that do not
     * @param limit features at most (default 50)
     * @param save name that the difference of means is saved under, as a steering vector; null for none
     * @param keep sets of texts of what shall stay as it is: most of what the difference shares with them is taken out, and
     *     that vector is the one saved; null for none
     * @param rho the share that is taken out, 0 to 1; null for 0.75
     */
    public record Contrast(
            String sae,
            List<String> a,
            List<String> b,
            @Nullable Integer limit,
            @Nullable String save,
            @Nullable List<List<String>> keep,
            @Nullable Double rho) {}

    /**
     * A token to explain.
     *
     * @param sae the SAE
     * @param text what the model has read
     * @param token the token that follows, as text; null for the one the model finds likeliest
     * @param limit features at most (default 50)
     */
    public record Expected(
            String sae,
            String text,
            @Nullable String token,
            @Nullable Integer limit) {}

    SteeringFinder(Workspace workspace, Models models, Saes saes) {
        this.workspace = workspace;
        this.models = models;
        this.saes = saes;
    }

    /** What tells two sets of texts apart. */
    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    public TextContrast contrast(Contrast r, Progress progress) {
        if (r.a() == null || r.b() == null) {
            throw new UsageException("A contrast needs two lists of texts, a and b.");
        }
        Sae sae = open(r.sae());
        LanguageModel model = models.of(sae);
        List<List<String>> keep = r.keep() == null ? List.of() : r.keep();
        double rho = r.rho() == null ? RepIt.RHO : r.rho();
        TextContrast c = TextContrast.of(model, sae, r.a(), r.b(), keep, rho, limit(r.limit()), progress);
        String save = r.save();
        if (save != null) {
            RepIt.Isolated isolated = c.isolated();
            float[] vector = isolated == null ? c.difference() : isolated.values();
            VariantFiles.saveVector(
                    workspace.variants(), new SteeringVector("1.0", save, model.id(), c.hook(), vector));
        }
        return c;
    }

    /** Which latents made the model expect a token. */
    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    public TokenAttribution attribute(Expected r, Progress progress) {
        if (r.text() == null || r.text().isEmpty()) {
            throw new UsageException("The text is empty; send {\"text\": \"...\"}.");
        }
        Sae sae = open(r.sae());
        LanguageModel model = models.of(sae);
        int token = -1;
        String wanted = r.token();
        if (wanted != null) {
            int[] ids = model.tokenizer().encode(wanted, false);
            if (ids.length != 1) {
                throw new UsageException("token must be one token of the model; \"" + wanted + "\" is " + ids.length
                        + ". A leading blank often belongs to it.");
            }
            token = ids[0];
        }
        return TokenAttribution.of(model, sae, model.tokenizer().encode(r.text()), token, limit(r.limit()), progress);
    }

    @SuppressWarnings("ConstantValue") // JSON may leave a field out
    private Sae open(String name) {
        if (name == null) {
            throw new UsageException("sae is missing; name the SAE whose features are looked for.");
        }
        return saes.open(name);
    }

    private static int limit(@Nullable Integer limit) {
        if (limit != null && limit < 1) {
            throw new UsageException("limit must be 1 or more, not " + limit + ".");
        }
        return limit == null ? FEATURES : limit;
    }
}
