package dev.loupe.engine;

import java.util.List;

/** The rules that tests of engines go through: together they use every part of {@link StepRule}. */
enum Kind {
    RELU(Selection.POSITIVE),
    RELU_FREE(Selection.POSITIVE),
    PANNEAL(Selection.POSITIVE),
    TOPK(Selection.TOPK),
    TOPK_CLIPPED_AVERAGED(Selection.TOPK),
    STATISTICAL(Selection.STATISTICAL),
    BATCH_TOPK(Selection.BATCH_TOPK),
    MATRYOSHKA(Selection.BATCH_TOPK),
    JUMP_TARGET(Selection.THRESHOLD),
    JUMP_TANH_FREE(Selection.THRESHOLD),
    JUMP_FREQUENCY(Selection.THRESHOLD),
    JUMP_MATRYOSHKA(Selection.THRESHOLD),
    GATED(Selection.GATE),
    TRANSCODER(Selection.TOPK),
    SKIP_TRANSCODER(Selection.THRESHOLD),
    CROSSCODER(Selection.POSITIVE),
    CROSSCODER_BATCH_TOPK(Selection.BATCH_TOPK),
    CROSS_LAYER_TANH(Selection.THRESHOLD),
    CROSS_LAYER_BATCH_TOPK(Selection.BATCH_TOPK);

    final Selection selection;

    Kind(Selection selection) {
        this.selection = selection;
    }

    boolean transcodes() {
        return this == TRANSCODER || this == SKIP_TRANSCODER || crossLayer();
    }

    boolean crossLayer() {
        return this == CROSS_LAYER_TANH || this == CROSS_LAYER_BATCH_TOPK;
    }

    boolean unitDecoder() {
        return this != RELU_FREE && this != JUMP_TANH_FREE && this != CROSSCODER && !transcodes();
    }

    /** Two places of which the first is smaller, as far as there is room. */
    Layout layout(int d) {
        List<Integer> in = d < 2 ? List.of(d) : List.of(d / 2, d);
        List<Integer> out = in.stream().map(e -> e == d ? dOut(d) : e).toList();
        return switch (this) {
            case CROSSCODER, CROSSCODER_BATCH_TOPK -> new Layout(in, in, false);
            case CROSS_LAYER_TANH, CROSS_LAYER_BATCH_TOPK -> new Layout(in, out, true);
            default -> Layout.ONE;
        };
    }

    /** The width of what is written where d values are read. */
    int dOut(int d) {
        return transcodes() ? d + 2 : d;
    }

    StepRule rule(int n, int d, int k, int deadAfter, double epsilon) {
        return rule(n, d, k, deadAfter, new AdamRule(0.01, 0.9, 0.999, epsilon));
    }

    StepRule rule(int n, int d, int k, int deadAfter, AdamRule adam) {
        StepRule.Builder b = StepRule.of(selection, adam)
                .deadAfter(deadAfter)
                .unitDecoder(unitDecoder())
                .layout(layout(d))
                .subtractBias(!transcodes());
        List<Integer> prefixes = n < 3 ? List.of(n) : List.of(Math.max(1, n / 4), Math.max(2, n / 2), n);
        switch (this) {
            case RELU, GATED -> b.sparsity(Sparsity.l1(0.3));
            case RELU_FREE -> b.sparsity(Sparsity.l1(0.3)).clip(1.5);
            case PANNEAL -> b.sparsity(Sparsity.lp(0.3, 0.6, 0.3));
            case CROSSCODER -> b.sparsity(Sparsity.l1(0.3)).clip(2);
            case CROSS_LAYER_TANH ->
                b.sparsity(Sparsity.tanh(0.5, 2).withPreActivation(0.2, false))
                        .kernel(ThresholdKernel.RECTANGLE, 0.8)
                        .clip(2);
            case TOPK, TRANSCODER, STATISTICAL -> b.k(k).aux(0.25, 3);
            case TOPK_CLIPPED_AVERAGED -> b.k(k).aux(0.25, 3).clip(0.7).average(0.8);
            case BATCH_TOPK, CROSSCODER_BATCH_TOPK, CROSS_LAYER_BATCH_TOPK -> b.k(k).aux(0.25, 3);
            case MATRYOSHKA ->
                b.k(k).aux(0.25, 3).prefixes(prefixes, 1.0 / prefixes.size()).average(0.5);
            case JUMP_TARGET -> b.sparsity(Sparsity.l0(0.7, 2.5)).kernel(ThresholdKernel.RECTANGLE, 0.8);
            case JUMP_TANH_FREE ->
                b.sparsity(Sparsity.tanh(0.5, 2).withPreActivation(0.2, false))
                        .kernel(ThresholdKernel.TRIANGLE, 0.8)
                        .clip(2);
            case JUMP_FREQUENCY ->
                b.sparsity(Sparsity.frequency(0.4, 0.2).withPreActivation(0.3, true))
                        .kernel(ThresholdKernel.EPANECHNIKOV, 0.6)
                        .aux(0.25, 3);
            case JUMP_MATRYOSHKA ->
                b.sparsity(Sparsity.l0(0.1, 0))
                        .kernel(ThresholdKernel.RECTANGLE, 0.8)
                        .prefixes(prefixes, 1);
            case SKIP_TRANSCODER ->
                b.sparsity(Sparsity.l0(0.1, 0))
                        .kernel(ThresholdKernel.RECTANGLE, 0.8)
                        .clip(3)
                        .average(0.9);
        }
        return b.build();
    }
}
