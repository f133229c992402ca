package dev.loupe.feature;

import dev.loupe.store.TokenTable;
import java.util.Arrays;

/** One latent over a {@link RuleText}: its activation at every place. Memory is lent by the thread and cleared behind it. */
final class LatentText implements AutoCloseable {
    private final RuleText text;
    private final float[] values;
    private final int[] places;
    private final int[] trainPlaces;
    private int trainFired;
    private int heldOutFired;
    private double trainSum;
    private double heldOutSum;
    private double heldOutSquares;

    /**
     * @param values of every place, all 0
     */
    LatentText(RuleText text, CodeSpool.Firings firings, TokenTable tokens, float[] values) {
        this.text = text;
        this.values = values;
        int[] found = new int[firings.rows().length];
        int[] heldOut = new int[found.length];
        for (int e = 0; e < found.length; e++) {
            long row = firings.rows()[e];
            int place = text.place(row, tokens.sequence(row));
            if (place < 0) {
                continue;
            }
            float v = firings.values()[e];
            values[place] = v;
            if (text.isHeldOut(place)) {
                heldOut[heldOutFired++] = place;
                heldOutSum += v;
                heldOutSquares += (double) v * v;
            } else {
                found[trainFired++] = place;
                trainSum += v;
            }
        }
        places = Arrays.copyOf(found, trainFired + heldOutFired);
        System.arraycopy(heldOut, 0, places, trainFired, heldOutFired);
        trainPlaces = Arrays.copyOf(places, trainFired);
    }

    RuleText text() {
        return text;
    }

    /** The activation at a place, 0 where it is not active. */
    float value(int place) {
        return values[place];
    }

    /** All places on which it fires, those of training documents first; not to be changed. */
    int[] places() {
        return places;
    }

    /** Places in training documents on which it fires, ascending; not to be changed. */
    int[] trainPlaces() {
        return trainPlaces;
    }

    double trainSum() {
        return trainSum;
    }

    int heldOutFired() {
        return heldOutFired;
    }

    double heldOutSum() {
        return heldOutSum;
    }

    double heldOutSquares() {
        return heldOutSquares;
    }

    @Override
    public void close() {
        for (int p : places) {
            values[p] = 0;
        }
    }
}
