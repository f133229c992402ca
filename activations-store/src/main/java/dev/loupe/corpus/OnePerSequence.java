package dev.loupe.corpus;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** {@link Packing#DOCUMENTS}. */
final class OnePerSequence implements Packer.PieceCutter {
    private final Packer.Rules rules;

    OnePerSequence(Packer.Rules rules) {
        this.rules = rules;
    }

    @Override
    public List<Packer.Draft> add(Packer.Holder document, Packer.Tokens tokens) {
        Integer bos = rules.bos();
        int head = bos == null ? 0 : 1;
        int[] ids = tokens.ids();
        String[] labels = tokens.labels();
        List<Packer.Draft> result = new ArrayList<>();
        for (int from = 0; from < ids.length; from += rules.context() - head) {
            int count = Math.min(rules.context() - head, ids.length - from);
            Packer.Draft draft = new Packer.Draft();
            draft.documents.add(document);
            draft.from.add(0);
            draft.tokens = new int[count + head];
            System.arraycopy(ids, from, draft.tokens, head, count);
            if (bos != null) {
                draft.tokens[0] = bos;
            }
            if (labels != null) {
                String[] own = new String[count + head];
                Arrays.fill(own, "");
                System.arraycopy(labels, from, own, head, count);
                draft.labels = own;
            }
            result.add(draft);
        }
        return result;
    }

    @Override
    public List<Packer.Draft> rest() {
        return List.of();
    }
}
