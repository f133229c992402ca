package dev.loupe.model;

/**
 * A named place in the forward pass where activations can be read or edited, in TransformerLens' vocabulary
 * ({@code blocks.3.hook_resid_post}, {@code blocks.0.attn.hook_z}, {@code ln_final.hook_normalized}).
 *
 * @param name the full dotted name
 */
public record HookPoint(String name) implements Comparable<HookPoint> {
    private static final String BLOCKS = "blocks.";

    /** Newer names of the same places ({@code blocks.3.hook_out}) become the usual ones. */
    public HookPoint {
        name = HookAliases.canonical(name);
    }

    /** A hook point of any name; whether a model has it is found out when it is used. */
    public static HookPoint of(String name) {
        return new HookPoint(name);
    }

    /** A hook point inside a block, for example {@code block(3, "hook_resid_post")}. */
    public static HookPoint block(int layer, String local) {
        return new HookPoint(BLOCKS + layer + "." + local);
    }

    /** The residual stream as a block receives it. */
    public static HookPoint residPre(int layer) {
        return block(layer, "hook_resid_pre");
    }

    /** The residual stream between attention and MLP. */
    public static HookPoint residMid(int layer) {
        return block(layer, "hook_resid_mid");
    }

    /** The residual stream as a block leaves it. */
    public static HookPoint residPost(int layer) {
        return block(layer, "hook_resid_post");
    }

    /** What the attention of a block adds to the residual stream. */
    public static HookPoint attnOut(int layer) {
        return block(layer, "hook_attn_out");
    }

    /** What the MLP of a block adds to the residual stream. */
    public static HookPoint mlpOut(int layer) {
        return block(layer, "hook_mlp_out");
    }

    /** The outputs of the heads before the output projection, {@code [batch, pos, head, d_head]}. */
    public static HookPoint z(int layer) {
        return block(layer, "attn.hook_z");
    }

    /** The MLP's neurons after activation (and gate), {@code [batch, pos, d_mlp]}. */
    public static HookPoint mlpPost(int layer) {
        return block(layer, "mlp.hook_post");
    }

    /**
     * The block this hook point lies in; -1 for the embeddings, {@link Integer#MAX_VALUE} for anything after the last
     * block.
     */
    public int layer() {
        if (!name.startsWith(BLOCKS)) {
            return name.equals("hook_embed") || name.equals("hook_pos_embed") ? -1 : Integer.MAX_VALUE;
        }
        int dot = name.indexOf('.', BLOCKS.length());
        try {
            return Integer.parseInt(dot < 0 ? name.substring(BLOCKS.length()) : name.substring(BLOCKS.length(), dot));
        } catch (NumberFormatException e) {
            return Integer.MAX_VALUE;
        }
    }

    /** The name without {@code blocks.N.}, for example {@code attn.hook_z}. */
    public String local() {
        int dot = name.startsWith(BLOCKS) ? name.indexOf('.', BLOCKS.length()) : -1;
        return dot < 0 ? name : name.substring(dot + 1);
    }

    @Override
    public int compareTo(HookPoint other) {
        int byLayer = Integer.compare(layer(), other.layer());
        return byLayer != 0 ? byLayer : name.compareTo(other.name);
    }

    @Override
    public String toString() {
        return name;
    }
}
