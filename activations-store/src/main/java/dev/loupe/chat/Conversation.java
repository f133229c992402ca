package dev.loupe.chat;

import dev.loupe.base.LoupeException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A whole conversation as the text that a model was trained on, and who says which part of it. What a template writes
 * around a message (who speaks, end of turn) belongs to that message.
 *
 * @param text the rendered conversation
 * @param roles who speaks, by part
 * @param ends where parts end in the text, ascending; the last at its end
 */
public record Conversation(String text, List<String> roles, List<Integer> ends) {
    /** Checks that the parts cover the text. */
    public Conversation {
        roles = List.copyOf(roles);
        ends = List.copyOf(ends);
        if (roles.size() != ends.size() || roles.isEmpty() || ends.getLast() != text.length()) {
            throw new IllegalArgumentException("the parts of a conversation do not cover it");
        }
    }

    /**
     * Renders messages. A message ends where the rendering of the messages up to it ends. Where a template renders the
     * beginning of a conversation differently without the rest, a message ends behind its own words.
     *
     * @throws dev.loupe.base.UsageException if the template refuses the conversation, in its own words
     * @throws LoupeException if the template cannot be rendered
     */
    static Conversation render(
            ChatTemplate template, List<ChatMessage> messages, @Nullable String bos, @Nullable String eos) {
        String whole = template.render(messages, bos, eos, Map.of(), false);
        List<String> roles = new ArrayList<>();
        List<Integer> ends = new ArrayList<>();
        int end = 0;
        for (int i = 0; i < messages.size(); i++) {
            end = i + 1 == messages.size() ? whole.length() : end(template, messages, i, bos, eos, whole, end);
            roles.add(messages.get(i).role());
            ends.add(end);
        }
        return new Conversation(whole, roles, ends);
    }

    private static int end(
            ChatTemplate template,
            List<ChatMessage> messages,
            int last,
            @Nullable String bos,
            @Nullable String eos,
            String whole,
            int from) {
        String begin;
        try {
            begin = template.render(messages.subList(0, last + 1), bos, eos, Map.of(), false);
        } catch (LoupeException e) {
            begin = ""; // it wants the rest: a user behind the system, say
        }
        String said = messages.get(last).content().strip();
        int at = said.isEmpty() ? -1 : whole.indexOf(said, from);
        int spoken = at < 0 ? from : at + said.length();
        // a system message that is told as a part of the user's turn is not in what is rendered without that turn
        return begin.length() >= spoken && whole.startsWith(begin) ? begin.length() : spoken;
    }

    /**
     * Who says each token: the speaker of its first character.
     *
     * @param pieces the text of each token ({@link dev.loupe.model.Tokenizer#pieces}); where a tokenizer changes the text, a piece is looked
     *     for in what follows the one before
     */
    public String[] labels(List<String> pieces) {
        String[] labels = new String[pieces.size()];
        int at = 0;
        int part = 0;
        for (int t = 0; t < labels.length; t++) {
            String piece = pieces.get(t);
            int begin = at;
            if (!text.startsWith(piece, at)) {
                String core = piece.strip();
                int found = core.isEmpty() ? -1 : text.indexOf(core, at);
                if (found >= 0 && found - at <= NEAR) {
                    begin = found;
                    at = found + core.length();
                } else {
                    at = Math.min(text.length(), at + (core.isEmpty() ? 0 : piece.length()));
                }
            } else {
                at += piece.length();
            }
            while (part + 1 < ends.size() && begin >= ends.get(part)) {
                part++;
            }
            labels[t] = roles.get(part);
        }
        return labels;
    }

    private static final int NEAR = 32; // characters that a tokenizer may leave out
}
