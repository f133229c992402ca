package dev.loupe.eval;

import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.ValueRule;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an SAE, transcoder or crosscoder puts in place of the activations at one of the places that it writes. Transcoders
 * and crosscoders read the undisturbed pass, so that each place is judged alone.
 */
final class Splices {
    private final Sae sae;
    private final ActivationStore store;
    private final String place;
    private final List<HookPoint> reads;
    private final int first;

    Splices(Sae sae, String place, ActivationStore store, LanguageModel model) {
        this.sae = sae;
        this.store = store;
        this.place = place;
        this.reads = sae.hookName().equals(place)
                ? List.of()
                : sae.hooksIn().stream().map(h -> model.hook(h).hook()).toList();
        int at = 0;
        for (String other : sae.hooksOut().subList(0, sae.hooksOut().indexOf(place))) {
            at += store.width(other);
        }
        this.first = at;
    }

    /** x̂' + (x − x') in place of x, where x' is what the store's rule makes of x: what the SAE never saw passes it by. */
    SpliceLoss.Replacement reconstruction() {
        return new SpliceLoss.Replacement(reads, (in, rows) -> {
            try (Arena arena = Arena.ofShared()) {
                Matrix predicted = predicted(in, arena);
                ValueRule rule = rule(place);
                for (long r = 0; r < rows.rows(); r++) {
                    float[] p = predicted.row(r);
                    if (rule != null) {
                        float[] x = rows.row(r);
                        float[] explained = x.clone();
                        rule.apply(explained);
                        for (int j = 0; j < x.length; j++) {
                            p[j] += x[j]
                                    - explained[j]; // exact where the rule left x alone: the difference is zero there
                        }
                    }
                    rows.setRow(r, p);
                }
            }
        });
    }

    /**
     * x̂ + (x − x̂) in place of x, in double precision, where the sum gives back x bit by bit: what then differs from the
     * clean loss comes from the splice itself.
     */
    SpliceLoss.Replacement identity() {
        return new SpliceLoss.Replacement(reads, (in, rows) -> {
            try (Arena arena = Arena.ofShared()) {
                Matrix predicted = predicted(in, arena);
                for (long r = 0; r < rows.rows(); r++) {
                    float[] x = rows.row(r);
                    float[] p = predicted.row(r);
                    for (int j = 0; j < x.length; j++) {
                        x[j] = (float) (p[j] + ((double) x[j] - p[j]));
                    }
                    rows.setRow(r, x);
                }
            }
        });
    }

    /** x̂ of this place alone. */
    private Matrix predicted(Matrix in, Arena arena) {
        Matrix all = sae.reconstruct(ruled(in, arena), arena);
        int width = store.width(place);
        return width == all.cols() ? all : all.columns(first, first + width, arena);
    }

    /** The input as the store would hold it. */
    private Matrix ruled(Matrix in, Arena arena) {
        if (sae.hooksIn().stream().allMatch(h -> rule(h) == null)) {
            return in;
        }
        Matrix changed = Matrix.allocate(arena, in.rows(), in.cols());
        int at = 0;
        for (String hook : sae.hooksIn()) {
            int width = store.width(hook);
            Matrix part = in.columns(at, at + width, arena);
            ValueRule rule = rule(hook);
            for (long r = 0; rule != null && r < part.rows(); r++) {
                float[] x = part.row(r);
                rule.apply(x);
                part.setRow(r, x);
            }
            part.copyInto(changed, at);
            at += width;
        }
        return changed;
    }

    private @Nullable ValueRule rule(String hook) {
        StoreManifest.Hook h = store.manifest().hooks().get(hook);
        return h == null ? null : h.changed();
    }
}
