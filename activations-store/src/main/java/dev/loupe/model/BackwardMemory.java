package dev.loupe.model;

/**
 * Memory that a backward pass takes between its two ways, told before it starts. Per block it wants to hold the block's input and
 * what the way back needs of its inside: queries, keys, values, attention patterns, the inputs of both norms, and what the MLP
 * has before its activation (gate and linear part where there are both). What does not fit the budget is computed again:
 * first the insides of blocks, then all inputs but every n-th (Korthikanti et al., "Reducing Activation Recomputation in Large
 * Transformer Models", arXiv 2205.05198; Chen et al., arXiv 1604.06174).
 *
 * @param everything bytes if nothing is computed again
 * @param inputs bytes of the inputs of all blocks, and one block's inside at a time
 * @param least bytes of as few inputs as possible, about {@code 2 sqrt(blocks)}, and one block's inside
 * @param budget bytes that the pass may take ({@link BackwardPlan#keepBytes})
 */
public record BackwardMemory(long everything, long inputs, long least, long budget) {

    /**
     * The memory of a pass; of blocks that are derived without tensors somewhat less.
     *
     * @param batch sequences
     * @param tokens of each
     * @param budget bytes it may take
     */
    public static BackwardMemory of(LanguageModel model, int batch, long tokens, long budget) {
        ModelConfig c = model.config();
        int blocks = c.nLayers();
        long input = batch * input(c, tokens);
        boolean posts = model.hooks().stream().anyMatch(h -> h.name().contains(".ln1_post."));
        long inside = batch * (inside(c, model.mlp().gated(), tokens) + (posts ? 2 * input(c, tokens) : 0));
        return new BackwardMemory(
                blocks * (input + inside), blocks * input + inside, held(blocks) * input + inside, budget);
    }

    /** Bytes that one block leaves behind beside its input, for one sequence. */
    static long inside(ModelConfig c, boolean gated, long tokens) {
        long perToken = 2L * (c.dModel() + 1) // what both norms saw, and its length
                + (long) c.nHeads() * c.dHead()
                + 2L * c.nKeyValueHeads() * c.dHead()
                + (long) c.dMlp() * (gated ? 2 : 1);
        return 4 * (perToken * tokens + c.nHeads() * tokens * tokens);
    }

    /** Bytes of the input of one block, for one sequence. */
    static long input(ModelConfig c, long tokens) {
        return 4L * c.dModel() * tokens;
    }

    /** Inputs that are held if every n-th is kept, for the best n. */
    static int held(int blocks) {
        int best = blocks;
        for (int n = 1; n <= blocks; n++) {
            best = Math.min(best, BlockInputs.held(blocks, n));
        }
        return best;
    }

    /** Bytes that it will take: everything, or what the budget allows, or the least that it can do with. */
    public long taken() {
        return Math.min(everything, Math.max(budget, least));
    }
}
