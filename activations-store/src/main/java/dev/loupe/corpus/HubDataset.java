package dev.loupe.corpus;

import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.UsageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A dataset of the Hugging Face hub: {@code hf:DATASET[:CONFIG[:SPLIT[:FIELD]]]}. Files that the hub's own cache
 * ({@code HF_HUB_CACHE}, {@code HF_HOME}) has are read where they lie. Otherwise the hub's Parquet files of the split are
 * downloaded one by one as the reading reaches them, each kept and continued where a download stopped; what was downloaded
 * once is read offline from then on.
 */
final class HubDataset implements DocumentSource {
    static final String PREFIX = "hf:";

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?");
    private static final Pattern PART = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

    private final String spec;
    private final String dataset;
    private final String config;
    private final String split;
    private final String field;
    private final Index index;
    private final HubFiles hub;

    /**
     * Which files a split has.
     *
     * @param revision commit of the dataset
     * @param config the configuration that was chosen
     * @param files paths of files that are there, or addresses of those to download
     */
    record Index(String revision, String config, List<String> files) {}

    private HubDataset(
            String spec, String dataset, String config, String split, String field, Index index, HubFiles hub) {
        this.spec = spec;
        this.dataset = dataset;
        this.config = config;
        this.split = split;
        this.field = field;
        this.index = index;
        this.hub = hub;
    }

    /**
     * Finds a dataset, in the cache or on the hub.
     *
     * @throws UsageException if the specification is none
     * @throws LoupeException if there is no such dataset, configuration or split, or the hub cannot be reached
     */
    static HubDataset of(String spec, String jsonField, Map<String, String> environment) {
        return of(spec, jsonField, environment, Duration.ofSeconds(1));
    }

    static HubDataset of(String spec, String jsonField, Map<String, String> environment, Duration pause) {
        String[] parts = spec.substring(PREFIX.length()).split(":", -1);
        if (parts.length > 4 || !NAME.matcher(parts[0]).matches()) {
            throw new UsageException("The text " + spec + " is no dataset of the hub; write hf:DATASET, such as"
                    + " hf:roneneldan/TinyStories, or hf:DATASET:CONFIG:SPLIT:FIELD.");
        }
        String config = part(spec, parts, 1, "");
        String split = part(spec, parts, 2, "train");
        String field = part(spec, parts, 3, jsonField.isBlank() ? Corpora.DEFAULT_JSON_FIELD : jsonField.strip());
        HubFiles hub = new HubFiles(environment, parts[0], pause);
        Index index = cached(hub, config, split);
        if (index == null) {
            index = listed(hub, parts[0], config, split);
        }
        return new HubDataset(spec, parts[0], index.config(), split, field, index, hub);
    }

    private static String part(String spec, String[] parts, int i, String otherwise) {
        if (parts.length <= i || parts[i].isEmpty()) {
            return otherwise;
        }
        if (!PART.matcher(parts[i]).matches()) {
            throw new UsageException("In the text " + spec + " the part \"" + parts[i] + "\" is no name.");
        }
        return parts[i];
    }

    /** The files of a split in the hub's own cache, or null if it has none. */
    private static @Nullable Index cached(HubFiles hub, String config, String split) {
        Path folder = hub.cacheFolder();
        Path main = folder.resolve("refs/main");
        try {
            if (!Files.isRegularFile(main)) {
                return null;
            }
            String revision = Files.readString(main).strip();
            if (!PART.matcher(revision).matches()) {
                return null;
            }
            Path snapshot = folder.resolve("snapshots").resolve(revision);
            List<String> files = new ArrayList<>();
            try (Stream<Path> tree = Files.walk(snapshot)) {
                tree.filter(f -> TextFile.of(f) != null && Files.isRegularFile(f))
                        .filter(f -> belongs(snapshot.relativize(f), config, split))
                        .sorted()
                        .forEach(f -> files.add(f.toString()));
            }
            return files.isEmpty() ? null : new Index(revision, config, files);
        } catch (IOException e) {
            return null; // a cache that cannot be read is as good as none
        }
    }

    /** Whether a file is of the configuration (a folder on its path) and the split (the beginning of a folder or name). */
    private static boolean belongs(Path file, String config, String split) {
        boolean ofConfig = config.isEmpty() || config.equals("default");
        boolean ofSplit = false;
        for (Path element : file) {
            String name = element.toString();
            ofConfig |= name.equals(config);
            ofSplit |= name.equals(split)
                    || name.startsWith(split + "-")
                    || name.startsWith(split + ".")
                    || name.startsWith(split + "_");
        }
        return ofConfig && ofSplit;
    }

    /** The files of a split as the hub lists them; the list is kept. */
    private static Index listed(HubFiles hub, String dataset, String config, String split) {
        Path kept = hub.folder(config.isEmpty() ? "_" : config, split).resolve("index.json");
        if (Files.isRegularFile(kept)) {
            return Json.read(kept, Index.class);
        }
        String revision = hub.ask("").path("sha").asString("unknown");
        JsonNode all = hub.ask("/parquet");
        String chosen = config;
        if (chosen.isEmpty()) {
            chosen = all.has("default") || all.isEmpty()
                    ? "default"
                    : all.propertyNames().iterator().next();
        }
        JsonNode ofConfig = all.path(chosen);
        JsonNode urls = ofConfig.path(split);
        if (!urls.isArray() || urls.isEmpty()) {
            throw new LoupeException("The dataset " + dataset + " has no "
                    + (ofConfig.isObject()
                            ? "split \"" + split + "\" in the configuration \"" + chosen + "\"; it has "
                                    + new TreeSet<>(ofConfig.propertyNames())
                            : "configuration \"" + chosen + "\"; it has " + new TreeSet<>(all.propertyNames()))
                    + ".");
        }
        List<String> files = new ArrayList<>();
        urls.forEach(url -> files.add(url.asString("")));
        Index index = new Index(revision, chosen, files);
        Json.write(kept, index);
        return index;
    }

    @Override
    public String spec() {
        return spec;
    }

    @Override
    public String describe() {
        return "the dataset " + dataset + (config.isEmpty() ? "" : ", configuration " + config) + ", split " + split
                + ", revision " + index.revision() + " (" + index.files().size() + " files)";
    }

    @Override
    public String fingerprint() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("dataset", dataset);
        all.put("revision", index.revision());
        all.put("config", config);
        all.put("split", split);
        all.put("field", field);
        all.put(
                "files",
                index.files().stream()
                        .map(f -> f.substring(f.lastIndexOf('/') + 1))
                        .toList());
        return Checksums.sha256(Json.line(all).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public Stream<Document> open() {
        return IntStream.range(0, index.files().size()).boxed().flatMap(this::documents);
    }

    private Stream<Document> documents(int number) {
        String source = index.files().get(number);
        Path file;
        if (source.startsWith("http://") || source.startsWith("https://")) {
            String ending = source.substring(source.lastIndexOf('/') + 1);
            ending = ending.contains(".") ? ending.substring(ending.indexOf('.')) : ".parquet";
            Path kept = hub.folder(config, split).resolve(String.format("%05d%s", number, ending));
            file = hub.download(source, kept);
        } else {
            file = Path.of(source);
        }
        TextFile kind = Objects.requireNonNullElse(TextFile.of(file), TextFile.PARQUET);
        return kind.documents(file, String.valueOf(file.getFileName()), field);
    }
}
