package dev.loupe.model.hub;

import dev.loupe.base.ArtifactLock;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.PrivateAddresses;
import dev.loupe.base.Progress;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The Hugging Face hub and the cache of it on this machine, which Python's libraries share: what either has fetched the
 * other finds. Of a model only the files that open it are fetched, of other repositories those that are asked for.
 */
public final class Hub {
    private static final String INDEX = "model.safetensors.index.json";
    private static final String WEIGHTS = "model.safetensors";
    private static final Set<String> SMALL = Set.of(
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "chat_template.jinja",
            "chat_template.json");

    private static final Pattern FILE =
            Pattern.compile("[A-Za-z0-9_][^/\\\\\\p{Cntrl}]*(/[A-Za-z0-9_][^/\\\\\\p{Cntrl}]*)*");

    private final HubSettings settings;
    private final Duration pause;
    private final PrivateAddresses.Lookup lookup;

    /** The hub of these settings. */
    public Hub(HubSettings settings) {
        this(settings, Duration.ofSeconds(1));
    }

    /**
     * The hub of these settings.
     *
     * @param pause how long to wait before a second try; it doubles from try to try
     */
    public Hub(HubSettings settings, Duration pause) {
        this(settings, pause, InetAddress::getAllByName);
    }

    Hub(HubSettings settings, Duration pause, PrivateAddresses.Lookup lookup) {
        this.settings = settings;
        this.pause = pause;
        this.lookup = lookup;
    }

    /** The folder of a model that is whole in the cache; null if it is not. Asks nobody. */
    public @Nullable Path find(HubId id) {
        Path snapshot = new HubCache(settings.cache(), id).found();
        return snapshot != null && HubCache.missing(snapshot).isEmpty() ? snapshot : null;
    }

    /** The folder with the description of a model ({@code config.json}), without its weights. */
    public Path describe(HubId id, Progress progress) {
        Path snapshot = new HubCache(settings.cache(), id).found();
        if (snapshot != null && Files.exists(snapshot.resolve("config.json"))) {
            return snapshot;
        }
        return fetch(id, progress, true);
    }

    /**
     * The folder of a model; fetches what is missing of it.
     *
     * @throws NotFoundException if there is no such model
     * @throws LoupeException if it is gated, or the hub cannot be reached, or may not be asked (offline)
     */
    public Path fetch(HubId id, Progress progress) {
        return fetch(id, progress, false);
    }

    /**
     * The folder of a repository of which some files are there; fetches what is missing of them.
     *
     * @param choose the wanted files out of all of the repository; throws {@link NotFoundException} if what is needed is not
     *     among them
     * @throws LoupeException if the hub cannot be reached, or may not be asked (offline), and the files are not in the cache
     */
    public Path files(HubId id, UnaryOperator<List<String>> choose, Progress progress) {
        HubCache cache = new HubCache(settings.cache(), id);
        if (settings.offline()) {
            Path known = known(cache, choose);
            if (known == null) {
                throw new NotFoundException("What is asked for of " + id + " is not in the cache " + settings.cache()
                        + " and nothing may be downloaded (HF_HUB_OFFLINE): unset it, or copy the files there.");
            }
            return known;
        }
        return newest(id, cache, () -> known(cache, choose), progress, (listing, fetching) -> {
            for (String file : choose.apply(listing.files())) {
                if (!FILE.matcher(file).matches() || file.contains("..")) {
                    throw new LoupeException("The file \"" + file + "\" of " + id + " has no usable name.");
                }
                fetching.accept(file);
            }
        });
    }

    private static @Nullable Path known(HubCache cache, UnaryOperator<List<String>> choose) {
        Path snapshot = cache.found();
        if (snapshot == null) {
            return null;
        }
        try {
            return HubCache.files(snapshot).containsAll(choose.apply(HubCache.files(snapshot))) ? snapshot : null;
        } catch (NotFoundException e) {
            return null;
        }
    }

    /** An answer of the hub's API about a repository; {@code path} stands behind the repository's own address. */
    public JsonNode ask(HubId id, String path) {
        try (HubClient client = new HubClient(settings, id, pause, lookup)) {
            return client.json(path);
        }
    }

    /**
     * Downloads a file of known address unless it is there; goes on where an earlier download stopped.
     *
     * @param id what it belongs to, for messages
     * @param file where it shall lie
     */
    public Path download(HubId id, URI address, Path file, Progress progress) {
        try (HubClient client = new HubClient(settings, id, pause, lookup)) {
            String name = String.valueOf(file.getFileName());
            new BlobDownload(client, progress, pause)
                    .run(
                            new HubClient.RemoteFile(name, address, "", -1),
                            file,
                            file.resolveSibling("." + name + ".part"));
            return file;
        }
    }

    private Path fetch(HubId id, Progress progress, boolean onlyDescription) {
        HubCache cache = new HubCache(settings.cache(), id);
        if (settings.offline()) {
            return offline(id, cache);
        }
        return newest(id, cache, () -> find(id), progress, (listing, fetching) -> {
            if (!onlyDescription) {
                all(id, listing, cache, fetching);
            } else if (listing.files().contains("config.json")) {
                fetching.accept("config.json");
            }
        });
    }

    /**
     * The folder of the newest commit, once what is chosen of it is there. If the hub cannot be asked, an earlier commit is
     * better than none.
     */
    private Path newest(
            HubId id,
            HubCache cache,
            Supplier<@Nullable Path> known,
            Progress progress,
            BiConsumer<HubClient.Listing, Consumer<String>> choose) {
        try (HubClient client = new HubClient(settings, id, pause, lookup)) {
            HubClient.Listing listing;
            try {
                listing = client.list();
            } catch (NotFoundException e) {
                throw e;
            } catch (LoupeException e) {
                Path earlier = known.get();
                if (earlier != null) {
                    progress.message("Using the copy of " + id + " in the cache: " + e.getMessage());
                    return earlier;
                }
                throw e;
            }
            // several processes of a machine may want it at once: those that come later find every file there
            try (ArtifactLock lock = ArtifactLock.await(cache.lock(), "downloading " + id, progress)) {
                BlobDownload download = new BlobDownload(client, progress, pause);
                choose.accept(listing, file -> one(file, listing.commit(), client, cache, download));
                cache.remember(listing.commit());
            }
            return cache.snapshot(listing.commit());
        }
    }

    private void all(HubId id, HubClient.Listing listing, HubCache cache, Consumer<String> fetching) {
        wanted(id, listing.files()).forEach(fetching);
        Path index = cache.snapshot(listing.commit()).resolve(INDEX);
        if (listing.files().contains(INDEX)) {
            for (String shard : HubCache.shards(Json.tree(index))) {
                if (!listing.files().contains(shard)) {
                    throw new LoupeException("The index of weights of " + id + " names " + shard
                            + ", which the model does not have: its weights are not whole on " + settings.host() + ".");
                }
                fetching.accept(shard);
            }
        }
    }

    private static void one(String file, String commit, HubClient client, HubCache cache, BlobDownload download) {
        if (Files.exists(cache.snapshot(commit).resolve(file))) {
            return;
        }
        HubClient.RemoteFile remote = client.describe(commit, file);
        download.run(remote, cache.blob(remote.etag()), cache.incomplete(remote.etag()));
        cache.link(commit, file, remote.etag());
    }

    /** The files to fetch, small ones first; those that an index names come later. */
    private List<String> wanted(HubId id, List<String> files) {
        List<String> wanted = new ArrayList<>();
        files.stream().filter(SMALL::contains).forEach(wanted::add);
        if (files.contains(INDEX)) {
            wanted.add(INDEX);
        } else if (files.contains(WEIGHTS)) {
            wanted.add(WEIGHTS);
        } else {
            List<String> gguf = files.stream()
                    .filter(f -> f.matches("[A-Za-z0-9][A-Za-z0-9._-]*\\.gguf"))
                    .toList();
            if (gguf.size() == 1) {
                return gguf;
            }
            String has = gguf.size() > 1
                    ? "It has several GGUF files: download one of " + String.join(", ", new TreeSet<>(gguf))
                            + " and give its path."
                    : "It has " + kinds(files)
                            + ": convert it to safetensors (save_pretrained in transformers) and give"
                            + " the path of the folder.";
            throw new LoupeException("The model " + id + " has no weights in the safetensors format. " + has);
        }
        for (String file : List.of("config.json", "tokenizer.json")) {
            if (!files.contains(file)) {
                throw new LoupeException(
                        "The model " + id + " has no " + file + " on " + settings.host()
                                + ", which is needed: save it with save_pretrained of transformers and give the path of the folder.");
            }
        }
        return wanted;
    }

    private static String kinds(List<String> files) {
        List<String> others = files.stream()
                .filter(f -> f.matches(".*\\.(bin|pt|pth|h5|msgpack|onnx)"))
                .limit(3)
                .toList();
        return others.isEmpty() ? "no weights at all" : String.join(", ", others);
    }

    private Path offline(HubId id, HubCache cache) {
        Path snapshot = cache.found();
        if (snapshot == null) {
            throw new NotFoundException("The model " + id + " is not in the cache " + settings.cache()
                    + " and nothing may be downloaded (HF_HUB_OFFLINE): unset it, or copy the model there.");
        }
        List<String> missing = HubCache.missing(snapshot);
        if (!missing.isEmpty()) {
            throw new LoupeException("The model " + id + " is not whole in the cache " + settings.cache()
                    + " (it lacks " + String.join(", ", missing) + ") and nothing may be downloaded (HF_HUB_OFFLINE).");
        }
        return snapshot;
    }
}
