package dev.loupe.service;

import dev.loupe.base.Progress;

/** Training. */
public final class Trainings {
    private final Workspace workspace;

    Trainings(Workspace workspace, Stores stores) {
        this.workspace = workspace;
    }

    Object run(TrainSpec spec, Progress progress) {
        throw new UnsupportedOperationException("SAEs cannot be trained yet in " + workspace.root() + spec + progress);
    }
}
