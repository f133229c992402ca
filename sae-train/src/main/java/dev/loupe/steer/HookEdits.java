package dev.loupe.steer;

import dev.loupe.base.LoupeException;
import dev.loupe.model.Activation;
import dev.loupe.model.Editor;
import dev.loupe.sae.LatentReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * All edits of one hook, as the editor the model runs. Every direction's change is worked out from the hook's value
 * before any of them and all are added together, so their order does not matter; only then is projected out, in order.
 * A position where nothing changes keeps its bits.
 */
final class HookEdits implements Editor {
    private static final double LARGEST = 1e17;

    private final List<Direction> directions;
    private final Text text;
    private final @Nullable Gate gate;
    private final List<Read> reads;

    /** Latents of one SAE, and the directions that they belong to. */
    private record Read(LatentReader reader, int[] directions) {}

    HookEdits(List<Direction> directions, Text text, @Nullable Gate gate) {
        this.directions = directions;
        this.text = text;
        this.gate = gate;
        this.reads = reads(directions);
    }

    private static List<Read> reads(List<Direction> directions) {
        List<Read> reads = new ArrayList<>();
        boolean[] done = new boolean[directions.size()];
        for (int i = 0; i < done.length; i++) {
            LatentReader first = directions.get(i).latent();
            if (done[i] || first == null) {
                continue;
            }
            List<LatentReader> readers = new ArrayList<>();
            List<Integer> places = new ArrayList<>();
            for (int j = i; j < done.length; j++) {
                LatentReader other = directions.get(j).latent();
                if (other != null && first.sharesWith(other)) {
                    readers.add(other);
                    places.add(j);
                    done[j] = true;
                }
            }
            int[] of = places.stream().mapToInt(Integer::intValue).toArray();
            reads.add(new Read(LatentReader.together(readers), of));
        }
        return reads;
    }

    /** The activations of the latents at a place, 0 for those that no edit asks for. */
    private double[] codes(float[] h, int position, boolean special) {
        double[] codes = new double[directions.size()];
        for (Read read : reads) {
            float[] values = null;
            for (int i = 0; i < read.directions.length; i++) {
                int d = read.directions[i];
                if (directions.get(d).needsCode(position, text.promptLength(), special)) {
                    values = values == null ? read.reader.read(h) : values;
                    codes[d] = values[i];
                }
            }
        }
        return codes;
    }

    @Override
    public void edit(Activation a) {
        List<int[]> places = places(a);
        if (places.isEmpty()) {
            return;
        }
        float[][] h = new float[places.size()][];
        for (int i = 0; i < h.length; i++) {
            h[i] = a.row(places.get(i)[0], places.get(i)[1]);
        }
        for (int i = 0; i < h.length; i++) {
            int position = a.startPosition() + places.get(i)[1];
            boolean special = text.special(a, places.get(i)[0], places.get(i)[1]);
            float[] changed = changed(h[i], position, special);
            if (changed != h[i]) {
                a.setRow(places.get(i)[0], places.get(i)[1], changed);
            }
        }
    }

    private float[] changed(float[] h, int position, boolean special) {
        int prompt = text.promptLength();
        double[] change = new double[h.length];
        double[] codes = codes(h, position, special);
        for (int i = 0; i < codes.length; i++) {
            directions.get(i).addChange(h, codes[i], position, prompt, special, change);
        }
        float[] to = h;
        for (int i = 0; i < change.length; i++) {
            if (change[i] != 0) {
                if (to == h) {
                    to = h.clone();
                }
                to[i] = computable(h[i] + change[i]);
            }
        }
        for (Direction d : directions) {
            double share = d.projected(position, prompt, special);
            if (share > 0) {
                to = to == h ? h.clone() : to;
                d.project(to, share);
            }
        }
        return to;
    }

    /** The next norm squares it: a larger number would become 0 or no number at all, silently. */
    private static float computable(double value) {
        if (!(Math.abs(value) < LARGEST)) {
            throw new LoupeException(String.format(
                    Locale.ROOT,
                    "An edit makes numbers of size %.1e, with which the model cannot compute: it is too strong; lower its"
                            + " strength.",
                    value));
        }
        return (float) value;
    }

    private List<int[]> places(Activation a) {
        List<int[]> places = new ArrayList<>();
        for (int b = 0; b < a.batch(); b++) {
            for (int p = 0; p < a.length(b); p++) {
                int position = a.startPosition() + p;
                boolean special = text.special(a, b, p);
                boolean some = false;
                for (Direction d : directions) {
                    some |= CompiledEdit.any(d.edits(), position, text.promptLength(), special, null);
                }
                if (some && (gate == null || gate.open(b, p))) {
                    places.add(new int[] {b, p});
                }
            }
        }
        return places;
    }
}
