"""Golden values of the language model runtime, from transformers and PyTorch's autograd in float32.

usage: golden_model.py MODEL_DIR OUT_DIR
MODEL_DIR is the embedded model (activations-store/src/main/resources/dev/loupe/model/builtin), OUT_DIR receives
builtin.safetensors and one folder per tiny random model (config.json, model.safetensors, golden.safetensors):
activations-store/src/test/resources/dev/loupe/model/golden. Written with torch 2.15.0 and transformers 5.23.0.

Tensor names: ids.R (tokens of row R), loss.R, logits.R (at the last position), act.HOOK.R (values [position, width] at
the positions POS picks), grad.RULES.HOOK.R (gradient of the sum over rows of logit[a] - logit[b] at each last position),
value.R. RULES is a subset of "lnha" (ln, identity, half, attention pattern) or "none".
"""
import os, sys
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config
from transformers.models.llama import modeling_llama

source, out = sys.argv[1:3]
torch.set_num_threads(1)
POS = lambda n: [1, n // 2, n - 1]  # noqa: E731


class Rules:
    def __init__(self, letters):
        self.ln, self.identity, self.half, self.attention = (c in letters for c in "liha")


def rms(x, norm, rules):
    eps = getattr(norm, "variance_epsilon", None) or norm.eps
    inverse = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)
    return 1 / inverse, x * (inverse.detach() if rules.ln else inverse)


def expression(model, ids, rules):
    """The same network written out in PyTorch, keeping every hook point's tensor; detached terms as the rules say."""
    c, keep = model.config, {}
    head = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    groups = c.num_attention_heads // c.num_key_value_heads

    def hook(name, value):
        if not value.requires_grad:
            value = value.requires_grad_()
        value.retain_grad()
        keep[name] = value
        return value

    n = ids.shape[1]
    x = hook("hook_embed", model.model.embed_tokens(ids))
    cos, sin = model.model.rotary_emb(x, torch.arange(n)[None])
    for i, layer in enumerate(model.model.layers):
        p = f"blocks.{i}."
        x = hook(p + "hook_resid_pre", x)
        scale, normed = rms(x, layer.input_layernorm, rules)
        keep[p + "ln1.hook_scale"] = scale
        normed = hook(p + "ln1.hook_normalized", normed) * layer.input_layernorm.weight
        a = layer.self_attn
        q = hook(p + "attn.hook_q", a.q_proj(normed)).view(1, n, -1, head).transpose(1, 2)
        k = hook(p + "attn.hook_k", a.k_proj(normed)).view(1, n, -1, head).transpose(1, 2)
        v = hook(p + "attn.hook_v", a.v_proj(normed)).view(1, n, -1, head).transpose(1, 2)
        if hasattr(a, "q_norm"):  # per head, before rotation
            q, k = rms(q, a.q_norm, rules)[1] * a.q_norm.weight, rms(k, a.k_norm, rules)[1] * a.k_norm.weight
        q, k = modeling_llama.apply_rotary_pos_emb(q, k, cos, sin)
        flat = lambda t: t.transpose(1, 2).reshape(1, n, -1)  # noqa: E731
        back = lambda t: t.view(1, n, -1, head).transpose(1, 2)  # noqa: E731
        q, k = back(hook(p + "attn.hook_rot_q", flat(q))), back(hook(p + "attn.hook_rot_k", flat(k)))
        k, v = (t.repeat_interleave(groups, 1) for t in (k, v))
        scores = (q @ k.transpose(2, 3)) * head**-0.5 + torch.full((n, n), float("-inf")).triu(1)
        if getattr(c, "sliding_window", None):
            scores = scores + torch.full((n, n), float("-inf")).tril(-c.sliding_window)
        pattern = torch.softmax(scores, -1)
        pattern = hook(p + "attn.hook_pattern", pattern)
        z = hook(p + "attn.hook_z", flat((pattern.detach() if rules.attention else pattern) @ v))
        x = hook(p + "hook_resid_mid", x + hook(p + "hook_attn_out", a.o_proj(z)))
        scale, normed = rms(x, layer.post_attention_layernorm, rules)
        keep[p + "ln2.hook_scale"] = scale
        normed = hook(p + "ln2.hook_normalized", normed) * layer.post_attention_layernorm.weight
        pre = hook(p + "mlp.hook_pre", layer.mlp.gate_proj(normed))
        linear = hook(p + "mlp.hook_pre_linear", layer.mlp.up_proj(normed))
        act = pre * torch.sigmoid(pre).detach() if rules.identity else torch.nn.functional.silu(pre)
        product = act * linear
        post = hook(p + "mlp.hook_post", 0.5 * product + (0.5 * product).detach() if rules.half else product)
        x = hook(p + "hook_resid_post", x + hook(p + "hook_mlp_out", layer.mlp.down_proj(post)))
    scale, normed = rms(x, model.model.norm, rules)
    keep["ln_final.hook_scale"] = scale
    normed = hook("ln_final.hook_normalized", normed)
    return model.lm_head(normed * model.model.norm.weight), keep


def reference(model, ids):
    """transformers itself; hook points read with module hooks, independent of the expression above."""
    got, handles = {}, []

    def outputs(module, name):
        handles.append(module.register_forward_hook(
            lambda m, i, o: got.__setitem__(name, (o[0] if isinstance(o, tuple) else o).detach())))

    def inputs(module, name):
        handles.append(module.register_forward_pre_hook(lambda m, i: got.__setitem__(name, i[0].detach())))

    outputs(model.model.embed_tokens, "hook_embed")
    for i, layer in enumerate(model.model.layers):
        p = f"blocks.{i}."
        inputs(layer.input_layernorm, p + "hook_resid_pre")
        outputs(layer, p + "hook_resid_post")
        for letter in "qkv":
            outputs(getattr(layer.self_attn, letter + "_proj"), p + "attn.hook_" + letter)
        inputs(layer.self_attn.o_proj, p + "attn.hook_z")
        outputs(layer.self_attn.o_proj, p + "hook_attn_out")
        inputs(layer.post_attention_layernorm, p + "hook_resid_mid")
        outputs(layer.mlp.gate_proj, p + "mlp.hook_pre")
        outputs(layer.mlp.up_proj, p + "mlp.hook_pre_linear")
        inputs(layer.mlp.down_proj, p + "mlp.hook_post")
        outputs(layer.mlp.down_proj, p + "hook_mlp_out")
    with torch.no_grad():
        result = model(input_ids=ids, labels=ids, output_attentions=True, use_cache=False)
        for i, pattern in enumerate(result.attentions):
            got[f"blocks.{i}.attn.hook_pattern"] = pattern
    for handle in handles:
        handle.remove()
    return result.logits, result.loss, got


def close(a, b, name):
    worst = (a - b).abs().max().item() / max(1e-9, b.abs().max().item())
    assert worst < 1e-5, (name, worst)


def pick(name, value, n):
    if name.endswith("hook_pattern"):
        return value[0].transpose(0, 1).reshape(n, -1)[POS(n)]  # [query, head * key]
    return value[0].reshape(n, -1)[POS(n)]


def golden(model, rows, pair, keep_act, keep_grad, rule_sets, path):
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
            if r >= 2 or r == 0 and len(rule_sets) > 2 and letters not in ("", "lih"):
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


def tiny(name, config, seed):
    torch.manual_seed(seed)
    folder = f"{out}/{name}"
    os.makedirs(folder, exist_ok=True)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    for key, parameter in model.named_parameters():
        with torch.no_grad():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if "norm" in key else 0.5 * noise if "embed" in key else 0.25 * noise)
    model.save_pretrained(folder, safe_serialization=True)
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    rows = [torch.randint(0, config.vocab_size, (n,)).tolist() for n in (5, 11)]
    everything = name == "tiny-llama"
    golden(model, rows, (3, 7), lambda h, r: everything or r == 0 and "blocks.1" in h,
           lambda h, s: everything and "blocks" in h or "hook_resid_pre" in h, SETS if everything else ["", "lih"],
           f"{folder}/golden.safetensors")


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

model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, attn_implementation="eager")
from tokenizers import Tokenizer  # noqa: E402
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
