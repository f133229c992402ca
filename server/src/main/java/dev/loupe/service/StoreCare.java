package dev.loupe.service;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.AtomicFiles;
import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.capture.Recapture;
import dev.loupe.capture.StoreImport;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.ParquetExport;
import dev.loupe.store.StoreCopy;
import dev.loupe.store.StoreDamage;
import dev.loupe.store.StoreManifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Joining, dividing, repairing and deleting activation stores. */
public final class StoreCare {
    private final Workspace workspace;
    private final Stores stores;
    private final Models models;

    StoreCare(Workspace workspace, Stores stores, Models models) {
        this.workspace = workspace;
        this.stores = stores;
        this.models = models;
    }

    /** Joins stores under a new name; the old ones stay. */
    public StoreView merge(List<String> names, String target, Progress progress) {
        if (names.size() < 2) {
            throw new UsageException("Name at least two stores to merge.");
        }
        StoreCopy.merge(names.stream().map(stores::folder).toList(), free(target), progress);
        return stores.get(target);
    }

    /** Divides a store into two under new names; the old one stays. */
    public List<StoreView> split(String name, double share, String first, String second, Progress progress) {
        StoreCopy.split(stores.folder(name), share, free(first), free(second), progress);
        return List.of(stores.get(first), stores.get(second));
    }

    /** What of a store is damaged. */
    public List<StoreDamage> damage(String name, Progress progress) {
        return StoreDamage.find(stores.folder(name), progress);
    }

    /** Copies a store without its damaged shards under a new name; the old one stays. */
    public StoreView drop(String name, String target, Progress progress) {
        Set<Integer> damaged = new TreeSet<>();
        damage(name, progress).forEach(d -> damaged.add(d.shard()));
        if (damaged.isEmpty()) {
            throw new LoupeException("No shard of the store " + name + " is damaged: nothing to drop.");
        }
        StoreCopy.without(stores.folder(name), damaged, free(target), progress);
        return stores.get(target);
    }

    /** Runs the model again over the sequences of damaged shards. */
    public Recapture.Result recapture(String name, Progress progress) {
        Path folder = stores.folder(name);
        ModelReference model =
                ModelReference.of(StoreManifest.read(folder).content().model());
        return Recapture.run(folder, models.open(model.text()), progress);
    }

    /** Makes a store of activations that another program stored. */
    public StoreView importing(StoreImport.Request request, Progress progress) {
        Stores.checkName(request.name());
        StoreImport.run(request, workspace.activations(), progress);
        return stores.get(request.name());
    }

    /** Writes a store as Parquet files into a folder. */
    public List<Path> exportParquet(String name, Path folder, Progress progress) {
        try (ActivationStore store = stores.open(name)) {
            return ParquetExport.write(store, folder, progress);
        }
    }

    /** Deletes a store; its name disappears at once, whole. */
    public void delete(String name) {
        Path folder = stores.folder(name);
        try (ArtifactLock lock = ArtifactLock.acquire(folder, "deleting activation store " + name)) {
            Path gone = AtomicFiles.temporary(folder);
            Files.move(folder, gone);
            AtomicFiles.deleteTree(gone);
        } catch (IOException e) {
            throw new LoupeException("The store " + name + " cannot be deleted (" + e.getMessage() + ").", e);
        }
    }

    private Path free(String name) {
        return workspace.activations().resolve(Stores.checkName(name));
    }
}
