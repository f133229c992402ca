package dev.loupe.corpus;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.model.hub.Hub;
import dev.loupe.model.hub.HubId;
import dev.loupe.model.hub.HubSettings;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** The files of one dataset on the Hugging Face hub and in its cache on this machine. */
final class HubFiles {
    private final HubId id;
    private final HubSettings settings;
    private final Path home;
    private final Hub hub;

    /** @param pause before a second try of a request that failed; it doubles from try to try */
    HubFiles(Map<String, String> environment, String dataset, Duration pause) {
        Path user = Path.of(System.getProperty("user.home", "."));
        id = new HubId(dataset, "main", HubId.Kind.DATASET);
        settings = HubSettings.of(environment, user);
        home = HubSettings.huggingFace(environment, user);
        hub = new Hub(settings, pause);
    }

    /** Where the hub's own library keeps the dataset. */
    Path cacheFolder() {
        return settings.cache().resolve(id.folder());
    }

    /** Where downloads of a split are kept. */
    Path folder(String config, String split) {
        return home.resolve("loupe").resolve(id.folder()).resolve(config).resolve(split);
    }

    /** An answer of the hub's API; {@code path} stands behind the dataset's own address. */
    JsonNode ask(String path) {
        allowed();
        return hub.ask(id, path);
    }

    /**
     * Downloads a file unless it is there; goes on where an earlier download stopped.
     *
     * @throws LoupeException if the hub cannot be reached; what arrived is kept
     */
    Path download(String address, Path file) {
        if (!file.toFile().isFile()) {
            allowed();
        }
        return hub.download(id, URI.create(address), file, Progress.silent());
    }

    private void allowed() {
        if (settings.offline()) {
            throw new LoupeException("The dataset " + id
                    + " is not in the cache, and HF_HUB_OFFLINE forbids to download it: unset it, or download the"
                    + " dataset elsewhere and copy it to " + cacheFolder() + ", or name its files as --text.");
        }
    }
}
