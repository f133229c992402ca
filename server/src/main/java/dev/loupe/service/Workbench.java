package dev.loupe.service;

import dev.loupe.cluster.Executors;
import dev.loupe.train.TrainDevice;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Every use case of one workspace, one object each. Cheap to make: models, stores, SAEs and indexes are opened when
 * they are first needed and then kept. Safe for use from several threads.
 */
public final class Workbench implements AutoCloseable {
    private static final String LABEL_KEY = "LOUPE_LABEL_KEY";

    private final Workspace workspace;
    private final Settings settings;
    private final Models models;
    private final Stores stores;
    private final Saes saes;
    private final SaeExchange exchange;
    private final Features features;
    private final FeatureSearch search;
    private final Inspections inspections;
    private final Notes notes;
    private final FeatureExchange featureExchange;
    private final Notebooks notebooks;
    private final ProseLabels prose;
    private final CloseUps closeUps;
    private final Pictures pictures;
    private final Evaluations evaluations;
    private final Comparisons comparisons;
    private final Counterparts counterparts;
    private final Alignments alignments;
    private final Patches patches;
    private final Diagnoses diagnoses;
    private final Circuits circuits;
    private final Graphs graphs;
    private final Steerings steerings;
    private final SteeredChats chats;
    private final LanguageTrials languages;
    private final SteeringFinder finder;
    private final Trainings trainings;
    private final SeedExperiments seeds;
    private final Sweeps sweeps;
    private final RandomControl control;
    private final Controls controls;
    private final Jobs jobs;
    private final Executors executors;

    /** A workbench over a workspace. */
    public Workbench(Workspace workspace, Settings settings) {
        this(workspace, settings, System.getenv());
    }

    /** The same with other environment variables. */
    public Workbench(Workspace workspace, Settings settings, Map<String, String> environment) {
        this(workspace, settings, environment.get(LABEL_KEY), environment);
    }

    /** The same with the key of the service for labels, which stands in no setting. */
    Workbench(Workspace workspace, Settings settings, @Nullable String labelKey) {
        this(workspace, settings, labelKey, System.getenv());
    }

    private Workbench(
            Workspace workspace, Settings settings, @Nullable String labelKey, Map<String, String> environment) {
        this.workspace = workspace;
        this.settings = settings;
        TrainDevice.use(settings.device().cuda());
        this.models = new Models(workspace, settings.number(Settings.Key.THREADS), settings.device());
        this.executors = new Executors(
                settings.get(Settings.Key.ON),
                settings.get(Settings.Key.SPARK_CONF),
                settings.get(Settings.Key.ARCHIVE),
                settings.get(Settings.Key.STORAGE),
                workspace.root(),
                environment);
        this.stores = new Stores(workspace, models, executors);
        this.saes = new Saes(workspace);
        this.exchange = new SaeExchange(workspace, saes);
        this.comparisons = new Comparisons(workspace, stores, saes, executors);
        this.features = new Features(workspace, models, stores, saes, comparisons, executors);
        this.notes = new Notes(workspace, saes);
        this.search = new FeatureSearch(workspace, saes, models, features, notes);
        this.inspections = new Inspections(models, saes, features);
        this.pictures = new Pictures(workspace, saes);
        this.evaluations = new Evaluations(workspace, models, stores, saes, executors);
        this.featureExchange = new FeatureExchange(models, saes, features, notes);
        this.prose = new ProseLabels(features, notes, chat(settings, labelKey));
        this.notebooks = new Notebooks(models, saes, features);
        this.counterparts = new Counterparts(workspace, saes, comparisons, features);
        this.alignments = new Alignments(saes, models, stores, features);
        this.closeUps = new CloseUps(models, stores, saes, features, counterparts);
        this.patches = new Patches(workspace, models, saes);
        this.diagnoses = new Diagnoses(workspace, models, stores, saes);
        this.circuits = new Circuits(workspace, models, saes);
        this.graphs = new Graphs(workspace, models, saes, features);
        this.steerings = new Steerings(workspace, models, saes, features);
        this.chats = new SteeredChats(models, steerings);
        this.finder = new SteeringFinder(workspace, models, saes);
        this.languages = new LanguageTrials(workspace, models, saes);
        this.trainings = new Trainings(workspace, stores, models, executors);
        this.seeds = new SeedExperiments(workspace, stores, saes, trainings, comparisons);
        this.sweeps = new Sweeps(workspace, stores, trainings, evaluations, executors);
        this.control = new RandomControl(workspace, models, stores, saes, sweeps, evaluations);
        this.controls = new Controls(workspace, features, control);
        this.jobs = new Jobs(workspace, settings.get(Settings.Key.DEVICE), settings.number(Settings.Key.MAX_JOBS));
    }

    /** The folder. */
    public Workspace workspace() {
        return workspace;
    }

    /** The settings. */
    public Settings settings() {
        return settings;
    }

    /** Where long work is done. */
    public Executors executors() {
        return executors;
    }

    /** Language models and their hook points. */
    public Models models() {
        return models;
    }

    /** Activation stores and capturing them. */
    public Stores stores() {
        return stores;
    }

    /** SAEs. */
    public Saes saes() {
        return saes;
    }

    /** SAEs from and to other libraries. */
    public SaeExchange exchange() {
        return exchange;
    }

    /** Finding what to steer by. */
    public SteeringFinder finder() {
        return finder;
    }

    /** Conversations with a model as it is and under edits. */
    public SteeredChats chats() {
        return chats;
    }

    /** Trials of language steering. */
    public LanguageTrials languages() {
        return languages;
    }

    /** Training SAEs. */
    public Trainings training() {
        return trainings;
    }

    /** Features: lists, pages, search, and what they do on a text. */
    public Features features() {
        return features;
    }

    /** Ways to find features. */
    public FeatureSearch search() {
        return search;
    }

    /** Looking into a model on one text. */
    public Inspections inspect() {
        return inspections;
    }

    /** What a feature's page shows beyond its index. */
    public CloseUps closeUps() {
        return closeUps;
    }

    /** What the overview pictures of an SAE are drawn from. */
    public Pictures pictures() {
        return pictures;
    }

    /** Notes on features, lists of them, and explanations. */
    public Notes notes() {
        return notes;
    }

    /** Features for other programs. */
    public FeatureExchange featureExchange() {
        return featureExchange;
    }

    /** The service that the settings name for labels in prose; null for none. */
    static @Nullable ChatService chat(Settings settings, @Nullable String key) {
        String url = settings.get(Settings.Key.LABEL_URL);
        return url.isBlank()
                ? null
                : new ChatService(
                        url,
                        settings.get(Settings.Key.LABEL_MODEL),
                        key == null || key.isBlank() ? null : key,
                        settings.flag(Settings.Key.LABEL_PRIVATE));
    }

    /** Labels in prose, where a service for them is set. */
    public ProseLabels prose() {
        return prose;
    }

    /** Arrays for notebooks. */
    public Notebooks notebooks() {
        return notebooks;
    }

    /** Report cards of SAEs. */
    public Evaluations evaluations() {
        return evaluations;
    }

    /** Comparing SAEs. */
    public Comparisons compare() {
        return comparisons;
    }

    /** Experiments on seeds. */
    public SeedExperiments seeds() {
        return seeds;
    }

    /** The same recipe on a random copy of the model. */
    public RandomControl control() {
        return control;
    }

    /** Many SAEs trained together. */
    public Sweeps sweeps() {
        return sweeps;
    }

    /** What is found in a model that never learned anything. */
    public Controls controls() {
        return controls;
    }

    /** Where a latent is found again in other SAEs. */
    public Counterparts counterparts() {
        return counterparts;
    }

    /** Which neurons latents lie along. */
    public Alignments alignments() {
        return alignments;
    }

    /** Circuits. */
    public Circuits circuits() {
        return circuits;
    }

    /** Attribution graphs. */
    public Graphs graphs() {
        return graphs;
    }

    /** Patching. */
    public Patches patch() {
        return patches;
    }

    /** Diagnostics from the literature. */
    public Diagnoses diagnose() {
        return diagnoses;
    }

    /** Steering and saved variants. */
    public Steerings steer() {
        return steerings;
    }

    /** An SAE with its report. */
    public SaeRow saeRow(String name) {
        return SaeRow.of(saes.get(name), evaluations);
    }

    /** All SAEs with their reports. */
    public List<SaeRow> saeRows() {
        return saes.list().stream().map(s -> SaeRow.of(s, evaluations)).toList();
    }

    /** Everything at one look. */
    public Overview overview() {
        return new Overview(models.list(), stores.list(), saeRows(), comparisons.list(), sweeps.list(), jobs.list());
    }

    /** Jobs: those running and those that ran. */
    public Jobs jobs() {
        return jobs;
    }

    @Override
    public void close() {
        jobs.close();
        executors.close();
        models.close();
    }
}
