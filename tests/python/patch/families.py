"""Golden patching grids of every family's tiny model, by an independent PyTorch expression in float64.

    python families.py TINY_MODELS OUT.json.gz

TINY_MODELS is activations-store/src/test/resources/dev/loupe/model/golden. Each model is written out (with the parts
that golden_model.py names), checked against transformers, and patched: activation patching by replacing values,
gradients by autograd, every rule of relevance patching as a forward expression with detached terms, the soft gate as a
detached slope, GradDrop by detaching what a layer adds, the QK fix by computing the patched pattern. Clean into corrupt,
gradient at the corrupted run, mean over two pairs.

The random GPT-2 of four layers whose table stands in for the one of GPT-2 small is made here too and written beside OUT.
"""
import gzip
import json
import os
import sys

import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from model_expression import Parts, Rules  # noqa: E402

SITES = {"resid_pre": "hook_resid_pre", "resid_mid": "hook_resid_mid", "resid_post": "hook_resid_post",
         "attn_out": "hook_attn_out", "mlp_out": "hook_mlp_out", "q": "attn.hook_q", "k": "attn.hook_k",
         "v": "attn.hook_v", "z": "attn.hook_z", "neurons": "mlp.hook_post"}
RULES = ["l", "i", "h", "a", "lih", "liha", "lh1", "s2"]  # s2: soft gate of temperature 2; lh1: LN, Half, soft gate 1


def run(p, ids, edit=lambda name, x: x, letters="", drop=None):
    """Logits of the last position, of a batch. A digit among the letters is the soft gate's temperature."""
    rules = Rules(letters)
    soft = next((float(c) for c in letters if c.isdigit()), 0)
    head, n, b = p.head, ids.shape[1], ids.shape[0]

    def norm(x, module):
        eps = next(getattr(module, a) for a in ("variance_epsilon", "eps") if hasattr(module, a))
        layer = isinstance(module, torch.nn.LayerNorm)
        c = x - x.mean(-1, keepdim=True) if layer else x
        inverse = torch.rsqrt(c.pow(2).mean(-1, keepdim=True) + eps)
        y = c * (inverse.detach() if rules.ln else inverse)
        gain = module.weight + 1 if "Gemma" in type(module).__name__ else module.weight
        return y * gain + module.bias if layer else y * gain

    x = p.embed(ids)
    if p.positions is not None:
        x = x + p.positions.weight[torch.arange(n)[None] + (2 if p.kind == "opt" else 0)]
    for i, layer in enumerate(p.layers):
        h = f"blocks.{i}."
        x = before = edit(h + "hook_resid_pre", x)
        normed = norm(x, layer.ln1)
        if layer.fused is None:
            q, k, v = layer.attn.q_proj(normed), layer.attn.k_proj(normed), layer.attn.v_proj(normed)
        elif p.kind == "gpt2":
            q, k, v = layer.fused(normed).split(p.c.hidden_size, -1)
        else:
            every = layer.fused(normed).view(b, n, p.heads, 3, head)
            q, k, v = (every[..., j, :].reshape(b, n, -1) for j in range(3))
        back = lambda t: t.view(b, n, -1, head).transpose(1, 2)  # noqa: E731
        q, k, v = (back(edit(h + "attn.hook_" + a, t)) for a, t in zip("qkv", (q, k, v)))
        if layer.q_norm is not None:
            q, k = norm(q, layer.q_norm), norm(k, layer.k_norm)
        rotation = p.rotation(layer, n, x)
        if rotation is not None:
            cos, sin = rotation
            r = cos.shape[-1]
            turned = apply_rotary_pos_emb(q[..., :r], k[..., :r], cos, sin)
            q, k = turned if r == head else (torch.cat((t, u[..., r:]), -1) for t, u in zip(turned, (q, k)))
        k, v = (t.repeat_interleave(p.heads // p.kv, 1) for t in (k, v))
        scores = (q @ k.transpose(2, 3)) * layer.scale
        if p.score_cap:
            scores = torch.tanh(scores / p.score_cap) * p.score_cap
        scores = scores + torch.full((n, n), float("-inf")).triu(1)
        if layer.window:
            scores = scores + torch.full((n, n), float("-inf")).tril(-layer.window)
        pattern = edit(h + "attn.hook_pattern", torch.softmax(scores, -1))
        z = (pattern.detach() if rules.attention else pattern) @ v
        attn_out = layer.o(edit(h + "attn.hook_z", z.transpose(1, 2).reshape(b, n, -1)))
        if layer.ln1_post is not None:
            attn_out = norm(attn_out, layer.ln1_post)
        attn_out = edit(h + "hook_attn_out", attn_out)
        mid = x + (attn_out.detach() if drop == i else attn_out)
        if not p.parallel:
            mid = edit(h + "hook_resid_mid", mid)
        normed = norm(before if p.parallel else mid, layer.ln2)
        pre = layer.mlp_in(normed)
        if rules.identity:
            act = pre * p.ratio(pre).detach()
        elif soft:
            act = (pre - pre.detach()) * torch.sigmoid(pre / soft).detach() + p.act(pre).detach()
        else:
            act = p.act(pre)
        if layer.mlp_linear is None:
            post = act
        else:
            product = act * layer.mlp_linear(normed)
            post = 0.5 * product + (0.5 * product).detach() if rules.half else product
        mlp_out = layer.mlp_out(edit(h + "mlp.hook_post", post))
        if layer.ln2_post is not None:
            mlp_out = norm(mlp_out, layer.ln2_post)
        mlp_out = edit(h + "hook_mlp_out", mlp_out)
        x = edit(h + "hook_resid_post", mid + (mlp_out.detach() if drop == i else mlp_out))
    logits = p.unembed(norm(x[:, -1], p.final))
    return torch.tanh(logits / p.logit_cap) * p.logit_cap if p.logit_cap else logits


class Patch:
    """Two runs of one batch of pairs and everything that is computed from them."""

    def __init__(self, model, pairs):
        self.p = Parts(model)
        self.clean, self.corrupt = (torch.tensor([pair[k] for pair in pairs]) for k in ("clean", "corrupt"))
        self.answer, self.wrong = (torch.tensor([pair[k] for pair in pairs]) for k in ("answer", "wrong"))
        self.layers, self.rows = len(self.p.layers), torch.arange(len(pairs))
        self.kept = {}
        self.sites = [s for s in SITES if not (s == "resid_mid" and self.p.parallel)]
        with torch.no_grad():
            z = [run(self.p, self.clean, self.keeper("clean")), run(self.p, self.corrupt, self.keeper("corrupt"))]
            theirs = model(self.clean).logits[:, -1]
        error = (z[0] - theirs).abs().max() / theirs.abs().max()
        assert error < 1e-5, error  # transformers itself computes norms and angles in float32
        self.high, self.low = self.difference(z[0]), self.difference(z[1])

    def keeper(self, which):
        def keep(name, x):
            self.kept[which, name] = x.detach().clone()
            return x
        return keep

    def difference(self, z):
        return z[self.rows, self.answer] - z[self.rows, self.wrong]

    def columns(self, site):
        return {"q": self.p.heads, "z": self.p.heads, "k": self.p.kv, "v": self.p.kv}.get(site)

    def delta(self, name):
        return self.kept["clean", name] - self.kept["corrupt", name]

    def gradients(self, letters="", drop=None):
        grads = {}

        def tag(name, x):
            if not x.requires_grad:
                x = x.detach().clone().requires_grad_()
            x.retain_grad()
            grads[name] = x
            return x
        self.difference(run(self.p, self.corrupt, tag, letters, drop)).sum().backward()
        return {k: v.grad if v.grad is not None else torch.zeros_like(v) for k, v in grads.items()}

    def cells(self, site, name, c):
        each = self.delta(name) * c
        heads = self.columns(site)
        return each.view(*each.shape[:2], heads, -1).sum((1, 3)) if heads else each.sum(-1)  # [pair, column]

    def grid(self, site, score):
        return [score(site, f"blocks.{i}." + SITES[site]).mean(0).tolist() for i in range(self.layers)]

    def exact(self, site, name):
        heads, columns = self.columns(site), []
        for column in range(heads or self.clean.shape[1]):
            def put(hook, x):
                if hook != name:
                    return x
                x, clean = x.clone(), self.kept["clean", name]
                if heads:
                    part = slice(column * x.shape[-1] // heads, (column + 1) * x.shape[-1] // heads)
                    x[..., part] = clean[..., part]
                else:
                    x[:, column] = clean[:, column]
                return x
            with torch.no_grad():
                columns.append(self.difference(run(self.p, self.corrupt, put)) - self.low)
        return torch.stack(columns, 1)

    def fixed(self, site, name, g):
        """QK fix: the exact change of the pattern times its gradient."""
        layer = name.split(".")[1]
        where, kept = f"blocks.{layer}.attn.hook_pattern", {}

        def put(hook, x):
            kept[hook] = x
            return self.kept["clean", name] if hook == name else x
        with torch.no_grad():
            run(self.p, self.corrupt, put)
        each = ((kept[where] - self.kept["corrupt", where]) * g[where]).sum((2, 3))  # [pair, head]
        return each.view(each.shape[0], self.columns(site), -1).sum(2)

    def all_grids(self):
        grids = {"ap": {s: self.grid(s, self.exact) for s in self.sites}}
        plain = self.gradients()
        grids["atp"] = {s: self.grid(s, lambda site, n: self.cells(site, n, plain[n])) for s in self.sites}
        for letters in RULES:
            c = self.gradients(letters)
            grids["relp " + letters] = {s: self.grid(s, lambda site, n: self.cells(site, n, c[n])) for s in self.sites}
        grids["atp_qk"] = {s: self.grid(s, lambda site, n: self.fixed(site, n, plain)) for s in "qk"}
        dropped = [self.gradients(drop=i) for i in range(self.layers)]

        def star(score):
            return lambda site, n: sum(score(site, n, g).abs() for g in dropped) / max(1, self.layers - 1)
        own = lambda site, n, g: self.cells(site, n, g[n])  # noqa: E731
        grids["atp_drop"] = {s: self.grid(s, star(own)) for s in self.sites}
        grids["atp_star"] = {s: self.grid(s, star(self.fixed)) for s in "qk"}
        return grids


def load(folder):
    torch.set_default_dtype(torch.float64)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()


def frozen(model):
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


def rounded(value):
    return json.loads(json.dumps(value), parse_float=lambda v: float(f"{float(v):.7g}"))


def random_gpt2(folder):
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(20)
    config = GPT2Config(vocab_size=60, n_embd=32, n_head=4, n_layer=4, n_positions=32, bos_token_id=0, eos_token_id=0,
                        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for key, w in model.named_parameters():
            noise = torch.randn_like(w)
            gain = key.endswith("weight") and "ln_" in key
            w.copy_(1 + 0.2 * noise if gain else 0.6 * noise if "wte" in key or "wpe" in key else 0.2 * noise)
    model.save_pretrained(folder, safe_serialization=True)
    os.remove(f"{folder}/generation_config.json")


def swapped(rng, n, vocab):
    """A pair whose prompts differ in one token, as in the indirect-object templates."""
    clean = torch.randint(1, vocab, (n,), generator=rng).tolist()
    corrupt = list(clean)
    while corrupt[n - 4] == clean[n - 4]:
        corrupt[n - 4] = torch.randint(1, vocab, (1,), generator=rng).item()
    answer, wrong = torch.randperm(vocab, generator=rng)[:2].tolist()
    return dict(clean=clean, corrupt=corrupt, answer=answer, wrong=wrong)


def main(source, out):
    rng = torch.Generator().manual_seed(5)
    result = {"families": {}}
    for name in sorted(d for d in os.listdir(source) if d.startswith("tiny-")):
        pairs = [swapped(rng, 7, 40) for _ in range(2)]
        patch = Patch(frozen(load(f"{source}/{name}")), pairs)
        result["families"][name] = {"pairs": pairs, "clean_difference": patch.high.tolist(),
                                    "corrupt_difference": patch.low.tolist(), "grids": patch.all_grids()}
        print(name, patch.high.tolist(), patch.low.tolist())
    folder = os.path.join(os.path.dirname(os.path.abspath(out)), "gpt2")
    random_gpt2(folder)
    pairs, model = [], frozen(load(folder))
    for _ in range(4):  # both directions of each pair, so that the differences are symmetric
        a = swapped(rng, 15, 60)
        z = [model(torch.tensor([a[k]])).logits[0, -1] for k in ("clean", "corrupt")]
        a["answer"], a["wrong"] = (z[0] - z[1]).argmax().item(), (z[0] - z[1]).argmin().item()
        pairs += [a, dict(clean=a["corrupt"], corrupt=a["clean"], answer=a["wrong"], wrong=a["answer"])]
    patch = Patch(model, pairs)
    scale = 1 / (patch.high.mean() - patch.low.mean()).item()
    table = {}
    sites = ("resid_pre", "attn_out", "mlp_out")
    for method, letters in (("atp", ""), ("relp ln", "l"), ("relp ln,identity", "li")):
        c = patch.gradients(letters)
        table[method] = {s: (torch.tensor(patch.grid(s, lambda site, n: patch.cells(site, n, c[n]))) * scale).tolist()
                         for s in sites}
    table["ap"] = {s: (torch.tensor(patch.grid(s, patch.exact)) * scale).tolist() for s in sites}
    pearson = {m + " " + s: torch.corrcoef(torch.tensor([table[m][s], table["ap"][s]]).view(2, -1))[0, 1].item()
               for m in table for s in sites if m != "ap"}
    result["gpt2"] = {"pairs": pairs, "clean_difference": patch.high.mean().item(),
                      "corrupt_difference": patch.low.mean().item(), "table": table, "pearson": pearson}
    print("gpt2", patch.high.mean().item(), patch.low.mean().item(), pearson)
    with open(out, "wb") as f, gzip.GzipFile("", "wb", mtime=0, fileobj=f) as g:
        g.write(json.dumps(rounded(result)).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
