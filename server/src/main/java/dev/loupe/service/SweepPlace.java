package dev.loupe.service;

import dev.loupe.base.Nearest;
import dev.loupe.base.UsageException;
import dev.loupe.sae.TranscoderSet;
import dev.loupe.train.Places;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One of the places of a sweep. SAEs at several hook points carry its name, NAME.HOOK.ARCH-...; transcoders over several
 * layers are the layers of a transcoder set, NAME.ARCH-...-l0, -l1 and so on.
 *
 * @param hook the hook point
 * @param hookOut the one that a transcoder reconstructs; empty for SAEs
 * @param layer which of several it is; -1 if there is one
 */
record SweepPlace(String hook, String hookOut, int layer) {
    /**
     * The places of a sweep, in the order of the layers.
     *
     * @param known the hook points that there are
     * @throws UsageException if they do not fit together, or none fits a pattern
     */
    static List<SweepPlace> of(@Nullable String hook, @Nullable String hookOut, List<String> known) {
        if (hook == null) {
            throw new UsageException(
                    "There are several hook points: choose with hook, as one name, a list, or a pattern"
                            + " such as blocks.*.hook_resid_post; there are " + String.join(", ", known) + ".");
        }
        if (hookOut != null && Places.crossLayer(hookOut)) {
            throw new UsageException(
                    "A sweep trains SAEs and transcoders; cross-layer transcoders (*+) are trained with"
                            + " loupe train.");
        }
        List<String> in = Places.of(hook, known);
        List<String> out = hookOut == null ? List.of() : Places.of(hookOut, known);
        for (String h : Stream.concat(in.stream(), out.stream()).toList()) {
            if (!known.contains(h)) {
                throw new UsageException(
                        "There is no hook point " + h + " here; did you mean " + Nearest.to(h, known) + "?");
            }
        }
        if (hookOut != null && in.size() != out.size()) {
            throw new UsageException("Of the hook points, " + in.size() + " are read and " + out.size()
                    + " reconstructed: each transcoder needs one of either.");
        }
        List<SweepPlace> places = new ArrayList<>();
        for (int i = 0; i < in.size(); i++) {
            places.add(new SweepPlace(in.get(i), hookOut == null ? "" : out.get(i), in.size() == 1 ? -1 : i));
        }
        return places;
    }

    /** The name of an SAE here. */
    String name(String sweep, String rest) {
        return layer < 0
                ? sweep + "." + rest
                : hookOut.isEmpty() ? sweep + "." + hook + "." + rest : TranscoderSet.nameOf(sweep + "." + rest, layer);
    }
}
