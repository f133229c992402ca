package dev.loupe.service;

import dev.loupe.base.UsageException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Diagnostics to run.
 *
 * @param diagnostics their names; empty for all that what is named allows
 * @param model name of the model; null for that of the SAE or store, or with neither the embedded one
 * @param store name of the store; null for that of the SAE, if it is there
 * @param saes names of one or two SAEs; empty for none
 * @param checkpoints names of SAEs that are steps of one training, in order, or the one name of an SAE whose training kept
 *     some ({@code keep_every}); empty for those of the first SAE, if there are any
 * @param text corpus that the model reads; null for the sequences of the store, or without one builtin:europarl
 * @param tokens of text and rows of the store at most; 0 for 200,000
 * @param trialTokens of text that changes are tried on; 0 for 4,096
 * @param context longest sequence of a text; 0 for 256
 * @param seed of every choice
 * @param again whether to compute anew what an earlier run with the same inputs has saved
 */
public record DiagnoseSpec(
        @Nullable List<String> diagnostics,
        @Nullable String model,
        @Nullable String store,
        @Nullable List<String> saes,
        @Nullable List<String> checkpoints,
        @Nullable String text,
        long tokens,
        long trialTokens,
        int context,
        long seed,
        boolean again) {
    /** Checks that numbers make sense; absent lists are empty. */
    public DiagnoseSpec {
        diagnostics = diagnostics == null ? List.of() : List.copyOf(diagnostics);
        saes = saes == null ? List.of() : List.copyOf(saes);
        checkpoints = checkpoints == null ? List.of() : List.copyOf(checkpoints);
        if (tokens < 0 || trialTokens < 0 || context < 0) {
            throw new UsageException("Diagnostics take numbers of tokens of at least 1 (0 for the default).");
        }
        if (saes.size() > 2) {
            throw new UsageException("Diagnostics look at one or two SAEs, not " + saes.size() + ".");
        }
    }

    /** Names of diagnostics; never null. */
    @Override
    public List<String> diagnostics() {
        return diagnostics == null ? List.of() : diagnostics;
    }

    /** Names of SAEs; never null. */
    @Override
    public List<String> saes() {
        return saes == null ? List.of() : saes;
    }

    /** Names of checkpoints; never null. */
    @Override
    public List<String> checkpoints() {
        return checkpoints == null ? List.of() : checkpoints;
    }
}
