package dev.loupe.feature;

import dev.loupe.model.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Bytes of a token that need not be whole characters: what is text stays text, the rest is shown as what it is. */
public final class PartialText {
    private PartialText() {}

    /** A token as text; one that holds part of a character is shown by its bytes where that is. */
    public static String token(Tokenizer tokenizer, int id) {
        String text = tokenizer.token(id);
        return text.indexOf('\uFFFD') >= 0 ? of(tokenizer.tokenBytes(id)) : text;
    }

    /** For example {@code " ⟨E2 82⟩"} for a blank and the first two bytes of a euro sign. */
    static String of(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        StringBuilder text = new StringBuilder();
        StringBuilder part = new StringBuilder();
        while (in.hasRemaining()) {
            CharBuffer out = CharBuffer.allocate(in.remaining());
            decoder.reset();
            CoderResult result = decoder.decode(in, out, true);
            if (out.flip().hasRemaining()) {
                end(text, part);
                text.append(out);
            }
            for (int i = 0; result.isError() && i < result.length(); i++) {
                part.append(part.isEmpty() ? "" : " ").append(String.format(Locale.ROOT, "%02X", in.get() & 0xff));
            }
        }
        end(text, part);
        return text.toString();
    }

    private static void end(StringBuilder text, StringBuilder part) {
        if (!part.isEmpty()) {
            text.append('⟨').append(part).append('⟩');
            part.setLength(0);
        }
    }
}
