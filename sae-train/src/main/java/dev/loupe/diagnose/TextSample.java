package dev.loupe.diagnose;

import dev.loupe.base.Checksums;
import dev.loupe.base.LoupeException;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.Packer;
import dev.loupe.corpus.Packing;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.SequenceTable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The token sequences that a model is run on, in an order in which any beginning is a fair sample.
 *
 * @param describe where they come from, for people
 * @param sequences token ids as the model sees them
 * @param labels of their documents, as many; "" where there is none
 * @param special ids that do not count (BOS)
 * @param excludeFirst positions at the start of every sequence that do not count
 */
public record TextSample(
        String describe, List<int[]> sequences, List<String> labels, Set<Integer> special, int excludeFirst) {

    /** Whether a position counts: those that have a row in a store. */
    public boolean ordinary(int[] sequence, int position) {
        return position >= excludeFirst && !special.contains(sequence[position]);
    }

    /** SHA-256 of the sequences, their order and which positions count. */
    public String fingerprint() {
        MessageDigest digest = Checksums.sha256();
        for (int[] s : sequences) {
            ByteBuffer bytes = ByteBuffer.allocate(4 * (s.length + 1));
            bytes.asIntBuffer().put(s.length).put(s);
            digest.update(bytes.array());
        }
        String rest = labels + " " + special.stream().sorted().toList() + " " + excludeFirst;
        digest.update(rest.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest.digest());
    }

    /** All tokens. */
    public long tokens() {
        return sequences.stream().mapToLong(s -> s.length).sum();
    }

    /** Sequences of a store, spread evenly, up to about so many tokens. */
    public static TextSample of(ActivationStore store, long tokens, long seed) {
        SequenceTable table = store.sequences();
        int[] chosen = spread(table.size(), (double) tokens / Math.max(1, store.rows()), seed);
        List<int[]> sequences = new ArrayList<>();
        List<String> labels = new ArrayList<>();
        for (int s : chosen) {
            sequences.add(table.tokens(s));
            labels.add(store.documents().label(table.document(s)));
        }
        return new TextSample(
                "sequences of the store " + store.name(),
                sequences,
                labels,
                Set.copyOf(store.manifest().content().sequence().excludedTokens()),
                store.manifest().content().sequence().firstRows());
    }

    /** The first documents of a text, one sequence from each piece, up to about so many tokens. */
    public static TextSample of(DocumentSource source, LanguageModel model, int context, long tokens, long seed) {
        Integer bos = model.tokenizer().bosId();
        Set<Integer> special = bos == null ? Set.of() : Set.of(bos);
        int longest = Math.min(context, model.config().nCtx());
        List<int[]> sequences = new ArrayList<>();
        List<String> labels = new ArrayList<>();
        try (Stream<Document> documents = source.open()) {
            Packer packer = new Packer(
                    documents.iterator(),
                    Packer.texts(texts -> model.tokenizer().encodeBatch(texts, false)),
                    some -> some,
                    new Packer.Rules(Packing.DOCUMENTS, longest, bos, (id, position) -> !special.contains(id)),
                    tokens);
            for (Packer.Sequence s = packer.next(); s != null; s = packer.next()) {
                sequences.add(s.tokens());
                labels.add(String.valueOf(s.document().label()));
            }
        }
        if (sequences.isEmpty()) {
            throw new LoupeException("The text " + source.describe() + " gave no token to look at.");
        }
        int[] order = spread(sequences.size(), 1, seed);
        return new TextSample(
                source.describe(),
                Arrays.stream(order).mapToObj(sequences::get).toList(),
                Arrays.stream(order).mapToObj(labels::get).toList(),
                special,
                0);
    }

    /** A share of the numbers 0 … n − 1, spread evenly, in an order drawn from a seed. */
    static int[] spread(int n, double share, long seed) {
        int count = (int) Math.clamp(Math.ceil(n * Math.min(1, share)), Math.min(1, n), n);
        int[] chosen = new int[count];
        for (int i = 0; i < count; i++) {
            chosen[i] = (int) ((long) i * n / count);
        }
        Random random = new Random(seed);
        for (int i = count - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int swapped = chosen[i];
            chosen[i] = chosen[j];
            chosen[j] = swapped;
        }
        return chosen;
    }
}
