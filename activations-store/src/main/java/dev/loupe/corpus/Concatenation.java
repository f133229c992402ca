package dev.loupe.corpus;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@link Packing#CONCATENATED}. */
final class Concatenation implements Packer.PieceCutter {
    private final Packer.Rules rules;
    private Packer.Draft open = new Packer.Draft();
    private int[] ids;
    private final String[] labels;
    private boolean labelled;
    private int length;

    Concatenation(Packer.Rules rules) {
        this.rules = rules;
        this.ids = new int[rules.context()];
        this.labels = new String[rules.context()];
    }

    @Override
    public List<Packer.Draft> add(Packer.Holder document, Packer.Tokens tokens) {
        List<Packer.Draft> complete = new ArrayList<>();
        Integer bos = rules.bos();
        int[] more = tokens.ids();
        if (more.length == 0) {
            return complete;
        }
        boolean begins = true;
        for (int i = 0; i < more.length; i++) {
            // BOS in front of every sequence and of every document
            if (bos != null && (length == 0 || begins)) {
                if (length > 0 && length + 2 > rules.context()) {
                    complete.add(close()); // no room for BOS and a token behind it
                }
                begin(document);
                put(bos, null);
            } else if (length == 0 || begins) {
                begin(document);
            }
            begins = false;
            String[] all = tokens.labels();
            put(more[i], all == null ? null : all[i]);
            if (length == rules.context()) {
                complete.add(close());
            }
        }
        return complete;
    }

    private void begin(Packer.Holder document) {
        open.documents.add(document);
        open.from.add(length);
    }

    private void put(int id, @Nullable String label) {
        ids[length] = id;
        labels[length++] = label == null ? "" : label;
        labelled |= label != null;
    }

    private Packer.Draft close() {
        Packer.Draft draft = open;
        draft.tokens = Arrays.copyOf(ids, length);
        draft.labels = labelled ? Arrays.copyOf(labels, length) : null;
        open = new Packer.Draft();
        ids = new int[rules.context()];
        length = 0;
        labelled = false;
        return draft;
    }

    @Override
    public List<Packer.Draft> rest() {
        return length == 0 ? List.of() : List.of(close());
    }
}
