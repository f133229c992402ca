package dev.loupe.toy;

import dev.loupe.model.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A tokenizer of a few given tokens, the first of them BOS; texts are cut greedily, longest token first. */
public final class ToyTokenizer implements Tokenizer {
    public static final int BOS = 0;

    private final List<String> tokens;

    /** The texts of tokens 1, 2, ...; token 0 is BOS. */
    public ToyTokenizer(List<String> texts) {
        tokens = new ArrayList<>(texts);
        tokens.addFirst("<s>");
    }

    @Override
    public int[] encode(String text, boolean addSpecial) {
        List<Integer> ids = new ArrayList<>();
        for (int at = 0; at < text.length(); ) {
            int best = -1;
            for (int id = 1; id < tokens.size(); id++) {
                if (text.startsWith(tokens.get(id), at)
                        && (best < 0
                                || tokens.get(id).length() > tokens.get(best).length())) {
                    best = id;
                }
            }
            if (best < 0) {
                throw new IllegalArgumentException("no token for \"" + text.substring(at) + "\"");
            }
            ids.add(best);
            at += tokens.get(best).length();
        }
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public int[] encode(String text) {
        return encode(text, true);
    }

    @Override
    public List<int[]> encodeBatch(List<String> texts, boolean addSpecial) {
        return texts.stream().map(t -> encode(t, addSpecial)).toList();
    }

    @Override
    public String decode(int[] ids, boolean skipSpecial) {
        return String.join("", pieces(ids));
    }

    @Override
    public byte[] tokenBytes(int id) {
        return token(id).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String token(int id) {
        return tokens.get(id);
    }

    @Override
    public List<String> pieces(int[] ids) {
        return Arrays.stream(ids).mapToObj(this::token).toList();
    }

    @Override
    public @Nullable Integer id(String token) {
        int id = tokens.indexOf(token);
        return id < 0 ? null : id;
    }

    @Override
    public int vocabSize() {
        return tokens.size();
    }

    @Override
    public Integer bosId() {
        return BOS;
    }

    @Override
    public @Nullable Integer eosId() {
        return null;
    }

    @Override
    public boolean isSpecial(int id) {
        return id == BOS;
    }

    @Override
    public String checksum() {
        return "toy tokenizer";
    }

    @Override
    public void close() {}
}
