package dev.loupe.model;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.loupe.base.Checksums;
import dev.loupe.base.Json;
import dev.loupe.base.LoupeException;
import dev.loupe.base.NotFoundException;
import dev.loupe.tensor.Torch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Hugging Face's tokenizers library on a local {@code tokenizer.json}; decoding is our own, on bytes. */
final class HubTokenizer implements Tokenizer {
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private boolean closed;
    private final HuggingFaceTokenizer tokenizer;
    private final Vocabulary vocabulary;
    private final @Nullable Integer bos;
    private final @Nullable Integer eos;
    private final Set<Integer> ends;
    private final @Nullable String chatTemplate;
    private final boolean addBos;
    private final String checksum;

    private HubTokenizer(
            HuggingFaceTokenizer tokenizer,
            Vocabulary vocabulary,
            @Nullable Integer bos,
            @Nullable Integer eos,
            Set<Integer> ends,
            @Nullable String chatTemplate,
            boolean addBos,
            String checksum) {
        this.tokenizer = tokenizer;
        this.vocabulary = vocabulary;
        this.bos = bos;
        this.eos = eos;
        this.ends = ends;
        this.chatTemplate = chatTemplate;
        this.addBos = addBos;
        this.checksum = checksum;
    }

    /** Opens the tokenizer of a model folder. */
    static HubTokenizer open(Path folder) {
        Path file = folder.resolve("tokenizer.json");
        if (!Files.isRegularFile(file)) {
            throw new NotFoundException("The model folder " + folder
                    + " has no tokenizer.json: put the tokenizer there that the model was trained with.");
        }
        Torch.offline(); // the tokenizer's library would look for a GPU build otherwise
        Vocabulary vocabulary = Vocabulary.read(file);
        Path configFile = folder.resolve("tokenizer_config.json");
        JsonNode config = Files.exists(configFile) ? Json.tree(configFile) : Json.MAPPER.createObjectNode();
        try {
            HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.builder()
                    .optTokenizerPath(file)
                    .optTruncation(false) // it would cut at 512 tokens silently
                    .optPadding(false)
                    .build();
            Integer eos = special(vocabulary, config, folder, "eos_token");
            return new HubTokenizer(
                    tokenizer,
                    vocabulary,
                    special(vocabulary, config, folder, "bos_token"),
                    eos,
                    ends(folder, eos),
                    chatTemplate(folder, config),
                    config.path("add_bos_token").asBoolean(false),
                    Checksums.sha256(file));
        } catch (IOException | RuntimeException e) {
            throw new LoupeException("The tokenizer " + file + " cannot be opened (" + e.getMessage() + ").", e);
        }
    }

    /** A special token from the tokenizer's settings or, failing that, its id from the model's. */
    private static @Nullable Integer special(Vocabulary vocabulary, JsonNode config, Path folder, String name) {
        JsonNode node = config.path(name);
        String content = node.isObject() ? node.path("content").asString("") : node.asString("");
        Integer id = content.isEmpty() ? null : vocabulary.added(content);
        if (id != null) {
            return id;
        }
        Path model = folder.resolve("config.json");
        JsonNode number = Files.exists(model) ? Json.tree(model).path(name + "_id") : Json.MAPPER.createObjectNode();
        JsonNode first = number.isArray() && !number.isEmpty() ? number.get(0) : number;
        return first.isIntegralNumber() ? first.asInt() : null;
    }

    /** The end-of-sequence id and all that the model's settings of generation name. */
    private static Set<Integer> ends(Path folder, @Nullable Integer eos) {
        Set<Integer> ends = new LinkedHashSet<>();
        if (eos != null) {
            ends.add(eos);
        }
        Path file = folder.resolve("generation_config.json");
        JsonNode node = Files.exists(file)
                ? Json.tree(file).path("eos_token_id")
                : Json.MAPPER.createObjectNode().path("eos_token_id");
        if (node.isArray()) {
            node.forEach(id -> ends.add(id.asInt(-1)));
        } else if (node.isIntegralNumber()) {
            ends.add(node.asInt(-1));
        }
        ends.remove(-1);
        return Collections.unmodifiableSet(ends);
    }

    /** From a file of its own or from the settings, where several may stand by name. */
    private static @Nullable String chatTemplate(Path folder, JsonNode config) throws IOException {
        Path file = folder.resolve("chat_template.jinja");
        if (Files.isRegularFile(file)) {
            return Files.readString(file);
        }
        JsonNode node = config.path("chat_template");
        if (node.isArray()) {
            for (JsonNode named : node) {
                if (named.path("name").asString("").equals("default")) {
                    return named.path("template").asString();
                }
            }
            node = node.path(0).path("template");
        }
        return node.isString() ? node.asString() : null;
    }

    @Override
    public @Nullable String chatTemplate() {
        return chatTemplate;
    }

    @Override
    public Set<Integer> endIds() {
        return ends;
    }

    @Override
    public int[] encode(String text, boolean addSpecial) {
        return whileOpen(() -> ids(tokenizer.encode(unicode(text), addSpecial, false)));
    }

    @Override
    public int[] encode(String text) {
        int[] ids = encode(text, true);
        if (!addBos || bos == null || (ids.length > 0 && ids[0] == bos)) {
            return ids;
        }
        int[] withBos = new int[ids.length + 1];
        withBos[0] = bos;
        System.arraycopy(ids, 0, withBos, 1, ids.length);
        return withBos;
    }

    @Override
    public List<int[]> encodeBatch(List<String> texts, boolean addSpecial) {
        if (texts.isEmpty()) {
            return List.of();
        }
        List<String> clean = texts.stream().map(HubTokenizer::unicode).toList();
        return whileOpen(() -> Arrays.stream(tokenizer.batchEncode(clean, addSpecial, false))
                .map(HubTokenizer::ids)
                .toList());
    }

    /** The native library does not look whether it was closed: using it then ends the process. */
    private <T> T whileOpen(Supplier<T> work) {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new IllegalStateException("the model was closed while its tokenizer was needed");
            }
            return work.get();
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Half a surrogate pair is no character: the native library must never see one. */
    private static String unicode(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                return new String(text.getBytes(StandardCharsets.UTF_16BE), StandardCharsets.UTF_16BE);
            }
        }
        return text;
    }

    private static int[] ids(Encoding encoding) {
        long[] ids = encoding.getIds();
        int[] narrow = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            narrow[i] = (int) ids[i];
            if (narrow[i] != ids[i]) {
                throw new LoupeException("tokenizer.json gives a token the number " + ids[i]
                        + ", which is none of a vocabulary; the file is damaged, get it again.");
            }
        }
        return narrow;
    }

    @Override
    public String decode(int[] ids, boolean skipSpecial) {
        Utf8Stream stream = new Utf8Stream();
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            if (!skipSpecial || !vocabulary.isSpecial(id)) {
                text.append(stream.add(vocabulary.bytes(id)));
            }
        }
        return vocabulary.withoutPrefix(text.append(stream.end()).toString());
    }

    @Override
    public List<String> pieces(int[] ids) {
        Utf8Stream stream = new Utf8Stream();
        List<String> pieces = new ArrayList<>(ids.length);
        for (int id : ids) {
            pieces.add(stream.add(vocabulary.bytes(id)));
        }
        if (!pieces.isEmpty()) {
            int last = pieces.size() - 1;
            pieces.set(last, pieces.get(last) + stream.end());
        }
        for (int i = 0; i < pieces.size(); i++) {
            if (!pieces.get(i).isEmpty()) {
                pieces.set(i, vocabulary.withoutPrefix(pieces.get(i)));
                break;
            }
        }
        return pieces;
    }

    @Override
    public byte[] tokenBytes(int id) {
        return vocabulary.bytes(id);
    }

    @Override
    public String token(int id) {
        return Utf8Stream.decode(vocabulary.bytes(id));
    }

    @Override
    public @Nullable Integer id(String token) {
        return vocabulary.byText(token);
    }

    @Override
    public int vocabSize() {
        return vocabulary.size();
    }

    @Override
    public @Nullable Integer bosId() {
        return bos;
    }

    @Override
    public @Nullable Integer eosId() {
        return eos;
    }

    @Override
    public boolean isSpecial(int id) {
        return vocabulary.isSpecial(id);
    }

    @Override
    public String checksum() {
        return checksum;
    }

    @Override
    public void close() {
        lock.writeLock().lock(); // waits for those who are using it
        try {
            closed = true;
            tokenizer.close();
        } finally {
            lock.writeLock().unlock();
        }
    }
}
