package dev.loupe.patch;

import dev.loupe.model.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** One token per letter a to z; id 0 is the beginning-of-sequence token, 27 a space, 28 the pair " x". */
final class ToyTokenizer implements Tokenizer {
    static final int SIZE = 29;

    @Override
    public int[] encode(String text, boolean addSpecial) {
        List<Integer> ids = new ArrayList<>();
        if (addSpecial) {
            ids.add(0);
        }
        for (int i = 0; i < text.length(); i++) {
            if (text.startsWith(" x", i)) {
                ids.add(28);
                i++;
            } else {
                ids.add(text.charAt(i) == ' ' ? 27 : text.charAt(i) - 'a' + 1);
            }
        }
        return ids.stream().mapToInt(i -> i).toArray();
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
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.append(id == 0 && skipSpecial ? "" : token(id));
        }
        return text.toString();
    }

    @Override
    public byte[] tokenBytes(int id) {
        return token(id).getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    @Override
    public String token(int id) {
        return id == 0 ? "<bos>" : id == 27 ? " " : id == 28 ? " x" : String.valueOf((char) ('a' + id - 1));
    }

    @Override
    public List<String> pieces(int[] ids) {
        return java.util.Arrays.stream(ids).mapToObj(this::token).toList();
    }

    @Override
    public Integer id(String token) {
        int[] ids = encode(token, false);
        return ids.length == 1 ? ids[0] : null;
    }

    @Override
    public int vocabSize() {
        return SIZE;
    }

    @Override
    public Integer bosId() {
        return 0;
    }

    @Override
    public Integer eosId() {
        return null;
    }

    @Override
    public boolean isSpecial(int id) {
        return id == 0;
    }

    @Override
    public String checksum() {
        return "toy";
    }

    @Override
    public void close() {}
}
