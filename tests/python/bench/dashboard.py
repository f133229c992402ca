"""SAEDashboard 0.8 on the embedded model, for peer.py: dashboards of some latents of an SAE over the sequences of tokens.npy.

setup.json says: model (its folder), sae (its folder in SAELens' layout), features, hook. What it needs beside SAELens is installed without its dependencies' pins:
pip install --no-deps sae-dashboard==0.8.0 decode-clt==0.0.1 eindex-callum==0.1.2 dataclasses-json==0.6.7 marshmallow==3.26.1
"""
import numpy as np


def model(t, folder):
    import json
    import os

    from sae_lens import HookedSAETransformer
    from transformer_lens import HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_llama_weights
    from transformers import AutoModelForCausalLM, AutoTokenizer

    c = json.load(open(os.path.join(folder, "config.json")))
    head = c["hidden_size"] // c["num_attention_heads"]
    cfg = HookedTransformerConfig(
        n_layers=c["num_hidden_layers"], d_model=c["hidden_size"], n_ctx=c["max_position_embeddings"], d_head=head,
        n_heads=c["num_attention_heads"], n_key_value_heads=c["num_key_value_heads"], d_mlp=c["intermediate_size"],
        d_vocab=c["vocab_size"], act_fn="silu", gated_mlp=True, normalization_type="RMS", final_rms=True, eps=c["rms_norm_eps"],
        positional_embedding_type="rotary", rotary_dim=head, rotary_base=int(c.get("rope_theta") or c["rope_parameters"]["rope_theta"]),
        rotary_adjacent_pairs=False, device="cpu", tokenizer_prepends_bos=True, original_architecture="LlamaForCausalLM")
    theirs = HookedSAETransformer(cfg, tokenizer=AutoTokenizer.from_pretrained(folder))
    ours = AutoModelForCausalLM.from_pretrained(folder, dtype=t.float32)
    theirs.load_state_dict(convert_llama_weights(ours, cfg), strict=False)
    return theirs.eval()


def dashboards(t, s, folder):
    from sae_lens import SAE
    from sae_dashboard.sae_vis_data import SaeVisConfig
    from sae_dashboard.sae_vis_runner import SaeVisRunner

    net = model(t, s["model"])
    sae = SAE.load_from_disk(s["sae"], device="cpu")
    sae.cfg.rescale_acts_by_decoder_norm = True  # decoder rows have length 1: the same activations, and folding is allowed
    tokens = t.from_numpy(np.load(folder + "/tokens.npy").astype(np.int64))
    config = SaeVisConfig(hook_point=s["hook"], features=list(range(s["features"])), minibatch_size_features=s["features"],
                          minibatch_size_tokens=128, device="cpu", ignore_tokens={0})

    def run():
        data = SaeVisRunner(config).run(encoder=sae, model=net, tokens=tokens)
        return len(data.feature_data_dict), float(sum(data.feature_stats.max))

    return run
