"""Names and shapes of hook points, and values, from TransformerLens without weight processing.

usage: golden_hooks.py GOLDEN_DIR
GOLDEN_DIR is activations-store/src/test/resources/dev/loupe/model/golden with the tiny models of golden_model.py; writes
hooks.json there and compares every value of golden.safetensors that TransformerLens has a hook for. Left out: hooks of the norms of queries
and keys, and unembed.hook_in and hook_out (what the last norm gives, and the logits). Written with
transformer-lens 3.9.0.
"""
import json, sys
import torch
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained import weight_conversions as convert
from transformers import AutoModelForCausalLM

golden = sys.argv[1]  # golden_regimes.py imports from here and has the same argument
CONVERT = {"llama": convert.convert_llama_weights, "mistral": convert.convert_mistral_weights,
           "qwen2": convert.convert_qwen2_weights, "qwen3": convert.convert_qwen3_weights,
           "gpt2": convert.convert_gpt2_weights, "gpt_neo": convert.convert_neo_weights,
           "gpt_neox": convert.convert_neox_weights, "opt": convert.convert_opt_weights,
           "gemma2": convert.convert_gemma_weights, "gemma3_text": convert.convert_gemma_weights}


def config(c):
    kind = c.model_type
    get = lambda *names: next((getattr(c, n) for n in names if getattr(c, n, None) is not None), None)  # noqa: E731
    heads = c.num_attention_heads
    layer_norm = kind in ("gpt2", "gpt_neo", "gpt_neox", "opt")
    rotary = kind not in ("gpt2", "gpt_neo", "opt")
    head = get("head_dim") or c.hidden_size // heads
    rope = get("rope_parameters") or {}
    both = rope.get("full_attention", rope)
    act = get("hidden_activation", "activation_function", "hidden_act")
    options = dict(
        n_layers=c.num_hidden_layers, d_model=c.hidden_size, n_ctx=c.max_position_embeddings, d_head=head, n_heads=heads,
        d_mlp=get("intermediate_size", "ffn_dim", "n_inner") or 4 * c.hidden_size, d_vocab=c.vocab_size, act_fn=act,
        normalization_type="LN" if layer_norm else "RMS", eps=get("rms_norm_eps", "layer_norm_epsilon", "layer_norm_eps") or 1e-5,
        positional_embedding_type="rotary" if rotary else "standard", gated_mlp=not layer_norm, final_rms=not layer_norm,
        use_attn_result=True, use_hook_mlp_in=True, original_architecture=c.architectures[0], device="cpu", seed=0,
        init_weights=False, attn_scale=(get("query_pre_attn_scalar") or head) ** 0.5)
    if rotary:
        options.update(rotary_dim=int(head * both.get("partial_rotary_factor", 1.0)), rotary_base=both.get("rope_theta", 10000))
        options.update(rotary_adjacent_pairs=False, rotary_scaling_factor=both.get("factor", 1.0))
    if both.get("rope_type") == "llama3":
        options.update(rotary_scaling_factor=1.0, use_NTK_by_parts_rope=True, NTK_by_parts_factor=both["factor"],
                       NTK_by_parts_low_freq_factor=both["low_freq_factor"],
                       NTK_by_parts_high_freq_factor=both["high_freq_factor"],
                       NTK_original_ctx_len=both["original_max_position_embeddings"])
    kv = get("num_key_value_heads")
    if not layer_norm and (kv != heads or kind in ("qwen2", "mistral", "gemma2", "gemma3_text")):
        options.update(n_key_value_heads=kv)
    if kind == "gpt_neo":
        options.update(use_attn_scale=False, use_local_attn=True, window_size=c.window_size, attn_types=c.attention_layers)
    if kind == "gpt_neox":
        options.update(parallel_attn_mlp=c.use_parallel_residual)
    if kind == "qwen3":
        options.update(use_qk_norm=True)
    if kind.startswith("gemma"):
        options.update(use_normalization_before_and_after=True, use_local_attn=True, window_size=c.sliding_window,
                       attn_types=["local" if k == "sliding_attention" else "global" for k in c.layer_types],
                       attn_scores_soft_cap=get("attn_logit_softcapping") or -1.0,
                       output_logits_soft_cap=get("final_logit_softcapping") or -1.0)
    if kind == "gemma3_text":
        options.update(use_qk_norm=True, rotary_base_local=rope["sliding_attention"]["rope_theta"])
    if kind in ("mistral", "qwen2", "qwen3") and get("sliding_window"):
        layers = get("layer_types") or ["sliding_attention"] * c.num_hidden_layers
        options.update(use_local_attn=True, window_size=c.sliding_window,
                       attn_types=["local" if k == "sliding_attention" else "global" for k in layers])
    return HookedTransformerConfig(**options)


def show(value, c, n):
    names = ["pos" if d == n and i else str(d) for i, d in enumerate(value.shape)]
    return "[batch, " + ", ".join(names[1:]) + "]"


def load(name):
    """A tiny model as TransformerLens' parameters: configuration and state."""
    hf = AutoModelForCausalLM.from_pretrained(f"{golden}/{name}", dtype=torch.float32, attn_implementation="eager")
    cfg = config(hf.config)
    return cfg, {k: v.detach() for k, v in CONVERT[hf.config.model_type](hf, cfg).items()}


def picked(model, cfg, hook, cache, m):
    """Positions 1, m/2 and m-1; hook_normalized of LayerNorm after gain and bias, as up to version 2."""
    t = cache[hook]
    if hook.endswith("hook_normalized") and cfg.normalization_type == "LN":
        module = model.get_submodule(hook.rsplit(".", 1)[0])
        t = t * module.w + module.b
    square = hook.endswith(("hook_pattern", "hook_attn_scores"))
    t = t[0].transpose(0, 1).reshape(m, -1) if square else t[0].reshape(m, -1)
    return t[[1, m // 2, m - 1]]


def main():
    found = {}
    for name in ("tiny-linear", "tiny-mistral", "tiny-qwen2", "tiny-qwen3", "tiny-gpt2", "tiny-neo", "tiny-neox", "tiny-opt",
                 "tiny-gemma2", "tiny-gemma3", "tiny-llama3",
                 *(f"var-{f}-{h}-untied" for f in ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3") for h in ("mha", "mqa")),
                 "var-neo-mha-untied", "var-neox-mha-tied", "var-opt-mha-untied"):
        cfg, state = load(name)
        model = HookedTransformer(cfg, tokenizer=None, move_to_device=False)
        model.load_state_dict(state, strict=False)
        values = load_file(f"{golden}/{name}/golden.safetensors")
        ids = values["ids.0"]
        n = 7  # no width of the models
        _, long = model.run_with_cache(torch.arange(n)[None])
        found[name] = {k: show(v, cfg, n) for k, v in long.items()
                       if ".q_norm." not in k and ".k_norm." not in k and not k.startswith("unembed.")}
        logits, cache = model.run_with_cache(ids[None])
        worst, checked, other = 0, 0, []
        for key, value in values.items():
            if not key.startswith("act.") or not key.endswith(".0"):
                continue
            hook = key[4:-2]
            if hook not in cache:
                other.append(hook)
                continue
            t = picked(model, cfg, hook, cache, len(ids))
            same = torch.isinf(value) & torch.isinf(t)
            gap = torch.where(same, 0.0, (t - value).abs()).max() / torch.where(same, 0.0, value.abs()).max()
            checked += 1
            worst = max(worst, gap.item())
            if gap > 1e-5:
                print("   differs:", hook, gap.item())
        last = ((logits[0, -1] - values["logits.0"]).abs().max() / values["logits.0"].abs().max()).item()
        print(f"{name}: {len(found[name])} hooks, {checked} compared, largest difference {worst:.2g}, logits {last:.2g}, without counterpart {other}")
    with open(f"{golden}/hooks.json", "w") as f:
        json.dump(found, f, indent=0, sort_keys=True)


if __name__ == "__main__":
    main()
