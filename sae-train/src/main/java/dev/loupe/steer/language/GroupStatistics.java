package dev.loupe.steer.language;

import dev.loupe.base.UsageException;
import java.util.List;

/**
 * How units (neurons of an MLP, latents of an SAE, or plain dimensions) behave in groups of tokens, such as languages: how
 * often each is above 0 and what it is on average. Used by one thread.
 */
public final class GroupStatistics {
    private final List<String> groups;
    private final int units;
    private final long[] tokens;
    private final long[][] active; // [group][unit]
    private final double[][] sum;

    /** Nothing counted yet. */
    public GroupStatistics(List<String> groups, int units) {
        if (groups.isEmpty() || units < 1) {
            throw new IllegalArgumentException(groups.size() + " groups, " + units + " units");
        }
        this.groups = List.copyOf(groups);
        this.units = units;
        this.tokens = new long[groups.size()];
        this.active = new long[groups.size()][units];
        this.sum = new double[groups.size()][units];
    }

    /** The groups, in order. */
    public List<String> groups() {
        return groups;
    }

    /** Number of units. */
    public int units() {
        return units;
    }

    /** The number of a group. */
    public int group(String name) {
        int g = groups.indexOf(name);
        if (g < 0) {
            throw new UsageException("There is no group " + name + "; there are " + String.join(", ", groups) + ".");
        }
        return g;
    }

    /** Counts one token of a group; its units follow by {@link #add}. */
    public void token(int group) {
        tokens[group]++;
    }

    /**
     * One unit at the token that was counted last; units that are left out are 0 there.
     *
     * @param gate what decides whether it is active (above 0)
     * @param value what is averaged
     */
    public void add(int group, int unit, float gate, float value) {
        active[group][unit] += gate > 0 ? 1 : 0;
        sum[group][unit] += value;
    }

    /** Tokens of a group. */
    public long tokens(int group) {
        return tokens[group];
    }

    /** Share of the tokens of a group at which a unit is active; 0 without tokens. */
    public double rate(int group, int unit) {
        return tokens[group] == 0 ? 0 : (double) active[group][unit] / tokens[group];
    }

    /** The mean of a unit over all tokens of a group; 0 without tokens. */
    public double mean(int group, int unit) {
        return tokens[group] == 0 ? 0 : sum[group][unit] / tokens[group];
    }

    /** The means of all units in a group. */
    public float[] means(int group) {
        float[] m = new float[units];
        for (int i = 0; i < units; i++) {
            m[i] = (float) mean(group, i);
        }
        return m;
    }

    /** The mean in one group minus that in another: a difference-of-means direction. */
    public float[] difference(int group, int other) {
        float[] m = new float[units];
        for (int i = 0; i < units; i++) {
            m[i] = (float) (mean(group, i) - mean(other, i));
        }
        return m;
    }
}
