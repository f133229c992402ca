package dev.loupe.sae;

import dev.loupe.base.UsageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Formats in which SAEs are exchanged. Reading and writing takes raw activations in and gives raw activations out. */
public enum SaeFormat {
    /** The folder of SAELens 6, which is also ours. */
    SAELENS("saelens"),
    /** The folder of EleutherAI's sparsify: {@link SparsifyFormat}. */
    SPARSIFY("sparsify"),
    /** The {@code params.npz} of Gemma Scope: {@link GemmaScopeFormat}. */
    GEMMA_SCOPE("gemma-scope"),
    /** The folder of dictionary_learning: {@link DictionaryLearningFormat}. */
    DICTIONARY_LEARNING("dictionary_learning"),
    /** The file of OpenAI's sparse_autoencoder: {@link OpenAiFormat}. */
    OPENAI("openai");

    private final String id;

    SaeFormat(String id) {
        this.id = id;
    }

    /** The name in commands. */
    public String id() {
        return id;
    }

    /** The files that make a folder of a format; of several that fit the first is meant. */
    static Map<SaeFormat, List<String>> folders() {
        Map<SaeFormat, List<String>> files = new LinkedHashMap<>();
        files.put(SAELENS, List.of("cfg.json", "sae_weights.safetensors"));
        files.put(SPARSIFY, List.of("cfg.json", "sae.safetensors"));
        files.put(GEMMA_SCOPE, List.of("params.npz"));
        files.put(DICTIONARY_LEARNING, List.of("config.json", "ae.pt"));
        return files;
    }

    /** The format of a folder or file, as its names tell; null if they do not. */
    public static @Nullable SaeFormat tell(Path source) {
        String name = source.getFileName() == null ? "" : source.getFileName().toString();
        if (Files.isRegularFile(source)) {
            return name.endsWith(".npz") ? GEMMA_SCOPE : name.endsWith(".pt") ? OPENAI : null;
        }
        for (Map.Entry<SaeFormat, List<String>> format : folders().entrySet()) {
            if (!format.getKey().isFile()
                    && format.getValue().stream().allMatch(f -> Files.isRegularFile(source.resolve(f)))) {
                return format.getKey();
            }
        }
        return null;
    }

    /**
     * The format of a name.
     *
     * @throws UsageException if there is none, listing those that there are
     */
    public static SaeFormat of(String name) {
        for (SaeFormat f : values()) {
            if (f.id.equals(name)) {
                return f;
            }
        }
        throw new UsageException("There is no SAE format \"" + name + "\": choose one of "
                + Arrays.stream(values()).map(SaeFormat::id).collect(Collectors.joining(", ")) + ".");
    }

    /**
     * Reads an SAE.
     *
     * @param model id of its language model, which most formats do not say; empty if unknown
     * @param hook the place that it reads; empty to take it from the file, where that says it
     * @throws dev.loupe.base.LoupeException if the file is damaged or of a kind that cannot be used, in one sentence
     */
    public Sae read(Path source, String name, String model, String hook) {
        return switch (this) {
            case SAELENS -> {
                Sae sae = Sae.open(source);
                SaeConfig c = sae.config();
                SaeConfig named = new SaeConfig(
                        c.architecture(),
                        c.k(),
                        c.applyBDecToInput(),
                        model.isEmpty() ? c.modelId() : model,
                        hook.isEmpty() ? c.hookName() : hook,
                        c.hookNameOut(),
                        c.metadata());
                yield new Sae(name, named, sae.weights(), sae.provenance());
            }
            case SPARSIFY -> SparsifyFormat.read(source, name, model, hook);
            case GEMMA_SCOPE -> GemmaScopeFormat.read(source, name, model, hook);
            case DICTIONARY_LEARNING -> DictionaryLearningFormat.read(source, name, model, hook);
            case OPENAI -> OpenAiFormat.read(source, name, model, hook);
        };
    }

    /**
     * Reads what may be a transcoder whose files do not say so.
     *
     * @param hookOut the place that it writes; empty to take it from the file, where that says it
     * @throws UsageException if the encoder subtracts the bias of the decoder, which no transcoder does
     */
    public Sae read(Path source, String name, String model, String hook, String hookOut) {
        Sae sae = read(source, name, model, hook);
        if (hookOut.isEmpty()) {
            return sae;
        }
        SaeConfig c = sae.config();
        if (!sae.isTranscoder() && c.applyBDecToInput()) {
            throw new UsageException(
                    "The SAE " + source
                            + " subtracts the decoder's bias from what it reads, so it is no transcoder: leave out --hook-out.");
        }
        return new Sae(
                name,
                new SaeConfig(
                        c.architecture(),
                        c.k(),
                        c.applyBDecToInput(),
                        c.modelId(),
                        c.hookName(),
                        hookOut,
                        c.metadata()),
                sae.weights(),
                sae.provenance());
    }

    /**
     * Writes an SAE: whole or not at all.
     *
     * @throws UsageException if the format has no such SAE, naming one that has
     */
    public void write(Sae sae, Path target) {
        switch (this) {
            case SAELENS -> sae.save(target);
            case SPARSIFY -> SparsifyFormat.write(sae, target);
            case GEMMA_SCOPE -> GemmaScopeFormat.write(sae, target);
            case DICTIONARY_LEARNING -> DictionaryLearningFormat.write(sae, target);
            case OPENAI -> OpenAiFormat.write(sae, target);
        }
    }

    /** Whether a target is one file rather than a folder. */
    public boolean isFile() {
        return this == GEMMA_SCOPE || this == OPENAI;
    }
}
