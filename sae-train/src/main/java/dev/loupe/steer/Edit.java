package dev.loupe.steer;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.loupe.base.UsageException;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One change of one latent, neuron or vector, as it stands in JSON. Exactly one of feature, neuron and vector is
 * given. Values are checked when they are used, with a sentence that names the edit.
 *
 * @param feature {@code SAE:ID}
 * @param neuron {@code LAYER:INDEX}
 * @param vector name of a saved vector
 * @param op add, set, scale, ablate, cap or project; see {@link EditOp}
 * @param strength how much; a factor for scale; none for ablate and project
 * @param unit max (default for features), norm or absolute (default for neurons and vectors); see {@link Unit}
 * @param positions all (default), prompt, generated or A-B
 * @param specials whether special tokens (BOS, EOS, ...) are edited too; default false
 * @param schedule how much of the edit there is as the text goes on (see {@link Schedule}); null for all of it always
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Edit(
        @Nullable String feature,
        @Nullable String neuron,
        @Nullable String vector,
        String op,
        @Nullable Double strength,
        @Nullable String unit,
        String positions,
        boolean specials,
        @Nullable String schedule) {
    static final Set<String> KNOWN =
            Set.of("feature", "neuron", "vector", "op", "strength", "unit", "positions", "specials", "schedule");

    /** Fills in defaults. */
    @SuppressWarnings({"ConstantValue", "NullAway"}) // JSON leaves absent fields null, whatever the types say
    public Edit {
        op = op == null ? "" : op;
        positions = positions == null ? "all" : positions;
    }

    /** An edit without a schedule. */
    public Edit(
            @Nullable String feature,
            @Nullable String neuron,
            @Nullable String vector,
            String op,
            @Nullable Double strength,
            @Nullable String unit,
            String positions,
            boolean specials) {
        this(feature, neuron, vector, op, strength, unit, positions, specials, null);
    }

    /** An edit of a latent at all positions, strength in multiples of its largest activation. */
    public static Edit feature(String sae, int id, EditOp op, @Nullable Double strength) {
        return new Edit(sae + ":" + id, null, null, op.key(), strength, null, "all", false);
    }

    /** An edit of a neuron at all positions. */
    public static Edit neuron(int layer, int index, EditOp op, @Nullable Double strength) {
        return new Edit(null, layer + ":" + index, null, op.key(), strength, null, "all", false);
    }

    /** An edit along a saved vector at all positions. */
    public static Edit vector(String name, EditOp op, @Nullable Double strength) {
        return new Edit(null, null, name, op.key(), strength, null, "all", false);
    }

    /** The same edit with its strength in another unit. */
    public Edit withUnit(Unit u) {
        return new Edit(feature, neuron, vector, op, strength, u.key(), positions, specials, schedule);
    }

    /** The same edit at other positions. */
    public Edit withPositions(String p) {
        return new Edit(feature, neuron, vector, op, strength, unit, p, specials, schedule);
    }

    /** The same edit, touching special tokens too or not. */
    public Edit withSpecials(boolean s) {
        return new Edit(feature, neuron, vector, op, strength, unit, positions, s, schedule);
    }

    /** The same edit with another strength. */
    public Edit withStrength(double s) {
        return new Edit(feature, neuron, vector, op, s, unit, positions, specials, schedule);
    }

    /** The same edit growing or fading as the text goes on. */
    public Edit withSchedule(@Nullable String rule) {
        return new Edit(feature, neuron, vector, op, strength, unit, positions, specials, rule);
    }

    /**
     * Reads the command line's form: {@code SAE:ID:OP[:STRENGTH[:UNIT[:POSITIONS]]]}, or the same after
     * {@code neuron:LAYER:INDEX} or {@code vector:NAME}.
     *
     * @throws UsageException if it is not of that form
     */
    public static Edit parse(String text) {
        List<String> parts = Arrays.asList(text.split(":", -1));
        int head = parts.get(0).equals("neuron") ? 3 : 2;
        if (parts.size() <= head || parts.size() > head + 4) {
            throw new UsageException("The edit \"" + text + "\" is not of the form SAE:ID:OP[:STRENGTH[:UNIT"
                    + "[:POSITIONS]]] (or neuron:LAYER:INDEX:OP..., vector:NAME:OP...); for example topk-s0:12:add:4.");
        }
        Double strength = null;
        if (parts.size() > head + 1 && !parts.get(head + 1).isEmpty()) {
            try {
                strength = Double.valueOf(parts.get(head + 1));
            } catch (NumberFormatException e) {
                throw new UsageException(
                        "The strength \"" + parts.get(head + 1) + "\" of the edit \"" + text + "\" is not a number.");
            }
        }
        String unit = parts.size() > head + 2 && !parts.get(head + 2).isEmpty() ? parts.get(head + 2) : null;
        String positions = parts.size() > head + 3 ? parts.get(head + 3) : "all";
        String first = parts.get(0) + ":" + parts.get(1);
        Edit edit = switch (parts.get(0)) {
            case "neuron" ->
                new Edit(
                        null,
                        parts.get(1) + ":" + parts.get(2),
                        null,
                        parts.get(head),
                        strength,
                        unit,
                        positions,
                        false);
            case "vector" -> new Edit(null, null, parts.get(1), parts.get(head), strength, unit, positions, false);
            default -> new Edit(first, null, null, parts.get(head), strength, unit, positions, false);
        };
        edit.check();
        return edit;
    }

    /**
     * Checks everything that needs neither model nor SAE.
     *
     * @throws UsageException in one sentence
     */
    public void check() {
        Target target = target();
        EditOp o = EditOp.of(op);
        if (o.needsStrength() && strength == null) {
            throw new UsageException("The edit of " + target + " needs a strength for " + op + ".");
        }
        if (!o.needsStrength() && strength != null) {
            throw new UsageException("The edit of " + target + ": " + op + " takes no strength.");
        }
        if (strength != null && !Double.isFinite(strength)) {
            throw new UsageException("The strength of the edit of " + target + " is not a finite number.");
        }
        if (unit != null && !o.hasUnit()) {
            throw new UsageException("The edit of " + target + ": " + op + " takes no unit.");
        }
        if (counted() == Unit.MAX && o.hasUnit() && !(target instanceof Target.Feature)) {
            throw new UsageException("The unit max is for features only (from their index); give the strength of "
                    + target + " as absolute or norm.");
        }
        where();
        over();
    }

    /** What is edited. */
    @JsonIgnore
    Target target() {
        int given = (feature == null ? 0 : 1) + (neuron == null ? 0 : 1) + (vector == null ? 0 : 1);
        if (given != 1) {
            throw new UsageException("An edit names exactly one of feature, neuron and vector; this one names "
                    + (given == 0 ? "none." : given + "."));
        }
        if (feature != null) {
            return Target.feature(feature);
        }
        return neuron != null ? Target.neuron(neuron) : new Target.Vector(String.valueOf(vector));
    }

    /** The unit of the strength. */
    @JsonIgnore
    Unit counted() {
        if (unit != null) {
            return Unit.of(unit);
        }
        return feature != null ? Unit.MAX : Unit.ABSOLUTE;
    }

    @JsonIgnore
    Schedule over() {
        return schedule == null ? Schedule.CONSTANT : Schedule.parse(schedule);
    }

    @JsonIgnore
    Positions where() {
        return Positions.parse(positions);
    }
}
