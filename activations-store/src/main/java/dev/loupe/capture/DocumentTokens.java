package dev.loupe.capture;

import dev.loupe.base.LoupeException;
import dev.loupe.chat.ChatMessage;
import dev.loupe.chat.ChatTemplate;
import dev.loupe.chat.Conversation;
import dev.loupe.corpus.Document;
import dev.loupe.corpus.Document.Content;
import dev.loupe.corpus.Packer;
import dev.loupe.model.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of documents under a model's tokenizer, without BOS: of their text, or as the corpus has them, or of
 * conversations through the model's chat template, each token labelled with who says it.
 */
final class DocumentTokens implements Function<List<Document>, List<Packer.Tokens>> {
    private final Tokenizer tokenizer;
    private final @Nullable Integer bos;
    private final @Nullable ChatTemplate template;

    DocumentTokens(Tokenizer tokenizer, @Nullable Integer bos) {
        this.tokenizer = tokenizer;
        this.bos = bos;
        String source = tokenizer.chatTemplate();
        this.template = source == null ? null : new ChatTemplate(source);
    }

    @Override
    public List<Packer.Tokens> apply(List<Document> documents) {
        Conversation[] chats = documents.parallelStream()
                .map(d -> d.content() instanceof Content.Chat chat ? rendered(d, chat) : null)
                .toArray(Conversation[]::new);
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < chats.length; i++) {
            Document document = documents.get(i);
            if (chats[i] != null) {
                texts.add(chats[i].text());
            } else if (document.content() == null) {
                texts.add(document.text());
            }
        }
        List<int[]> encoded = texts.isEmpty() ? List.of() : tokenizer.encodeBatch(texts, false);
        List<Packer.Tokens> result = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < chats.length; i++) {
            Document document = documents.get(i);
            if (document.content() instanceof Content.Ids ids) {
                result.add(new Packer.Tokens(withoutBos(checked(document, ids.tokens()))));
                continue;
            }
            int[] ids = encoded.get(next++);
            Conversation chat = chats[i];
            if (chat == null) {
                result.add(new Packer.Tokens(ids));
                continue;
            }
            String[] labels = chat.labels(tokenizer.pieces(ids)); // the template writes the special tokens, BOS too
            int[] rest = withoutBos(ids);
            result.add(new Packer.Tokens(rest, Arrays.copyOfRange(labels, ids.length - rest.length, ids.length)));
        }
        return result;
    }

    private Conversation rendered(Document document, Content.Chat chat) {
        if (template == null) {
            throw new LoupeException("The document " + document.name() + " is a conversation, and the model has no chat"
                    + " template for it: choose a chat model, or put a chat_template.jinja into the model's folder.");
        }
        try {
            return template.conversation(
                    chat.messages().stream()
                            .map(m -> new ChatMessage(m.role(), m.text()))
                            .toList(),
                    text(tokenizer.bosId()),
                    text(tokenizer.eosId()));
        } catch (LoupeException e) {
            throw new LoupeException(
                    "The model's chat template refuses the conversation " + document.name() + ": " + e.getMessage(), e);
        }
    }

    private @Nullable String text(@Nullable Integer id) {
        return id == null ? null : tokenizer.token(id);
    }

    /** Ids that the model has. */
    private int[] checked(Document document, int[] ids) {
        for (int id : ids) {
            if (id < 0 || id >= tokenizer.vocabSize()) {
                throw new LoupeException("The document " + document.name() + " has the token id " + id
                        + ", but the model knows " + tokenizer.vocabSize()
                        + " tokens: the dataset was made for another tokenizer.");
            }
        }
        return ids;
    }

    /** Every sequence gets BOS anyway. */
    private int[] withoutBos(int[] ids) {
        boolean doubled = bos != null && ids.length > 0 && ids[0] == bos;
        return doubled ? Arrays.copyOfRange(ids, 1, ids.length) : ids;
    }
}
