package dev.loupe.store;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import java.util.ArrayList;
import java.util.List;

/** Reads every byte of a store. What opening already compared (schemas and footers) is not compared again. */
final class StoreVerifier {
    private static final int MOST_PROBLEMS = 100;

    private StoreVerifier() {}

    static VerifyReport verify(ActivationStore store, List<Shards> tables, CheckedFile documents, Progress progress) {
        List<CheckedFile> files = new ArrayList<>();
        for (Shards table : tables) {
            for (int s = 0; s < table.shards(); s++) {
                files.add(table.file(s));
            }
        }
        files.add(documents);
        long all = files.stream().mapToLong(CheckedFile::bytes).sum();
        progress.stage("verify " + store.name(), all, "bytes");
        List<String> problems = new ArrayList<>();
        if (!StoreManifest.isUntouched(store.folder())) {
            problems.add(
                    "The manifest " + store.folder().resolve(StoreManifest.FILE)
                            + " does not have its checksum: it was edited or is damaged; restore it or capture the store again.");
        }
        long done = 0;
        for (CheckedFile file : files) {
            for (int b = 0; b < file.batches() && problems.size() < MOST_PROBLEMS; b++) {
                progress.check();
                try {
                    file.verify(b);
                } catch (LoupeException e) {
                    problems.add(String.valueOf(e.getMessage()));
                }
            }
            done += file.bytes();
            progress.advance(done);
        }
        if (problems.isEmpty()) { // the tables are only worth comparing where every byte is right
            tables(store, problems);
        }
        return new VerifyReport(files.size(), all, List.copyOf(problems));
    }

    /** A packed sequence may have several documents, but all of them held out or none. */
    private static boolean sameSide(ActivationStore store, int document, int other) {
        DocumentTable documents = store.documents();
        return document >= 0 && document < documents.size() && documents.heldOut(document) == documents.heldOut(other);
    }

    private static void tables(ActivationStore store, List<String> problems) {
        TokenTable tokens = store.tokens();
        SequenceTable sequences = store.sequences();
        int documents = store.documents().size();
        long row = 0;
        for (int s = 0; s < sequences.size() && problems.size() < MOST_PROBLEMS; s++) {
            int document = sequences.document(s);
            if (sequences.firstRow(s) != row || document < 0 || document >= documents) {
                problems.add("The sequence table of " + store.folder() + " does not fit its tokens (sequence " + s
                        + "); capture the store again.");
                return;
            }
            int[] ids = sequences.tokens(s);
            int previous = -1;
            for (int i = 0; i < sequences.rows(s); i++, row++) {
                int position = tokens.position(row);
                if (tokens.sequence(row) != s
                        || !sameSide(store, tokens.document(row), document)
                        || position <= previous
                        || position >= ids.length
                        || ids[position] != tokens.tokenId(row)) {
                    problems.add("The token table of " + store.folder() + " does not fit its sequences (row " + row
                            + "); capture the store again.");
                    return;
                }
                previous = position;
            }
        }
        if (store.trainRowIds().size() != store.trainRows()
                || store.heldOutRowIds().size() != store.heldOutRows()) {
            problems.add("The manifest of " + store.folder()
                    + " counts other training and held-out tokens than its tables; capture the store again.");
        }
    }
}
