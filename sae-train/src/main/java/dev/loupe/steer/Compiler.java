package dev.loupe.steer;

import dev.loupe.base.UsageException;
import dev.loupe.model.HookInfo;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.sae.LatentReader;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SaeNeeds;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** Resolves a variant against model, SAEs, indexes and vectors; refuses what could not be applied. */
final class Compiler {
    private final LanguageModel model;
    private final SteeringContext context;
    private final Map<Target, Place> places = new LinkedHashMap<>();
    private final Map<Target, List<CompiledEdit>> edits = new LinkedHashMap<>();
    private final List<String> words = new ArrayList<>();

    Compiler(LanguageModel model, SteeringContext context) {
        this.model = model;
        this.context = context;
    }

    /** Where a target lives and what one unit of it adds there. */
    private record Place(HookPoint hook, @Nullable LatentReader latent, int index, float @Nullable [] d, double norm) {}

    CompiledVariant compile(Variant variant) {
        variant.check();
        for (Edit e : variant.edits()) {
            add(e);
        }
        Map<HookPoint, List<Direction>> directions = new LinkedHashMap<>();
        edits.forEach((target, list) -> {
            Place at = place(target);
            directions
                    .computeIfAbsent(at.hook(), h -> new ArrayList<>())
                    .add(new Direction(target, at.latent(), at.index(), at.d(), at.norm(), List.copyOf(list)));
        });
        CompiledCondition when = condition(variant.when());
        if (when != null) {
            for (Condition.Test test : when.condition().tests()) {
                refuseLater(test, place(test.target()).hook(), directions);
            }
        }
        CompiledCondition stop = condition(variant.stopWhen());
        if (stop != null) {
            words.add("the text ends when " + variant.stopWhen());
        }
        return new CompiledVariant(model, directions, when, stop, words);
    }

    private @Nullable CompiledCondition condition(@Nullable String text) {
        if (text == null) {
            return null;
        }
        Condition condition = Condition.parse(text);
        Map<Condition.Test, Double> thresholds = new LinkedHashMap<>();
        Map<HookPoint, List<Gate.Probe>> probes = new LinkedHashMap<>();
        for (Condition.Test test : condition.tests()) {
            Place at = place(test.target());
            thresholds.put(test, test.max() ? test.number() * max(test.target()) : test.number());
            probes.computeIfAbsent(at.hook(), h -> new ArrayList<>())
                    .add(new Gate.Probe(test, at.latent(), at.index()));
        }
        return new CompiledCondition(condition, thresholds, probes);
    }

    private void add(Edit edit) {
        Target target = edit.target();
        Place at = place(target);
        EditOp op = EditOp.of(edit.op());
        double strength = edit.strength() == null ? 0 : edit.strength();
        Unit unit = edit.counted();
        String counted = "";
        if (op.hasUnit() && unit == Unit.MAX) {
            double max = max(target);
            counted = " " + number(strength) + " x its largest activation =";
            strength *= max;
        }
        boolean ofNorm = op.hasUnit() && unit == Unit.NORM;
        edits.computeIfAbsent(target, t -> new ArrayList<>())
                .add(new CompiledEdit(op, strength, ofNorm, edit.where(), edit.specials(), edit.over()));
        words.add(target + " at " + at.hook().name() + ": " + op.key() + counted
                + (op.needsStrength() ? " " + number(strength) + (ofNorm ? " x the size of the value there" : "") : "")
                + ", positions " + edit.positions() + (edit.specials() ? ", special tokens too" : "")
                + (edit.schedule() == null ? "" : ", " + edit.schedule()));
    }

    private double max(Target target) {
        Target.Feature f = (Target.Feature) target;
        OptionalDouble max = context.maxActivation(f.sae(), f.id());
        if (max.isEmpty()) {
            throw new UsageException("The strength of " + f + " is in multiples of its largest activation, which its"
                    + " feature index knows, and " + f.sae() + " has none: run loupe index " + f.sae()
                    + ", or give the unit absolute.");
        }
        if (!(max.getAsDouble() > 0)) {
            throw new UsageException(
                    "The latent " + f + " is never active in its index, so a multiple of its largest activation is 0;"
                            + " give the unit absolute.");
        }
        return max.getAsDouble();
    }

    private void refuseLater(Condition.Test test, HookPoint read, Map<HookPoint, List<Direction>> directions) {
        List<HookPoint> order = model.hooks().stream().map(HookInfo::hook).toList();
        for (HookPoint edited : directions.keySet()) {
            if (order.indexOf(read) > order.indexOf(edited)) {
                throw new UsageException("The condition on " + test.target() + " is read at " + read.name()
                        + ", which comes after the edit at " + edited.name()
                        + "; a condition must be known where it is used.");
            }
        }
    }

    private Place place(Target target) {
        Place known = places.get(target);
        if (known != null) {
            return known;
        }
        Place place = switch (target) {
            case Target.Feature f -> feature(f);
            case Target.Neuron n -> neuron(n);
            case Target.Vector v -> vector(v);
        };
        places.put(target, place);
        return place;
    }

    private Place feature(Target.Feature f) {
        Sae sae = context.sae(f.sae());
        if (f.id() >= sae.dSae()) {
            throw new UsageException(
                    "The SAE " + f.sae() + " has latents 0 to " + (sae.dSae() - 1) + ", not " + f.id() + ".");
        }
        SaeNeeds.check(sae, model);
        sae.requireSae("steer yet");
        HookInfo hook = model.hook(sae.hookName());
        if (hook.width() != sae.dIn()) {
            throw new UsageException("The SAE " + f.sae() + " reads " + sae.dIn() + " numbers, but " + hook.name()
                    + " of this model has " + hook.width() + "; it was trained on another model.");
        }
        float[] d = sae.decoderRows().row(f.id());
        return new Place(hook.hook(), sae.reader(f.id()), f.id(), d, nonZero(Direction.norm(d), f));
    }

    private Place neuron(Target.Neuron n) {
        if (n.layer() >= model.config().nLayers()) {
            throw new UsageException(
                    "The model has layers 0 to " + (model.config().nLayers() - 1) + ", not " + n.layer() + ".");
        }
        HookInfo hook = model.hook(HookPoint.mlpPost(n.layer()).name());
        if (n.index() >= hook.width()) {
            throw new UsageException(
                    "Layer " + n.layer() + " has neurons 0 to " + (hook.width() - 1) + ", not " + n.index() + ".");
        }
        return new Place(hook.hook(), null, n.index(), null, 1);
    }

    private Place vector(Target.Vector v) {
        SteeringVector saved = context.vector(v.name());
        HookInfo hook = model.hook(saved.hook());
        if (hook.width() != saved.values().length) {
            throw new UsageException("The vector " + v.name() + " has " + saved.values().length + " numbers, but "
                    + hook.name() + " of this model has " + hook.width() + "; it belongs to another model.");
        }
        return new Place(hook.hook(), null, -1, saved.values(), nonZero(Direction.norm(saved.values()), v));
    }

    private static double nonZero(double norm, Target target) {
        if (!(norm > 0) || Double.isInfinite(norm)) {
            throw new UsageException("The direction of the " + target + " has size " + norm + ", so it cannot steer.");
        }
        return norm;
    }

    private static String number(double v) {
        return String.format(Locale.ROOT, "%.4g", v);
    }
}
