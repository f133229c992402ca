package dev.loupe.compare;

import dev.loupe.base.UsageException;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeDirections;
import dev.loupe.sae.SaeProvenance;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Whether cosines between two SAEs mean anything, and what the figures depend on. */
public final class Comparability {
    private Comparability() {}

    /**
     * Refuses SAEs of different places, whose directions lie in different spaces.
     *
     * @param across allows other hook points and models, for instance to follow a feature through layers
     * @throws UsageException saying what differs
     */
    public static void check(Sae a, Sae b, boolean across) {
        check(SaeDirections.of(a), SaeDirections.of(b), across);
    }

    /** The same of directions. */
    public static void check(SaeDirections a, SaeDirections b, boolean across) {
        checkWidths(a, b);
        if (across) {
            return;
        }
        differ("hook points", a, a.hookName(), b, b.hookName());
        differ("models", a, a.modelId(), b, b.modelId());
    }

    private static void differ(String what, SaeDirections a, String x, SaeDirections b, String y) {
        if (!x.isEmpty() && !y.isEmpty() && !x.equals(y)) {
            throw new UsageException("The SAEs " + a.name() + " and " + b.name() + " were trained on different " + what
                    + " ("
                    + x + " and " + y + "): their directions lie in different spaces. Add --across if you want to"
                    + " compare them all the same.");
        }
    }

    static void checkWidths(SaeDirections a, SaeDirections b) {
        if (a.dIn() != b.dIn() || a.dOut() != b.dOut()) {
            throw new UsageException("The SAEs " + a.name() + " and " + b.name() + " cannot be compared: one reads "
                    + a.dIn() + " and writes " + a.dOut() + " values per token, the other " + b.dIn() + " and "
                    + b.dOut() + ".");
        }
    }

    /** Facts that bear on what the figures mean; a seed comparison means equal data in equal order. */
    static List<String> notes(SaeDirections one, SaeDirections other) {
        List<String> notes = new ArrayList<>();
        SaeProvenance a = one.provenance();
        SaeProvenance b = other.provenance();
        if (one.name().equals(other.name())) {
            notes.add("one SAE with itself");
        } else if (a.storeFingerprint() == null || b.storeFingerprint() == null) {
            notes.add("training data of at least one SAE unknown");
        } else {
            boolean sameData = a.storeFingerprint().equals(b.storeFingerprint());
            boolean sameHook = Objects.equals(a.hook(), b.hook());
            notes.add(!sameHook ? "different hook points" : sameData ? "same activations" : "different activations");
            if (sameData && sameHook) {
                notes.add(
                        a.dataSeed() == b.dataSeed() && a.batch() == b.batch()
                                ? "same data order"
                                : "other data order");
            }
            notes.add(a.seed() == b.seed() ? "same seed of the initial weights" : "other initial weights");
            if (!Objects.equals(a.architecture(), b.architecture())) {
                notes.add("different architectures");
            }
            if (a.tokens() != b.tokens()) {
                notes.add("different training lengths");
            }
            if (!Objects.equals(a.inputScaleConvention(), b.inputScaleConvention())) {
                notes.add("inputs scaled differently in training");
            }
            if (a.modelChecksum() != null
                    && b.modelChecksum() != null
                    && !a.modelChecksum().equals(b.modelChecksum())) {
                notes.add("different model weights or tokenizers");
            }
        }
        dead(one, notes);
        if (!one.name().equals(other.name())) {
            dead(other, notes);
        }
        return notes;
    }

    /** Rows without a direction can match nothing. */
    private static void dead(SaeDirections sae, List<String> notes) {
        int dead = 0;
        int n = sae.dSae();
        UnitRows decoder = UnitRows.of(sae.decoderRows());
        UnitRows encoder = UnitRows.of(sae.encoderRows());
        boolean notANumber = false;
        for (int i = 0; i < n; i++) {
            if (decoder.dead(i) || encoder.dead(i)) {
                dead++;
                notANumber |= !finite(sae.decoderRows(), i) || !finite(sae.encoderRows(), i);
            }
        }
        if (dead > 0) {
            notes.add((dead == n ? "all " : "") + dead + " latents of " + sae.name() + " have a row of "
                    + (notANumber ? "zeros, NaN or infinities" : "zeros") + " and match nothing");
        }
    }

    private static boolean finite(Matrix rows, int i) {
        for (float x : rows.row(i)) {
            if (!Float.isFinite(x)) {
                return false;
            }
        }
        return true;
    }
}
