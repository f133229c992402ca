package dev.loupe.service;

/**
 * Every use case of one workspace, one object each. Cheap to make: models, stores, SAEs and indexes are opened when
 * they are first needed and then kept. Safe for use from several threads.
 */
public final class Workbench implements AutoCloseable {
    private final Workspace workspace;
    private final Settings settings;
    private final Models models;
    private final Jobs jobs;

    /** A workbench over a workspace. */
    public Workbench(Workspace workspace, Settings settings) {
        this.workspace = workspace;
        this.settings = settings;
        this.models = new Models(workspace, settings.number(Settings.Key.THREADS));
        this.jobs = new Jobs(workspace);
    }

    /** The folder. */
    public Workspace workspace() {
        return workspace;
    }

    /** The settings. */
    public Settings settings() {
        return settings;
    }

    /** Language models and their hook points. */
    public Models models() {
        return models;
    }

    /** Jobs: those running and those that ran. */
    public Jobs jobs() {
        return jobs;
    }

    @Override
    public void close() {
        models.close();
    }
}
