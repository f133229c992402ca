package dev.loupe.service;

import dev.loupe.base.Progress;
import dev.loupe.feature.FeatureGroup;
import dev.loupe.feature.FeatureIndex;
import java.util.ArrayList;
import java.util.List;

/** The built-in lists of an SAE beside those of its {@link RandomControl random-model control}. */
public final class Controls {
    private final Workspace workspace;
    private final Features features;
    private final RandomControl control;

    Controls(Workspace workspace, Features features, RandomControl control) {
        this.workspace = workspace;
        this.features = features;
        this.control = control;
    }

    /** Makes the control of an SAE and its index; what is there already is kept. */
    public void make(String sae, Progress progress) {
        features.build(control.run(sae, progress).sae(), progress);
    }

    /** The built-in lists of an SAE with how long each is, beside its control's. */
    public List<GroupCount> groups(String sae) {
        FeatureIndex index = features.index(sae);
        String name = control.find(sae).orElse(RandomControl.name(sae));
        FeatureIndex other = Features.indexed(workspace, name) ? features.index(name) : null;
        List<GroupCount> all = new ArrayList<>();
        for (FeatureGroup g : FeatureGroup.values()) {
            int count = count(index, g);
            int theirs = other == null ? 0 : count(other, g);
            all.add(new GroupCount(
                    g.key(),
                    g.title(),
                    g.meaning(),
                    count,
                    share(count, index),
                    other == null ? null : Integer.valueOf(theirs),
                    other == null ? null : Double.valueOf(share(theirs, other))));
        }
        return all;
    }

    private static int count(FeatureIndex index, FeatureGroup group) {
        return (int) index.all().stream().filter(group::holds).count();
    }

    private static double share(int count, FeatureIndex index) {
        long alive = index.all().stream().filter(f -> !f.dead()).count();
        return alive == 0 ? 0 : (double) count / alive;
    }
}
