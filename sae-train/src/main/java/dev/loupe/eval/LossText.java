package dev.loupe.eval;

import dev.loupe.base.LoupeException;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.DocumentSource;
import dev.loupe.corpus.Packer;
import dev.loupe.corpus.Packing;
import dev.loupe.model.LanguageModel;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.SequenceTable;
import dev.loupe.store.StoreManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The sequences that losses are measured on.
 *
 * @param describe where they come from, for people
 * @param sequences token ids as the model sees them
 * @param special ids that are neither changed nor counted
 * @param excludeFirst positions at the start of a sequence that are neither changed nor counted
 */
record LossText(String describe, List<int[]> sequences, Set<Integer> special, int excludeFirst) {

    /** Whether a position is changed and counted: those that have a row in the store. */
    boolean ordinary(int[] sequence, int position) {
        return position >= excludeFirst && !special.contains(sequence[position]);
    }

    /** Held-out sequences of the store; if they are too many, every so-manieth. */
    static LossText heldOut(ActivationStore store, long mostTokens) {
        SequenceTable table = store.sequences();
        List<Integer> candidates = new ArrayList<>();
        long rows = 0;
        for (int s = 0; s < table.size(); s++) {
            if (store.documents().heldOut(table.document(s))) {
                candidates.add(s);
                rows += table.rows(s);
            }
        }
        double stride = mostTokens == 0 ? 1 : Math.max(1, (double) rows / mostTokens);
        List<int[]> sequences = new ArrayList<>();
        for (double at = 0; at < candidates.size(); at += stride) {
            sequences.add(table.tokens(candidates.get((int) at)));
        }
        return new LossText(
                "held-out documents of " + store.name(),
                sequences,
                Set.copyOf(store.manifest().content().sequence().excludedTokens()),
                store.manifest().content().sequence().firstRows());
    }

    /** The first documents of a text, cut into sequences by the store's rules. */
    static LossText of(DocumentSource source, ActivationStore store, LanguageModel model, long mostTokens) {
        StoreManifest.Sequence rules = store.manifest().content().sequence();
        Set<Integer> special = Set.copyOf(rules.excludedTokens());
        List<int[]> sequences = new ArrayList<>();
        try (Stream<Document> documents = source.open()) {
            Packer packer = new Packer(
                    documents.iterator(),
                    Packer.texts(texts -> model.tokenizer().encodeBatch(texts, false)),
                    some -> some,
                    new Packer.Rules(
                            Packing.DOCUMENTS,
                            rules.context(),
                            rules.prependBos() ? model.tokenizer().bosId() : null,
                            (id, position) -> position >= rules.firstRows() && !special.contains(id)),
                    mostTokens == 0 ? Long.MAX_VALUE : mostTokens);
            for (Packer.Sequence s = packer.next(); s != null; s = packer.next()) {
                sequences.add(s.tokens());
            }
        }
        if (sequences.isEmpty()) {
            throw new LoupeException("The text " + source.describe() + " gave no token to evaluate on.");
        }
        return new LossText(source.describe(), sequences, special, rules.firstRows());
    }
}
