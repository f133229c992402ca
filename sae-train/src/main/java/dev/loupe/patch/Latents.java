package dev.loupe.patch;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import dev.loupe.sae.SparseCodes;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * An SAE's latents in the two runs. With h = W_dec f + b + error, putting the clean latents into the corrupted run
 * changes h by Σ (f_clean − f_corrupt) d, and the rest of clean − corrupt is the error's.
 */
final class Latents {
    private final Sae sae;
    private final HookPoint hook;
    private final Map<Integer, Float>[] clean;
    private final Map<Integer, Float>[] corrupt;

    private Latents(Sae sae, HookPoint hook, Map<Integer, Float>[] clean, Map<Integer, Float>[] corrupt) {
        this.sae = sae;
        this.hook = hook;
        this.clean = clean;
        this.corrupt = corrupt;
    }

    /** The SAE's hook in this model, checked to fit. */
    static HookPoint hookOf(LanguageModel model, Sae sae) {
        SaeNeeds.check(sae, model);
        sae.requireSae("be patched yet");
        int width = model.hook(sae.hookName()).width();
        if (width != sae.dIn()) {
            throw new UsageException("The SAE " + sae.name() + " reads " + sae.dIn() + " numbers, but " + sae.hookName()
                    + " of this model has " + width + "; it was trained on another model.");
        }
        return HookPoint.of(sae.hookName());
    }

    static Latents of(LanguageModel model, Sae sae, References runs) {
        HookPoint hook = hookOf(model, sae);
        return new Latents(sae, hook, encode(sae, runs.clean(hook)), encode(sae, runs.corrupt(hook)));
    }

    HookPoint hook() {
        return hook;
    }

    double clean(int position, int id) {
        return clean[position].getOrDefault(id, 0f);
    }

    double corrupt(int position, int id) {
        return corrupt[position].getOrDefault(id, 0f);
    }

    /** f_clean − f_corrupt. */
    double change(int position, int id) {
        return clean(position, id) - corrupt(position, id);
    }

    /** Latents that are active somewhere in either run. */
    Set<Integer> active() {
        Set<Integer> ids = new TreeSet<>();
        for (int p = 0; p < clean.length; p++) {
            ids.addAll(clean[p].keySet());
            ids.addAll(corrupt[p].keySet());
        }
        return ids;
    }

    /** [position][width] of Σ (f_clean − f_corrupt) d. */
    float[][] change() {
        float[][] change = new float[clean.length][sae.dIn()];
        for (int p = 0; p < clean.length; p++) {
            Set<Integer> ids = new TreeSet<>(clean[p].keySet());
            ids.addAll(corrupt[p].keySet());
            double[] sum = new double[sae.dIn()];
            for (int id : ids) {
                float[] d = direction(id);
                double by = change(p, id);
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += by * d[i];
                }
            }
            for (int i = 0; i < sum.length; i++) {
                change[p][i] = (float) sum[i];
            }
        }
        return change;
    }

    float[] direction(int id) {
        return sae.decoderRows().row(id);
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // generic arrays cannot be made otherwise
    private static Map<Integer, Float>[] encode(Sae sae, float[][] x) {
        SparseCodes codes = sae.encode(Matrix.copyOf(x));
        Map<Integer, Float>[] maps = new Map[x.length];
        for (int p = 0; p < x.length; p++) {
            maps[p] = new TreeMap<>();
            for (int j = codes.start(p); j < codes.end(p); j++) {
                maps[p].put(codes.ids()[j], codes.values()[j]);
            }
        }
        return maps;
    }
}
