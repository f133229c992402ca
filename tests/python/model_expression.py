"""Every family's network written out, with the terms detached that a rule takes for constants, and what transformers itself
computes at the hook points: golden_model.py holds the one against the other, patch/families.py patches with the first,
model_reference.py records the second.
"""
import torch
from transformers.models.llama import modeling_llama


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
