package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.Document.Content;
import dev.loupe.corpus.Packer;
import dev.loupe.model.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The tokens of documents under a model's tokenizer, without BOS: of their text, or as the corpus has them. */
final class DocumentTokens implements Function<List<Document>, List<Packer.Tokens>> {
    private final Tokenizer tokenizer;
    private final @Nullable Integer bos;

    DocumentTokens(Tokenizer tokenizer, @Nullable Integer bos) {
        this.tokenizer = tokenizer;
        this.bos = bos;
    }

    @Override
    public List<Packer.Tokens> apply(List<Document> documents) {
        List<Document> texts =
                documents.stream().filter(d -> d.content() == null).toList();
        List<int[]> encoded = texts.isEmpty()
                ? List.of()
                : tokenizer.encodeBatch(texts.stream().map(Document::text).toList(), false);
        List<Packer.Tokens> result = new ArrayList<>();
        int next = 0;
        for (Document document : documents) {
            result.add(
                    switch (document.content()) {
                        case null -> new Packer.Tokens(encoded.get(next++));
                        case Content.Ids ids -> new Packer.Tokens(checked(document, ids.tokens()));
                        case Content.Chat chat ->
                            throw new LoupeException("The document " + document.name()
                                    + " is a conversation, and the model has no chat template for it.");
                    });
        }
        return result;
    }

    /** Ids that the model has, without the BOS that every sequence gets anyway. */
    private int[] checked(Document document, int[] ids) {
        for (int id : ids) {
            if (id < 0 || id >= tokenizer.vocabSize()) {
                throw new LoupeException("The document " + document.name() + " has the token id " + id
                        + ", but the model knows " + tokenizer.vocabSize()
                        + " tokens: the dataset was made for another tokenizer.");
            }
        }
        boolean doubled = bos != null && ids.length > 0 && ids[0] == bos;
        return doubled ? Arrays.copyOfRange(ids, 1, ids.length) : ids;
    }
}
