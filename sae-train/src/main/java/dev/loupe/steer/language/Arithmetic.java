package dev.loupe.steer.language;

import dev.loupe.steer.Edit;
import dev.loupe.steer.EditOp;
import dev.loupe.steer.Unit;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;

/**
 * Arithmetic with the units of groups ("Language Arithmetics", arXiv 2507.22608): edits that bring one group in and others
 * out. All strengths are absolute.
 *
 * @param statistics of the units
 * @param specific which units belong to which group
 * @param edit names a unit in an edit without operation: a latent of an SAE or a neuron
 */
public record Arithmetic(GroupStatistics statistics, Lape specific, IntFunction<Edit> edit) {
    /** Latents of an SAE. */
    public static Arithmetic latents(GroupStatistics s, Lape specific, String sae) {
        return new Arithmetic(s, specific, u -> Edit.feature(sae, u, EditOp.ADD, 0.0));
    }

    /** Neurons, numbered layer by layer. */
    public static Arithmetic neurons(GroupStatistics s, Lape specific, int perLayer) {
        return new Arithmetic(s, specific, u -> Edit.neuron(u / perLayer, u % perLayer, EditOp.ADD, 0.0));
    }

    /** a += s · mean of the group: the paper's best one. */
    public List<Edit> add(int group, double s, int most) {
        return members(group, most).stream()
                .map(u -> edit(u, EditOp.ADD, s * statistics.mean(group, u)))
                .toList();
    }

    /** a = s · mean of the group. */
    public List<Edit> replace(int group, double s, int most) {
        return members(group, most).stream()
                .map(u -> edit(u, EditOp.SET, s * statistics.mean(group, u)))
                .toList();
    }

    /** a += s · (mean of the group − mean of the other), over the units of both. */
    public List<Edit> difference(int group, int other, double s, int most) {
        Set<Integer> units = new LinkedHashSet<>(members(group, most));
        units.addAll(members(other, most));
        List<Edit> edits = new ArrayList<>();
        for (int u : units) {
            edits.add(edit(u, EditOp.ADD, s * (statistics.mean(group, u) - statistics.mean(other, u))));
        }
        return List.copyOf(edits);
    }

    /** a = value, which is 0 or below it (the paper tries −2.5). */
    public List<Edit> deactivate(int group, double value, int most) {
        return members(group, most).stream()
                .map(u -> edit(u, EditOp.SET, value))
                .toList();
    }

    private List<Integer> members(int group, int most) {
        return specific.members().get(group).stream().limit(most).toList();
    }

    private Edit edit(int unit, EditOp op, double strength) {
        Edit e = edit.apply(unit);
        return new Edit(e.feature(), e.neuron(), e.vector(), op.key(), strength, Unit.ABSOLUTE.key(), "all", false);
    }
}
