package dev.loupe.service;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Names;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.TaskExecutor;
import dev.loupe.base.UsageException;
import dev.loupe.capture.CaptureJob;
import dev.loupe.capture.CaptureRequest;
import dev.loupe.capture.CaptureResult;
import dev.loupe.cluster.Executors;
import dev.loupe.math.Matrix;
import dev.loupe.model.Tokenizer;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.DocumentTable;
import dev.loupe.store.RowReader;
import dev.loupe.store.StoreManifest;
import dev.loupe.store.TokenTable;
import dev.loupe.store.VerifyReport;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Activation stores: what there is, what is in it, whether it is whole, and capturing new ones. */
public final class Stores {
    private static final int SHOWN_VALUES = 4;

    private final Workspace workspace;
    private final Models models;
    private final Executors executors;

    Stores(Workspace workspace, Models models, Executors executors) {
        this.workspace = workspace;
        this.models = models;
        this.executors = executors;
    }

    /** Every store, by name. */
    public List<StoreView> list() {
        return Workspace.named(workspace.activations(), StoreManifest.FILE).stream()
                .map(this::view)
                .toList();
    }

    /**
     * One store.
     *
     * @throws NotFoundException if there is none of that name, listing those there are
     */
    public StoreView get(String name) {
        folder(name);
        return view(name);
    }

    /** The folder of a store, which must be there. */
    public Path folder(String name) {
        Path folder = workspace.activations().resolve(Names.check(name));
        if (!Files.isRegularFile(folder.resolve(StoreManifest.FILE))) {
            List<String> all = Workspace.named(workspace.activations(), StoreManifest.FILE);
            throw new NotFoundException("There is no activation store \"" + name + "\"; "
                    + (all.isEmpty()
                            ? "make one with loupe capture."
                            : "there " + (all.size() == 1 ? "is " : "are ") + String.join(", ", all) + "."));
        }
        return folder;
    }

    /** Opens a store; the caller closes it. */
    public ActivationStore open(String name) {
        return ActivationStore.open(folder(name));
    }

    /** The first rows of a store, with the text of their tokens and the first values of one hook point. */
    public List<StoreRow> head(String name, int rows) {
        try (ActivationStore store = open(name);
                Arena arena = Arena.ofConfined()) {
            int n = (int) Math.min(rows, store.rows());
            String hook = store.hooks().get(0);
            RowReader reader = store.reader(hook);
            Matrix values = Matrix.allocate(arena, n, store.width(hook));
            reader.read(0, n, values);
            Tokenizer tokenizer = tokenizer(store);
            TokenTable tokens = store.tokens();
            DocumentTable documents = store.documents();
            List<StoreRow> head = new ArrayList<>();
            for (int r = 0; r < n; r++) {
                int document = tokens.document(r);
                float[] row = values.row(r);
                head.add(new StoreRow(
                        r,
                        tokens.tokenId(r),
                        tokenizer == null || tokens.tokenId(r) < 0 ? "" : tokenizer.token(tokens.tokenId(r)),
                        tokens.sequence(r),
                        tokens.position(r),
                        documents.name(document),
                        documents.label(document),
                        documents.heldOut(document),
                        Arrays.copyOf(row, Math.min(SHOWN_VALUES, row.length))));
            }
            return head;
        }
    }

    /** The tokenizer of a store's model; null where an imported store does not know its model. */
    private @Nullable Tokenizer tokenizer(ActivationStore store) {
        StoreManifest.Model model = store.manifest().content().model();
        return model.weightsChecksum().equals("unknown")
                ? null
                : models.open(model.id()).tokenizer();
    }

    /** Compares every byte of a store with its checksum. */
    public VerifyReport verify(String name, Progress progress) {
        try (ActivationStore store = open(name)) {
            return store.verify(progress);
        }
    }

    /** Joining, dividing, repairing and deleting. */
    public StoreCare care() {
        return new StoreCare(workspace, this, models);
    }

    /** Captures a store, or continues an interrupted capture. */
    public CaptureResult capture(CaptureRequest asked, Progress progress) {
        checkName(asked.name());
        CaptureRequest request = asked.withModel(models.elsewhere(asked.model(), executors));
        models.fetch(request.model(), progress);
        try (Executors.Claim claim = executors.claim(List.of(request.folder()), progress)) {
            executors.fetch(request.folder(), progress);
            TaskExecutor executor = executors.get(
                    progress, models.weightBytes(request.model())); // a cluster starts while the model is opened
            CaptureResult result = CaptureJob.run(request, models.open(request.model()), executor, progress);
            executors.keep(request.folder(), progress);
            return result;
        }
    }

    /** Refuses names that no store can have. */
    static String checkName(String name) {
        if (name.equals(TrainSpec.NO_STORE)) {
            throw new UsageException(
                    "A store cannot have the name \"none\", which stands for training without one; choose another name.");
        }
        return Names.check(name);
    }

    private StoreView view(String name) {
        Path folder = workspace.activations().resolve(name);
        Path manifest = folder.resolve(StoreManifest.FILE);
        Instant created;
        try {
            created = Files.getLastModifiedTime(manifest).toInstant();
        } catch (IOException e) {
            created = Instant.EPOCH;
        }
        try {
            StoreManifest.Content c = StoreManifest.read(folder).content();
            long bytes = c.documentsFile().bytes();
            for (StoreManifest.Shard s : c.shards()) {
                bytes += s.files().values().stream()
                        .mapToLong(StoreManifest.DataFile::bytes)
                        .sum();
            }
            List<StoreView.Hook> hooks = new ArrayList<>();
            c.hooks().forEach((hook, h) -> hooks.add(StoreView.Hook.of(hook, h)));
            return new StoreView(
                    name,
                    c.model().id(),
                    hooks,
                    c.tokens(),
                    c.trainTokens(),
                    c.heldOutTokens(),
                    c.sequences(),
                    c.documents(),
                    c.sequence().context(),
                    c.sequence().prependBos(),
                    c.corpus().spec(),
                    c.corpus().heldOut(),
                    bytes,
                    created,
                    null);
        } catch (LoupeException e) {
            return new StoreView(name, "", List.of(), 0, 0, 0, 0, 0, 0, false, "", "", 0, created, e.getMessage());
        }
    }
}
