package dev.loupe.patch;

import dev.loupe.model.Activation;
import dev.loupe.model.HookPoint;
import java.util.ArrayList;
import java.util.List;

/** The single neurons and latents behind the sites neurons and sae:NAME. */
final class Nodes {
    /** How many are kept, largest first. */
    static final int KEPT = 100;

    /** How many are patched exactly when the method is exact patching; preselected by the size of their change. */
    static final int EXACT = 256;

    private Nodes() {}

    /**
     * One neuron or latent: what changes where if its clean value is put in.
     *
     * @param direction what a change of one unit adds to the hook's value; null for a neuron, whose direction is its
     *     own axis
     */
    record Candidate(
            String site,
            HookPoint hook,
            int index,
            float @org.jspecify.annotations.Nullable [] direction,
            double[] clean,
            double[] corrupt)
            implements Patch {

        double[] scores(float[][] coefficient) {
            double[] byPosition = new double[clean.length];
            for (int p = 0; p < clean.length; p++) {
                byPosition[p] = (clean[p] - corrupt[p]) * along(coefficient[p]);
            }
            return byPosition;
        }

        private double along(float[] c) {
            if (direction == null) {
                return c[index];
            }
            double dot = 0;
            for (int i = 0; i < c.length; i++) {
                dot += (double) direction[i] * c[i];
            }
            return dot;
        }

        /** Size of the change of the hook's value. */
        double size() {
            double norm = 1;
            if (direction != null) {
                norm = 0;
                for (float d : direction) {
                    norm += (double) d * d;
                }
                norm = Math.sqrt(norm);
            }
            double most = 0;
            for (int p = 0; p < clean.length; p++) {
                most = Math.max(most, Math.abs(clean[p] - corrupt[p]) * norm);
            }
            return most;
        }

        @Override
        public boolean changes() {
            return size() > 0;
        }

        @Override
        public void put(Activation a, int batchRow) {
            for (int p = a.startPosition(); p < clean.length; p++) {
                double by = clean[p] - corrupt[p];
                if (by == 0) {
                    continue;
                }
                int at = p - a.startPosition();
                if (direction == null) {
                    a.set(batchRow, at, index, (float) clean[p]);
                    continue;
                }
                for (int i = 0; i < direction.length; i++) {
                    a.set(batchRow, at, i, (float) (a.get(batchRow, at, i) + by * direction[i]));
                }
            }
        }

        Key key() {
            return new Key(site, hook.layer(), index);
        }
    }

    /** Which neuron or latent, whatever the pair. */
    record Key(String site, int layer, int index) {}

    /** Every neuron of a site's rows that differs between the runs. */
    static List<Candidate> neurons(Site site) {
        List<Candidate> all = new ArrayList<>();
        for (int row = 0; row < site.rows(); row++) {
            float[][] clean = site.target(row);
            float[][] corrupt = site.corrupt(row);
            for (int i = 0; i < clean[0].length; i++) {
                Candidate c = new Candidate(site.name(), site.hook(row), i, null, column(clean, i), column(corrupt, i));
                if (c.size() > 0) {
                    all.add(c);
                }
            }
        }
        return all;
    }

    /** Every latent that is active in either run and differs between them. */
    static List<Candidate> latents(String site, Latents latents, int positions) {
        List<Candidate> all = new ArrayList<>();
        for (int id : latents.active()) {
            double[] clean = new double[positions];
            double[] corrupt = new double[positions];
            for (int p = 0; p < positions; p++) {
                clean[p] = latents.clean(p, id);
                corrupt[p] = latents.corrupt(p, id);
            }
            Candidate c = new Candidate(site, latents.hook(), id, latents.direction(id), clean, corrupt);
            if (c.size() > 0) {
                all.add(c);
            }
        }
        return all;
    }

    private static double[] column(float[][] m, int i) {
        double[] c = new double[m.length];
        for (int p = 0; p < c.length; p++) {
            c[p] = m[p][i];
        }
        return c;
    }
}
