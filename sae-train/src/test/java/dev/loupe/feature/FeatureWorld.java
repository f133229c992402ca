package dev.loupe.feature;

import dev.loupe.fixtures.Cases;
import dev.loupe.math.Matrix;
import dev.loupe.sae.Architecture;
import dev.loupe.sae.Sae;
import dev.loupe.sae.SparseCodes;
import dev.loupe.toy.ToyModel;
import dev.loupe.toy.ToySaes;
import dev.loupe.toy.ToyStore;
import dev.loupe.toy.ToyTokenizer;
import java.util.ArrayList;
import java.util.List;

/** A small world with all firings of every latent, found one token at a time. */
final class FeatureWorld {
    static final int D = 8;
    static final int VOCABULARY = 12;

    /** One firing: everything a brute-force pass knows about it. */
    record Firing(
            float value,
            int token,
            int previous,
            int document,
            int sequence,
            int position,
            int[] ids,
            boolean heldOut) {}

    final ToyModel model;
    final List<ToyStore.Doc> docs = new ArrayList<>();
    final Sae sae;
    final List<List<Firing>> firings = new ArrayList<>();
    final List<Firing> rows = new ArrayList<>(); // all tokens, with value 0

    FeatureWorld(Cases.Random random, Architecture architecture) {
        List<String> texts = new ArrayList<>();
        for (int t = 1; t < VOCABULARY; t++) {
            texts.add(t % 2 == 0 ? " Word" + t : "ending" + t);
        }
        model = new ToyModel(
                new ToyTokenizer(texts), random.matrix(VOCABULARY, D), random.matrix(VOCABULARY, D), random.floats(D));
        for (int d = 0; d < 30; d++) {
            List<int[]> sequences = new ArrayList<>();
            for (int s = random.nextInt(1, 4); s > 0; s--) {
                int[] ids = random.ints(random.nextInt(2, 25), 1, VOCABULARY);
                ids[0] = ToyTokenizer.BOS;
                sequences.add(ids);
            }
            docs.add(new ToyStore.Doc("doc " + d, random.oneOf("en", "fi", "el"), d % 4 == 0, sequences));
        }
        sae = ToySaes.random("toy", random, architecture, D, 16);
        for (int i = 0; i < sae.dSae(); i++) {
            firings.add(new ArrayList<>());
        }
        int sequence = 0;
        for (int d = 0; d < docs.size(); d++) {
            for (int[] ids : docs.get(d).sequences()) {
                float[][] x = model.activations(ids);
                for (int p = 1; p < ids.length; p++) {
                    SparseCodes codes = sae.encode(Matrix.copyOf(new float[][] {x[p]}));
                    for (int e = 0; e < codes.size(); e++) {
                        firings.get(codes.ids()[e]).add(firing(codes.values()[e], d, sequence, p, ids));
                    }
                    rows.add(firing(0, d, sequence, p, ids));
                }
                sequence++;
            }
        }
    }

    private Firing firing(float value, int d, int sequence, int p, int[] ids) {
        return new Firing(
                value, ids[p], ids[p - 1], d, sequence, p, ids, docs.get(d).heldOut());
    }
}
