"""Golden values of the language model runtime, from transformers and PyTorch's autograd in float32.

usage: golden_model.py MODEL_DIR OUT_DIR [NAME...]
MODEL_DIR is the embedded model (activations-store/src/main/resources/dev/loupe/model/builtin), OUT_DIR receives
builtin.safetensors and one folder per tiny random model (config.json, model.safetensors, golden.safetensors):
activations-store/src/test/resources/dev/loupe/model/golden. With NAMEs only those tiny models are made. Written with torch 2.15.0
and transformers 5.23.0. Folders
var-FAMILY-HEADS-TYING hold every kind of heads (mha, gqa, mqa) with tied and untied embeddings, their weights in bfloat16;
variants.txt lists them.

Every family's network is also written out (model_expression.py), checked against transformers, and derived by autograd with the
terms detached that a rule takes for constants.

Tensor names: ids.R (tokens of row R), loss.R, logits.R (at the last position), act.HOOK.R (values [position, width] at
the positions POS picks), grad.RULES.HOOK.R (gradient of the sum over rows of logit[a] - logit[b] at each last position),
value.R. RULES is a subset of "lnha" (ln, identity, half, attention pattern) or "none".
"""
import copy, os, sys
import torch
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, GPT2Config, GPTNeoConfig, GPTNeoXConfig, Gemma2Config, Gemma3Config,
                          Gemma3ForConditionalGeneration, Gemma3TextConfig, LlamaConfig, MistralConfig, OPTConfig, Qwen2Config,
                          Qwen3Config)

from model_expression import Rules, expression, reference

source, out, *only = sys.argv[1:]
torch.set_num_threads(1)
POS = lambda n: [1, n // 2, n - 1]  # noqa: E731


def close(a, b, name):
    worst = (a - b).abs().max().item() / max(1e-9, b.abs().max().item())
    assert worst < 1e-5, (name, worst)


def pick(name, value, n):
    if name.endswith(("hook_pattern", "hook_attn_scores")):
        return value[0].transpose(0, 1).reshape(n, -1)[POS(n)]  # [query, head * key]
    return value[0].reshape(n, -1)[POS(n)]


def golden(model, rows, pair, keep_act, keep_grad, rule_sets, path, everything=False):
    model = model.float().eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    save = {}
    for r, tokens in enumerate(rows):
        ids, n = torch.tensor([tokens]), len(tokens)
        logits, loss, got = reference(model, ids)
        again, values = expression(model, ids, Rules(""))
        close(again, logits, "logits")
        for name, value in got.items():
            close(values[name].detach().reshape(value.shape), value, name)
        values = {k: got.get(k, v.detach()) for k, v in values.items()}  # transformers' own where it shows them
        losses = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")
        assert abs(losses.mean() - loss) < 1e-5
        save[f"ids.{r}"] = torch.tensor(tokens, dtype=torch.int64)
        save[f"loss.{r}"] = losses
        save[f"logits.{r}"] = logits[0, -1]
        for name, value in values.items():
            if keep_act(name, r):
                save[f"act.{name}.{r}"] = pick(name, value, n)
        for letters in rule_sets:
            if r >= 2 or r == 0 and everything and letters not in ("", "lih"):
                continue  # the files stay small
            logits, values = expression(model, ids, Rules(letters))
            value = logits[0, -1, pair[0]] - logits[0, -1, pair[1]]
            save[f"value.{r}"] = value.detach()
            value.backward()
            for name, tensor in values.items():
                if keep_grad(name, letters) and not name.endswith("hook_scale"):
                    gradient = tensor.grad if tensor.grad is not None else torch.zeros_like(tensor)
                    save[f"grad.{letters or 'none'}.{name}.{r}"] = pick(name, gradient, n)
    save_file({k: v.detach().contiguous().clone() for k, v in save.items()}, path)
    print(path, os.path.getsize(path))


SETS = ["", "l", "i", "h", "a", "lih", "liha"]


ONE = (".0.hook_resid_pre", ".1.attn.hook_q", ".1.attn.hook_v", ".1.mlp.hook_pre", ".1.ln1.hook_normalized",
       ".1.ln2.hook_normalized", ".1.hook_attn_out")  # where one rule alone is compared


def randomise(model, bf16):
    for key, parameter in model.named_parameters():
        with torch.no_grad():
            noise = torch.randn_like(parameter)
            gain = key.endswith("weight") and ("norm" in key or "ln_" in key)
            unit = 0 if model.config.model_type.startswith("gemma") else 1
            parameter.copy_(unit + 0.3 * noise if gain else 0.5 * noise if "embed" in key or "wte" in key else 0.25 * noise)
            if bf16:
                parameter.copy_(parameter.bfloat16().float())


def tiny(name, config, seed, small=False):
    if only and name not in only:
        return
    folder = f"{out}/{name}"
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    randomise(model, small)
    (copy.deepcopy(model).bfloat16() if small else model).save_pretrained(folder, safe_serialization=True)
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    write(name, model, config, small)


def write(name, model, config, small):
    rows = [torch.randint(0, config.vocab_size, (n,)).tolist() for n in (5, 11)]
    everything = name == "tiny-llama"
    edge = lambda h: "resid_pre" in h or "embed" in h  # noqa: E731
    golden(model, rows, (3, 7), lambda h, r: everything or r == 0 and ("blocks.1" in h or "blocks" not in h),
           lambda h, s: everything or (edge(h) and "blocks.1" not in h if small else h.endswith(ONE) or h == "hook_embed"
                                       if s not in ("", "lih") else edge(h) or "blocks.1" in h),
           ["", "lih"] if small else SETS, f"{out}/{name}/golden.safetensors", everything)


def variants():
    """Every family with grouped heads: one key-value head for each query head, for two, for all; tied and not."""
    made = []
    base = dict(vocab_size=32, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4, head_dim=4,
                max_position_embeddings=32, rms_norm_eps=1e-3, bos_token_id=0, eos_token_id=0, pad_token_id=None)
    gemma = dict(sliding_window=4, query_pre_attn_scalar=9)
    families = {
        "llama": (LlamaConfig, {}), "mistral": (MistralConfig, dict(sliding_window=4)),
        "qwen2": (Qwen2Config, dict(use_sliding_window=True, sliding_window=4, max_window_layers=1)),
        "qwen3": (Qwen3Config, dict(use_sliding_window=True, sliding_window=4, max_window_layers=1)),
        "gemma2": (Gemma2Config, {**gemma, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}),
        "gemma3": (Gemma3TextConfig, {**gemma, "layer_types": ["full_attention", "sliding_attention"]})}
    for family, (kind, more) in families.items():
        for heads, kv in (("mha", 4), ("gqa", 2), ("mqa", 1)):
            for tied in (True, False):
                name = f"var-{family}-{heads}-{'tied' if tied else 'untied'}"
                tiny(name, kind(**base, **more, num_key_value_heads=kv, tie_word_embeddings=tied), 100 + len(made), True)
                made.append(name)
    one = dict(vocab_size=32, bos_token_id=0, eos_token_id=0)
    other = {
        "neo-mha-untied": GPTNeoConfig(**one, hidden_size=8, num_heads=2, num_layers=2, max_position_embeddings=32,
                                       attention_types=[[["global", "local"], 1]], window_size=4, intermediate_size=12,
                                       tie_word_embeddings=False),
        "neox-mha-tied": GPTNeoXConfig(**one, hidden_size=8, num_attention_heads=2, num_hidden_layers=2, intermediate_size=12,
                                       max_position_embeddings=32, rotary_pct=0.5, tie_word_embeddings=True),
        "opt-mha-untied": OPTConfig(**one, hidden_size=8, word_embed_proj_dim=8, num_attention_heads=2, ffn_dim=12,
                                    num_hidden_layers=2, max_position_embeddings=32, pad_token_id=1, tie_word_embeddings=False,
                                    activation_function="gelu")}
    for name, config in other.items():
        tiny("var-" + name, config, 100 + len(made), True)
        made.append("var-" + name)
    made.append(multimodal("var-gemma3-gqa-multimodal", base, gemma))
    with open(f"{out}/variants.txt", "w") as f:
        f.write("".join(name + "\n" for name in made))


def multimodal(name, base, gemma):
    """Gemma 3 as its larger checkpoints are published: the language model is a part of one that sees images."""
    text = Gemma3TextConfig(**base, **gemma, num_key_value_heads=2, tie_word_embeddings=True,
                            layer_types=["sliding_attention", "full_attention"])
    vision = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    config = Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=31,
                          boi_token_index=29, eoi_token_index=30)
    torch.manual_seed(200)
    both = Gemma3ForConditionalGeneration(config).float().eval()
    randomise(both, True)
    both.tie_weights()
    copy.deepcopy(both).bfloat16().save_pretrained(f"{out}/{name}", safe_serialization=True)
    if os.path.exists(f"{out}/{name}/generation_config.json"):
        os.remove(f"{out}/{name}/generation_config.json")
    alone = AutoModelForCausalLM.from_config(text, attn_implementation="eager").float().eval()
    alone.model.load_state_dict(both.model.language_model.state_dict())
    alone.tie_weights()
    ids = torch.randint(0, 28, (1, 9))
    with torch.no_grad():
        close(both(input_ids=ids).logits, alone(input_ids=ids).logits, "the text part alone")
    write(name, alone, text, True)
    return name


def main():
    common = dict(vocab_size=40, hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4,
                  num_key_value_heads=2, max_position_embeddings=32, tie_word_embeddings=False, initializer_range=0.3,
                  rms_norm_eps=1e-3, bos_token_id=0, eos_token_id=0, pad_token_id=None)
    tiny("tiny-llama", LlamaConfig(**common, head_dim=6, attention_bias=True, mlp_bias=True, rope_theta=500.0), 1)
    tiny("tiny-mistral", MistralConfig(**common, head_dim=4, sliding_window=None), 2)
    tiny("tiny-qwen2", Qwen2Config(**{**common, "hidden_size": 16}, use_sliding_window=False), 3)
    tiny("tiny-qwen3", Qwen3Config(**{**common, "num_key_value_heads": 1}, head_dim=6, use_sliding_window=False), 4)
    tiny("tiny-llama3", LlamaConfig(**{**common, "num_key_value_heads": 4, "tie_word_embeddings": True}, head_dim=12,
                                    rope_parameters={"rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0,
                                                     "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                     "original_max_position_embeddings": 16}), 5)
    tiny("tiny-window", MistralConfig(**common, head_dim=4, sliding_window=4), 7)
    tiny("tiny-linear", LlamaConfig(**common, head_dim=6, rope_parameters={"rope_type": "linear", "rope_theta": 100.0,
                                                                           "factor": 4.0}), 6)

    gpt = dict(vocab_size=40, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0)
    tiny("tiny-gpt2", GPT2Config(**gpt, n_embd=12, n_head=4, n_layer=2, n_positions=32), 8)
    tiny("tiny-gpt2-untied", GPT2Config(**gpt, n_embd=12, n_head=2, n_layer=2, n_positions=32, n_inner=20,
                                        tie_word_embeddings=False, scale_attn_by_inverse_layer_idx=True), 9)
    tiny("tiny-neo", GPTNeoConfig(vocab_size=40, hidden_size=12, num_heads=4, num_layers=2, max_position_embeddings=32,
                                  attention_types=[[["global", "local"], 1]], window_size=4, intermediate_size=20,
                                  bos_token_id=0, eos_token_id=0), 10)
    neox = dict(vocab_size=40, hidden_size=16, num_attention_heads=2, num_hidden_layers=2, intermediate_size=20,
                max_position_embeddings=32, bos_token_id=0, eos_token_id=0)
    tiny("tiny-neox", GPTNeoXConfig(**neox, rotary_pct=0.25), 11)
    tiny("tiny-neox-serial", GPTNeoXConfig(**neox, rotary_pct=1.0, use_parallel_residual=False, attention_bias=False), 12)
    tiny("tiny-opt", OPTConfig(vocab_size=40, hidden_size=12, word_embed_proj_dim=12, num_attention_heads=4, ffn_dim=20,
                               num_hidden_layers=2, max_position_embeddings=32, bos_token_id=0, eos_token_id=0, pad_token_id=1), 13)
    gemma = {**common, "head_dim": 6, "sliding_window": 4, "query_pre_attn_scalar": 9, "tie_word_embeddings": True}
    tiny("tiny-gemma2", Gemma2Config(**gemma, attn_logit_softcapping=2.0, final_logit_softcapping=3.0), 14)
    tiny("tiny-gemma3", Gemma3TextConfig(**gemma, layer_types=["sliding_attention", "full_attention"],
                                         rope_parameters={"full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4},
                                                          "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}}), 15)

    if only:
        return
    variants()

    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, attn_implementation="eager")
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(f"{source}/tokenizer.json")
    texts = ["I would like to thank the rapporteur. I", "Herr Präsident, die Kommission hat Ελλάδα gesagt, dass sie größer ist."]
    rows = [tokenizer.encode(t).ids for t in texts]
    long = []
    while len(long) < 500:  # long enough to show wrong rotary angles
        long += rows[len(long) % 2][1:] + [(37 * len(long)) % 8192]
    rows.append([0] + long[:499])
    answer, wrong = (tokenizer.encode(t, add_special_tokens=False).ids[0] for t in (" am", " are"))
    SOME = ("hook_resid_pre", "hook_attn_out", "hook_mlp_out", "attn.hook_z", "mlp.hook_post")
    golden(model, rows, (answer, wrong),
           lambda h, r: "blocks.5" in h and r == 1 and "pattern" not in h or h == "blocks.5.hook_resid_post"
           or h == "blocks.0.attn.hook_pattern" and r == 0 or "resid_post" in h and r == 0,
           lambda h, s: h.startswith(("blocks.0", "blocks.3")) and h.endswith(SOME) and (s != "lih" or "blocks.0" in h),
           ["", "lih"], f"{out}/builtin.safetensors")


if __name__ == "__main__":
    main()
