"""Golden values of the language model runtime, from transformers and PyTorch's autograd in float32.

usage: golden_model.py MODEL_DIR OUT_DIR [NAME...]
MODEL_DIR is the embedded model (activations-store/src/main/resources/dev/loupe/model/builtin), OUT_DIR receives
builtin.safetensors and one folder per tiny random model (config.json, model.safetensors, golden.safetensors):
activations-store/src/test/resources/dev/loupe/model/golden. With NAMEs only those tiny models are made. Written with torch 2.15.0
and transformers 5.23.0. Folders
var-FAMILY-HEADS-TYING hold every kind of heads (mha, gqa, mqa) with tied and untied embeddings, their weights in bfloat16;
variants.txt lists them.

Every family's network is also written out (expression), checked against transformers, and derived by autograd with the
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
from transformers.models.llama import modeling_llama

source, out = sys.argv[1:3]  # model_reference.py imports from here and has two arguments too
only = sys.argv[3:] if os.path.basename(sys.argv[0]) == "golden_model.py" else []
torch.set_num_threads(1)
POS = lambda n: [1, n // 2, n - 1]  # noqa: E731


class Rules:
    def __init__(self, letters):
        self.ln, self.identity, self.half, self.attention = (c in letters for c in "liha")


class Parts:
    """Where each family keeps its modules, by the names that golden values have."""

    def __init__(self, model):
        self.model, self.c, self.kind = model, model.config, model.config.model_type
        base = {"gpt2": lambda: model.transformer, "gpt_neo": lambda: model.transformer,
                "gpt_neox": lambda: model.gpt_neox, "opt": lambda: model.model.decoder}.get(self.kind, lambda: model.model)()
        self.base = base
        find = lambda m, *names: next((getattr(m, n) for n in names if hasattr(m, n)), None)  # noqa: E731
        self.find = find
        self.embed = find(base, "embed_tokens", "wte", "embed_in")
        self.positions = find(base, "wpe", "embed_positions")
        self.final = find(base, "norm", "ln_f", "final_layer_norm")
        self.unembed = find(model, "lm_head", "embed_out")
        self.heads = self.c.num_attention_heads
        self.kv = getattr(self.c, "num_key_value_heads", None) or self.heads
        self.head = getattr(self.c, "head_dim", None) or self.c.hidden_size // self.heads
        self.layers = [self.layer(i, x) for i, x in enumerate(find(base, "layers", "h"))]
        self.parallel = self.kind == "gpt_neox" and self.c.use_parallel_residual
        cap = lambda name: getattr(self.c, name, None) or 0  # noqa: E731
        self.score_cap, self.logit_cap = cap("attn_logit_softcapping"), cap("final_logit_softcapping")
        name = next(getattr(self.c, n) for n in ("hidden_activation", "activation_function", "hidden_act") if hasattr(self.c, n))
        functional = torch.nn.functional
        self.act, self.ratio = {
            "silu": (functional.silu, torch.sigmoid),
            "relu": (functional.relu, lambda x: (x > 0).float()),
            "gelu": (functional.gelu, lambda x: 0.5 * (1 + torch.erf(x / 2**0.5))),
        }.get(name, (lambda x: functional.gelu(x, approximate="tanh"),
                     lambda x: 0.5 * (1 + torch.tanh((2 / torch.pi)**0.5 * (x + 0.044715 * x**3)))))

    def layer(self, i, m):
        class L:
            pass
        x, find = L(), self.find
        gemma = self.kind.startswith("gemma")
        x.module = m
        x.attn = find(m, "self_attn", "attn", "attention")
        x.attn = getattr(x.attn, "attention", x.attn)
        x.ln1 = find(m, "input_layernorm", "ln_1", "self_attn_layer_norm")
        x.ln2 = m.pre_feedforward_layernorm if gemma else find(m, "post_attention_layernorm", "ln_2", "final_layer_norm")
        x.ln1_post, x.ln2_post = (m.post_attention_layernorm, m.post_feedforward_layernorm) if gemma else (None, None)
        mlp = find(m, "mlp") or m
        x.o = find(x.attn, "o_proj", "out_proj", "c_proj", "dense")
        x.mlp_in = find(mlp, "gate_proj", "c_fc", "dense_h_to_4h", "fc1")
        x.mlp_linear = find(mlp, "up_proj")
        x.mlp_out = find(mlp, "down_proj", "c_proj", "dense_4h_to_h", "fc2")
        x.q_norm, x.k_norm = find(x.attn, "q_norm"), find(x.attn, "k_norm")
        x.fused = find(x.attn, "c_attn", "query_key_value")
        c = self.c
        kinds = getattr(c, "attention_layers", None) or getattr(c, "layer_types", None)
        kind = kinds[i] if kinds else ""
        sliding = kind in ("local", "sliding_attention") or self.kind == "mistral"
        x.kind = kind
        x.window = (c.window_size if self.kind == "gpt_neo" else getattr(c, "sliding_window", None)) if sliding else None
        x.scale = (getattr(c, "query_pre_attn_scalar", None) or self.head) ** -0.5
        if self.kind == "gpt_neo":
            x.scale = 1.0
        if getattr(c, "scale_attn_by_inverse_layer_idx", False):
            x.scale /= i + 1
        return x

    def qkv(self, x, normed):
        """Queries, keys and values [1, pos, heads * d_head]."""
        if x.fused is None:
            return x.attn.q_proj(normed), x.attn.k_proj(normed), x.attn.v_proj(normed)
        every = x.fused(normed)
        if self.kind == "gpt2":
            return every.split(self.c.hidden_size, -1)
        n = every.shape[1]
        every = every.view(1, n, self.heads, 3, self.head)
        return tuple(every[..., j, :].reshape(1, n, -1) for j in range(3))

    def rotation(self, x, n, hidden):
        if self.positions is not None:
            return None
        rotary, ids = self.base.rotary_emb, torch.arange(n)[None]
        return rotary(hidden, ids, x.kind) if self.kind.startswith("gemma3") else rotary(hidden, ids)


def normalise(x, norm, rules):
    """Scale, value of hook_normalized, and a function from that to the norm's output."""
    eps = next(getattr(norm, n) for n in ("variance_epsilon", "eps") if hasattr(norm, n))
    layer = isinstance(norm, torch.nn.LayerNorm)
    c = x - x.mean(-1, keepdim=True) if layer else x
    inverse = torch.rsqrt(c.pow(2).mean(-1, keepdim=True) + eps)
    y = c * (inverse.detach() if rules.ln else inverse)
    gain = norm.weight + 1 if "Gemma" in type(norm).__name__ else norm.weight
    return (1 / inverse, y * gain + norm.bias, lambda v: v) if layer else (1 / inverse, y, lambda v: v * gain)


def expression(model, ids, rules):
    """The same network written out in PyTorch, keeping every hook point's tensor; detached terms as the rules say."""
    p, keep = Parts(model), {}
    head, groups, n = p.head, p.heads // p.kv, ids.shape[1]

    def hook(name, value):
        if not value.requires_grad:
            value = value.detach().clone().requires_grad_()
        value.retain_grad()
        keep[name] = value
        return value

    def norm(name, x, module):
        scale, value, finish = normalise(x, module, rules)
        keep[name + "hook_scale"] = scale
        return finish(hook(name + "hook_normalized", value))

    x = hook("hook_embed", p.embed(ids))
    if p.positions is not None:
        where = torch.arange(n)[None]
        x = x + hook("hook_pos_embed", p.positions.weight[(where + (2 if p.kind == "opt" else 0))])
    for i, layer in enumerate(p.layers):
        b = f"blocks.{i}."
        x = pre_block = hook(b + "hook_resid_pre", x)
        normed = norm(b + "ln1.", x, layer.ln1)
        flat = lambda t: t.transpose(1, 2).reshape(1, n, -1)  # noqa: E731
        back = lambda t: t.view(1, n, -1, head).transpose(1, 2)  # noqa: E731
        q, k, v = (back(hook(b + "attn.hook_" + name, t)) for name, t in zip("qkv", p.qkv(layer, normed)))
        if layer.q_norm is not None:  # per head, before rotation
            q, k = (f(y) for _, y, f in (normalise(q, layer.q_norm, rules), normalise(k, layer.k_norm, rules)))
        rotation = p.rotation(layer, n, x)
        if rotation is not None:
            cos, sin = rotation
            r = cos.shape[-1]
            turned = modeling_llama.apply_rotary_pos_emb(q[..., :r], k[..., :r], cos, sin)
            q, k = turned if r == head else (torch.cat((t, u[..., r:]), -1) for t, u in zip(turned, (q, k)))
            q, k = back(hook(b + "attn.hook_rot_q", flat(q))), back(hook(b + "attn.hook_rot_k", flat(k)))
        k, v = (t.repeat_interleave(groups, 1) for t in (k, v))
        scores = (q @ k.transpose(2, 3)) * layer.scale
        if p.score_cap:
            scores = torch.tanh(scores / p.score_cap) * p.score_cap
        scores = scores + torch.full((n, n), float("-inf")).triu(1)
        if layer.window:
            scores = scores + torch.full((n, n), float("-inf")).tril(-layer.window)
        pattern = torch.softmax(hook(b + "attn.hook_attn_scores", scores), -1)
        pattern = hook(b + "attn.hook_pattern", pattern)
        z = hook(b + "attn.hook_z", flat((pattern.detach() if rules.attention else pattern) @ v))
        if p.c.hidden_size < 64:  # summing heads rounds differently, which 500 tokens of the embedded model would show
            weight = layer.o.weight.T if type(layer.o).__name__ == "Conv1D" else layer.o.weight  # [out, in]
            result = torch.einsum("bphd,mhd->bphm", z.view(1, n, p.heads, head), weight.reshape(-1, p.heads, head))
            attn_out = hook(b + "attn.hook_result", result.reshape(1, n, -1)).view(1, n, p.heads, -1).sum(2)
            attn_out = attn_out if layer.o.bias is None else attn_out + layer.o.bias
        else:
            attn_out = layer.o(z)
        if layer.ln1_post is not None:
            attn_out = norm(b + "ln1_post.", attn_out, layer.ln1_post)
        attn_out = hook(b + "hook_attn_out", attn_out)
        mid = x + attn_out if p.parallel else hook(b + "hook_resid_mid", x + attn_out)
        normed = norm(b + "ln2.", hook(b + "hook_mlp_in", (pre_block if p.parallel else mid) * 1), layer.ln2)
        pre = hook(b + "mlp.hook_pre", layer.mlp_in(normed))
        act = pre * p.ratio(pre).detach() if rules.identity else p.act(pre)
        if layer.mlp_linear is None:
            post = act
        else:
            product = act * hook(b + "mlp.hook_pre_linear", layer.mlp_linear(normed))
            post = 0.5 * product + (0.5 * product).detach() if rules.half else product
        mlp_out = layer.mlp_out(hook(b + "mlp.hook_post", post))
        if layer.ln2_post is not None:
            mlp_out = norm(b + "ln2_post.", mlp_out, layer.ln2_post)
        x = hook(b + "hook_resid_post", mid + hook(b + "hook_mlp_out", mlp_out))
    logits = p.unembed(norm("ln_final.", x, p.final))
    return torch.tanh(logits / p.logit_cap) * p.logit_cap if p.logit_cap else logits, keep


def reference(model, ids):
    """transformers itself; hook points read with module hooks, independent of the expression above."""
    p, got, handles = Parts(model), {}, []

    def outputs(module, *names, take=lambda o: (o,)):
        def keep(m, i, o):
            for name, value in zip(names, take((o[0] if isinstance(o, tuple) else o).detach())):
                got[name] = value
        handles.append(module.register_forward_hook(keep))

    def inputs(module, name):
        handles.append(module.register_forward_pre_hook(lambda m, i: got.__setitem__(name, i[0].detach())))

    outputs(p.embed, "hook_embed")
    if p.positions is not None:
        outputs(p.positions, "hook_pos_embed")
    for i, layer in enumerate(p.layers):
        b = f"blocks.{i}."
        inputs(layer.ln1, b + "hook_resid_pre")
        outputs(layer.module, b + "hook_resid_post")
        if layer.fused is None:
            for letter in "qkv":
                outputs(getattr(layer.attn, letter + "_proj"), b + "attn.hook_" + letter)
        elif p.kind == "gpt2":
            outputs(layer.fused, *(b + "attn.hook_" + x for x in "qkv"), take=lambda o: o.split(p.c.hidden_size, -1))
        inputs(layer.o, b + "attn.hook_z")
        outputs(layer.ln1_post or layer.o, b + "hook_attn_out")
        if not p.parallel:
            inputs(layer.ln2, b + "hook_resid_mid")
        inputs(layer.ln2, b + "hook_mlp_in")
        if isinstance(layer.ln1, torch.nn.LayerNorm):
            outputs(layer.ln1, b + "ln1.hook_normalized")
            outputs(layer.ln2, b + "ln2.hook_normalized")
        outputs(layer.mlp_in, b + "mlp.hook_pre")
        if layer.mlp_linear is not None:
            outputs(layer.mlp_linear, b + "mlp.hook_pre_linear")
        inputs(layer.mlp_out, b + "mlp.hook_post")
        outputs(layer.ln2_post or layer.mlp_out, b + "hook_mlp_out")
    with torch.no_grad():
        result = model(input_ids=ids, labels=ids, output_attentions=True, use_cache=False)
        for i, pattern in enumerate(result.attentions):
            got[f"blocks.{i}.attn.hook_pattern"] = pattern
    for handle in handles:
        handle.remove()
    n = ids.shape[1]
    got = {k: v if v.dim() == 4 else v.reshape(1, n, -1) for k, v in got.items()}  # OPT's MLP sees [pos, width]
    return result.logits, result.loss, got


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
