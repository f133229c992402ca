package dev.loupe.service;

import dev.loupe.math.Matrix;
import dev.loupe.model.Activation;
import dev.loupe.model.Forward;
import dev.loupe.model.HookPoint;
import dev.loupe.model.LanguageModel;
import dev.loupe.model.Taps;
import dev.loupe.model.TokenBatch;
import dev.loupe.model.Want;
import dev.loupe.store.ActivationStore;
import dev.loupe.store.RowReader;
import dev.loupe.store.TokenTable;
import java.util.ArrayList;
import java.util.List;

/** Rows of single sequences whose activations were never stored: the model runs over the sequence of each row asked for. */
final class SequenceRows implements RowReader {
    private final ActivationStore tokens;
    private final LanguageModel model;
    private final List<HookPoint> hooks = new ArrayList<>();
    private final int width;

    SequenceRows(ActivationStore tokens, LanguageModel model, String hookNames) {
        this.tokens = tokens;
        this.model = model;
        int sum = 0;
        for (String name : hookNames.split(",", -1)) {
            hooks.add(HookPoint.of(name));
            sum += model.hook(name).width();
        }
        this.width = sum;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public long rows() {
        return tokens.rows();
    }

    @Override
    public void gather(long[] rows, int from, int count, Matrix dst) {
        for (int i = 0; i < count; i++) {
            read(rows[from + i], 1, dst.rows(i, i + 1));
        }
    }

    @Override
    public void read(long first, int count, Matrix dst) {
        TokenTable table = tokens.tokens();
        for (int done = 0; done < count; ) {
            int sequence = table.sequence(first + done);
            Forward forward = model.forward(
                    new TokenBatch(new int[][] {tokens.sequenceTokens(sequence)}), Taps.read(hooks), Want.NOTHING);
            for (; done < count && table.sequence(first + done) == sequence; done++) {
                float[] row = new float[width];
                int column = 0;
                for (HookPoint hook : hooks) {
                    Activation a = forward.activation(hook);
                    float[] part = a.row(0, table.position(first + done));
                    System.arraycopy(part, 0, row, column, part.length);
                    column += part.length;
                }
                dst.setRow(done, row);
            }
        }
    }
}
