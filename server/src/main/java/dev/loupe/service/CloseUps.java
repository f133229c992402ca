package dev.loupe.service;

import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import dev.loupe.feature.Example;
import dev.loupe.feature.FeatureDetail;
import dev.loupe.feature.FeatureIndex;
import dev.loupe.feature.TokenLogit;
import dev.loupe.math.Matrix;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Tokenizer;
import dev.loupe.sae.LatentReader;
import dev.loupe.sae.Sae;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import dev.loupe.store.SequenceTable;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a feature's page shows beyond its index, worked out when it is asked for. */
public final class CloseUps {
    private static final int BINS = 48;
    private static final int RECENT = 96;

    private final Models models;
    private final Stores stores;
    private final Saes saes;
    private final Features features;
    private final Counterparts counterparts;

    /** The pages looked at last and those beside them: going to and fro reads nothing. */
    private final Map<Key, FeatureDetail> recent = Collections.synchronizedMap(new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, FeatureDetail> eldest) {
            return size() > RECENT;
        }
    });

    /** A feature of one opened index; an index that is built anew is another one. */
    private record Key(FeatureIndex index, int id) {
        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Key k && k.index == index && k.id == id;
        }

        @Override
        public int hashCode() {
            return 31 * System.identityHashCode(index) + id;
        }
    }

    CloseUps(Models models, Stores stores, Saes saes, Features features, Counterparts counterparts) {
        this.counterparts = counterparts;
        this.models = models;
        this.stores = stores;
        this.saes = saes;
        this.features = features;
    }

    /** Everything about a feature, from memory if it was looked at or fetched ahead a short while ago. */
    public FeatureDetail detail(String sae, int id) {
        Key key = new Key(features.index(sae), id);
        FeatureDetail known = recent.get(key);
        if (known == null) {
            known = key.index.detail(id);
            recent.put(key, known);
        }
        return known;
    }

    /**
     * Reads features ahead, on a thread of its own, and the counterparts of the first; numbers that do not exist are left
     * out.
     */
    public void ahead(String sae, int... ids) {
        FeatureIndex index = features.index(sae);
        Thread.ofVirtual().name("loupe-ahead").start(() -> {
            for (int id : ids) {
                if (id >= 0 && id < index.size()) {
                    detail(sae, id);
                }
            }
            for (Counterpart c : counterparts.everywhere(sae, Math.min(ids[0], index.size() - 1))) {
                if (c.id() >= 0 && features.indexed().contains(c.sae())) {
                    detail(c.sae(), c.id());
                }
            }
        });
    }

    /**
     * Examples with the whole sequence around them, read from the store the index was made of.
     *
     * @throws NotFoundException if that store is gone
     */
    public List<Example> whole(String sae, int id, List<Example> examples) {
        String name = features.index(sae).manifest().store();
        Sae s = saes.open(sae);
        Tokenizer tokenizer = models.of(s).tokenizer();
        LatentReader latent = s.reader(id);
        List<Example> whole = new ArrayList<>();
        boolean text = features.texts().has(name);
        try (ActivationStore store = text ? features.texts().tokens(name) : stores.open(name)) {
            RowReader reader = text ? new SequenceRows(store, models.of(s), s.hookName()) : store.reader(s.hookName());
            for (Example e : examples) {
                whole.add(whole(e, store, reader, tokenizer, latent));
            }
        } catch (NotFoundException e) {
            throw new NotFoundException("The store " + name + " that the index of " + sae
                    + " was made of is gone: only the text beside each peak is kept in the index. Capture it again to"
                    + " see whole sequences.");
        }
        return whole;
    }

    private static Example whole(
            Example e, ActivationStore store, RowReader reader, Tokenizer tokenizer, LatentReader latent) {
        SequenceTable sequences = store.sequences();
        if (e.sequence() < 0 || e.sequence() >= sequences.size()) {
            throw new UsageException("The store has no sequence " + e.sequence()
                    + ": it is not the one that the index was made of. Build the index again with loupe index.");
        }
        int[] ids = sequences.tokens(e.sequence());
        int rows = sequences.rows(e.sequence());
        int peak = e.position() + e.peak();
        if (peak >= ids.length) {
            throw new UsageException("The sequence " + e.sequence()
                    + " of the store is shorter than the index says. Build the index again with loupe index.");
        }
        float[] values = new float[ids.length];
        try (Arena arena = Arena.ofConfined()) {
            Matrix x = Matrix.allocate(arena, rows, reader.width());
            long first = sequences.firstRow(e.sequence());
            reader.read(first, rows, x);
            for (int row = 0; row < rows; row++) {
                values[store.tokens().position(first + row)] = latent.read(x.row(row))[0];
            }
        }
        return new Example(
                e.document(),
                e.documentName(),
                e.label(),
                e.heldOut(),
                e.sequence(),
                0,
                e.max(),
                tokenizer.pieces(ids),
                values,
                peak);
    }

    /**
     * The effect of a latent's decoder row on the logits of every token.
     *
     * @throws UsageException if the SAE does not write into the residual stream
     */
    public LogitEffects logits(String sae, int id) {
        FeatureDetail f = features.detail(sae, id);
        if (f.promoted().isEmpty()) {
            throw new UsageException("The SAE " + sae + " does not write into the residual stream, so that the"
                    + " unembedding does not apply to it.");
        }
        Sae s = saes.open(sae);
        LanguageModel model = models.of(s);
        float[] logits = model.logitLens(s.decoderRows().rows(id, id + 1), true).row(0);
        return effects(logits, bytes(model.tokenizer(), f));
    }

    private static Map<Integer, String> bytes(Tokenizer tokenizer, FeatureDetail f) {
        Map<Integer, String> bytes = new LinkedHashMap<>();
        Stream.concat(f.promoted().stream(), f.suppressed().stream())
                .filter(l -> l.text().indexOf('\uFFFD') >= 0)
                .map(TokenLogit::token)
                .forEach(t -> bytes.put(t, shown(tokenizer.tokenBytes(t))));
        return bytes;
    }

    /** Bytes as people write them; those that are plain text stay text. */
    private static String shown(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        return text.indexOf('\uFFFD') < 0
                ? text
                : HexFormat.ofDelimiter(" ").withUpperCase().formatHex(bytes);
    }

    /** Histogram and moments of the logits of one direction. */
    static LogitEffects effects(float[] logits, Map<Integer, String> bytes) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        double sum = 0;
        for (float v : logits) {
            low = Math.min(low, v);
            high = Math.max(high, v);
            sum += v;
        }
        double mean = sum / logits.length;
        double m2 = 0;
        double m3 = 0;
        double m4 = 0;
        long[] counts = new long[BINS];
        for (float v : logits) {
            double d = v - mean;
            m2 += d * d;
            m3 += d * d * d;
            m4 += d * d * d * d;
            counts[high > low ? (int) Math.min(BINS - 1, (v - low) / (high - low) * BINS) : 0]++;
        }
        m2 /= logits.length;
        m3 /= logits.length;
        m4 /= logits.length;
        boolean constant = !(m2 > 0);
        return new LogitEffects(
                low,
                high,
                counts,
                mean,
                Math.sqrt(m2),
                constant ? 0 : m3 / Math.pow(m2, 1.5),
                constant ? 0 : m4 / (m2 * m2),
                bytes);
    }
}
