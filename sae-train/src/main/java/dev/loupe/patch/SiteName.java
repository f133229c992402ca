package dev.loupe.patch;

import dev.loupe.base.UsageException;
import org.jspecify.annotations.Nullable;

/**
 * The name of a site as a person writes it.
 *
 * @param kind what is patched there
 * @param sae the SAE's name, for the kinds sae and error only
 */
record SiteName(Kind kind, @Nullable String sae) {
    /** What a site is made of. */
    enum Kind {
        RESID_PRE("resid_pre", "hook_resid_pre"),
        RESID_MID("resid_mid", "hook_resid_mid"),
        RESID_POST("resid_post", "hook_resid_post"),
        ATTN_OUT("attn_out", "hook_attn_out"),
        MLP_OUT("mlp_out", "hook_mlp_out"),
        Q("q", "attn.hook_q"),
        K("k", "attn.hook_k"),
        V("v", "attn.hook_v"),
        Z("z", "attn.hook_z"),
        Z_POS("z_pos", "attn.hook_z"),
        NEURONS("neurons", "mlp.hook_post"),
        SAE("sae", null),
        ERROR("error", null);

        final String key;
        final @Nullable String hook;

        Kind(String key, @Nullable String hook) {
            this.key = key;
            this.hook = hook;
        }
    }

    static SiteName parse(String text) {
        for (Kind k : Kind.values()) {
            if (k.hook != null && k.key.equals(text)) {
                return new SiteName(k, null);
            }
            if (k.hook == null && text.startsWith(k.key + ":") && text.length() > k.key.length() + 1) {
                return new SiteName(k, text.substring(k.key.length() + 1));
            }
        }
        throw new UsageException("There is no site \"" + text + "\"; use resid_pre, resid_mid, resid_post, attn_out,"
                + " mlp_out, q, k, v, z, z_pos, neurons, sae:NAME or error:NAME.");
    }

    /** The hook of a layer, in TransformerLens names. Only for kinds other than sae and error. */
    String hook(int layer) {
        return "blocks." + layer + "." + kind.hook;
    }
}
