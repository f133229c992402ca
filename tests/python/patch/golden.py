"""Golden patching grids of the embedded model's known good pair, by an independent PyTorch implementation.

    python golden.py MODEL_FOLDER OUT.json

A plain Llama forward in float64, checked against transformers; gradients by autograd; RelP by detaching what each
rule holds constant (LN: the norm's denominator; Identity: x * (act(x)/x).detach(); Half: 0.5 ab + (0.5 ab).detach();
AH: the attention pattern). Clean into corrupt, gradient at the corrupted run.
"""
import json
import sys

import numpy as np
import torch
from safetensors.torch import load_file
from scipy.stats import pearsonr, spearmanr
from tokenizers import Tokenizer

CLEAN = "I would like to thank the rapporteur. I"
CORRUPT = "We would like to thank the rapporteur. We"
ANSWER, WRONG = " am", " are"
SITES = ["resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post", "z", "neurons"]
HOOKS = {"z": "attn.hook_z", "neurons": "mlp.hook_post"}
IG_STEPS = 6


class Llama:
    def __init__(self, folder, dtype=torch.float64):
        self.dtype = dtype
        self.c = json.load(open(f"{folder}/config.json"))
        self.w = {k: v.to(dtype) for k, v in load_file(f"{folder}/model.safetensors").items()}
        self.layers = self.c["num_hidden_layers"]
        self.heads = self.c["num_attention_heads"]
        self.kv = self.c["num_key_value_heads"]
        self.dim = self.c["head_dim"]
        self.turns = {}

    def norm(self, x, w, rules):
        d = torch.sqrt(x.pow(2).mean(-1, keepdim=True) + self.c["rms_norm_eps"])
        return x / (d.detach() if "ln" in rules else d) * w

    def rotate(self, x):  # [batch, head, pos, dim]
        half, t = self.dim // 2, x.shape[2]
        if t not in self.turns:
            theta = self.c["rope_parameters"]["rope_theta"] ** (-torch.arange(half, dtype=torch.float64) / half)
            angle = torch.arange(t, dtype=torch.float64)[:, None] * theta
            self.turns[t] = angle.cos().to(self.dtype), angle.sin().to(self.dtype)
        cos, sin = self.turns[t]
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def __call__(self, ids, edit=lambda name, x: x, rules=()):
        """Logits of the last position; edit sees and may replace every hooked value."""
        w = self.w
        x = w["model.embed_tokens.weight"][ids]
        n, t = ids.shape
        mask = torch.full((t, t), float("-inf"), dtype=self.dtype).triu(1)
        for l in range(self.layers):
            p = f"model.layers.{l}."
            h = f"blocks.{l}."
            x = edit(h + "hook_resid_pre", x)
            y = self.norm(x, w[p + "input_layernorm.weight"], rules)

            def split(name, k):
                return (y @ w[p + f"self_attn.{name}.weight"].T).view(n, t, k, self.dim).transpose(1, 2)

            q, k = self.rotate(split("q_proj", self.heads)), self.rotate(split("k_proj", self.kv))
            v = split("v_proj", self.kv)
            k, v = (z.repeat_interleave(self.heads // self.kv, 1) for z in (k, v))
            pattern = torch.softmax(q @ k.transpose(-1, -2) / self.dim**0.5 + mask, -1)
            if "ah" in rules:
                pattern = pattern.detach()
            z = edit(h + "attn.hook_z", (pattern @ v).transpose(1, 2).reshape(n, t, -1))
            a = edit(h + "hook_attn_out", z @ w[p + "self_attn.o_proj.weight"].T)
            x = edit(h + "hook_resid_mid", x + a)
            y = self.norm(x, w[p + "post_attention_layernorm.weight"], rules)
            gate, up = y @ w[p + "mlp.gate_proj.weight"].T, y @ w[p + "mlp.up_proj.weight"].T
            act = gate * torch.sigmoid(gate).detach() if "identity" in rules else gate * torch.sigmoid(gate)
            post = act * up
            if "half" in rules:
                post = 0.5 * post + (0.5 * post).detach()
            post = edit(h + "mlp.hook_post", post)
            m = edit(h + "hook_mlp_out", post @ w[p + "mlp.down_proj.weight"].T)
            x = edit(h + "hook_resid_post", x + m)
        y = self.norm(x[:, -1], w["model.norm.weight"], rules)
        return y @ w["model.embed_tokens.weight"].T


def main(folder, out):
    torch.manual_seed(0)
    model = Llama(folder)
    tok = Tokenizer.from_file(f"{folder}/tokenizer.json")
    bos = model.c["bos_token_id"]
    clean, corrupt = ([bos] + tok.encode(t, add_special_tokens=False).ids for t in (CLEAN, CORRUPT))
    answer, wrong = (tok.encode(t, add_special_tokens=False).ids for t in (ANSWER, WRONG))
    assert len(clean) == len(corrupt) and len(answer) == len(wrong) == 1
    answer, wrong = answer[0], wrong[0]
    ids = {"clean": torch.tensor([clean]), "corrupt": torch.tensor([corrupt])}

    from transformers import AutoModelForCausalLM

    with torch.no_grad():
        hf = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
        reference = hf(ids["clean"]).logits[:, -1]
        error = (model(ids["clean"]) - reference).abs().max() / reference.abs().max()
        assert error < 1e-5, error

    kept = {}
    logits = {}
    for run in ids:
        def keep(name, x, run=run):
            kept[run, name] = x.detach().clone()
            return x

        with torch.no_grad():
            logits[run] = model(ids[run], keep)[0]
    q = torch.log_softmax(logits["clean"], -1)
    difference = lambda z: z[..., answer] - z[..., wrong]
    low, high = (difference(logits[r]).item() for r in ("corrupt", "clean"))
    metrics = {
        "difference": difference,
        "normalised": lambda z: (difference(z) - low) / (high - low),
        "logprob": lambda z: torch.log_softmax(z, -1)[..., answer],
        "kl": lambda z: -(q.exp() * (q - torch.log_softmax(z, -1))).sum(-1),
    }
    name = lambda site, l: f"blocks.{l}." + HOOKS.get(site, f"hook_{site}")
    names = [name(s, l) for s in SITES for l in range(model.layers)]
    positions = len(clean)

    def coefficients(metric, rules):
        grads = {}

        def tag(hook, x):
            if not x.requires_grad:
                x = x.requires_grad_()
            x.retain_grad()
            grads[hook] = x
            return x

        metrics[metric](model(ids["corrupt"], tag, rules))[0].backward()
        return {k: v.grad[0] for k, v in grads.items()}

    def along(metric, hook):
        a, b = kept["corrupt", hook], kept["clean", hook]
        alpha = ((torch.arange(IG_STEPS) + 0.5) / IG_STEPS).double()[:, None, None]
        x = (a + alpha * (b - a)).requires_grad_()
        z = model(ids["corrupt"].expand(IG_STEPS, -1), lambda h, y: x if h == hook else y)
        metrics[metric](z).sum().backward()
        return x.grad.mean(0)

    def score(site, coefficient):
        rows = []
        for l in range(model.layers):
            h = name(site, l)
            each = (kept["clean", h] - kept["corrupt", h])[0] * coefficient(h)
            if site == "z":
                rows.append(each.view(positions, model.heads, -1).sum((0, 2)).tolist())
            else:
                rows.append(each.sum(-1).tolist())
        return rows

    def exact(metric, site, l, column):
        hook = name(site, l)

        def put(h, x):
            if h == hook:
                x = x.clone()
                if site == "z":
                    part = slice(column * model.dim, (column + 1) * model.dim)
                    x[..., part] = kept["clean", h][..., part]
                else:
                    x[:, column] = kept["clean", h][:, column]
            return x

        with torch.no_grad():
            z = model(ids["corrupt"], put)[0]
        return (metrics[metric](z) - metrics[metric](logits["corrupt"])).item()

    grids = {}
    for metric in metrics:
        c = coefficients(metric, ())
        grids[f"atp {metric}"] = {s: score(s, c.get) for s in SITES}
    for rules in ["ln", "identity", "half", "ah", "ln,identity,half", "ln,identity,half,ah"]:
        c = coefficients("difference", rules.split(","))
        grids[f"relp difference {rules}"] = {s: score(s, c.get) for s in SITES}
    grids["ig difference"] = {s: score(s, lambda h: along("difference", h)) for s in SITES}
    ap = {}
    for s in SITES:
        columns = model.heads if s == "z" else positions
        ap[s] = [[exact("difference", s, l, col) for col in range(columns)] for l in range(model.layers)]
    grids["ap difference"] = ap
    grids["ap kl"] = {"resid_mid": [[exact("kl", "resid_mid", l, col) for col in range(positions)]
                                    for l in range(model.layers)]}

    flat = lambda g: np.array([v for row in g for v in row])
    agreement = {}
    for method in ("atp difference", "relp difference ln,identity,half", "ig difference"):
        for s in SITES:
            e, t = flat(grids[method][s]), flat(ap[s])
            agreement[f"{method} {s}"] = [pearsonr(e, t)[0], spearmanr(e, t)[0], float(e @ t / (t @ t))]
    # Conservation: with all four rules the model is bias-free and homogeneous, so at every residual site the sum over
    # positions and dimensions of value * coefficient is the metric itself (exactly so but for the norms' epsilon).
    c = coefficients("difference", ["ln", "identity", "half", "ah"])
    conserved = [(kept["corrupt", name(s, l)][0] * c[name(s, l)]).sum().item()
                 for l in range(model.layers) for s in ("resid_pre", "resid_mid", "resid_post")]
    rounded = json.loads(json.dumps(grids), parse_float=lambda v: float(f"{float(v):.8g}"))
    result = {
        "clean": CLEAN, "corrupt": CORRUPT, "answer": ANSWER, "wrong": WRONG, "steps": IG_STEPS,
        "clean_ids": clean, "corrupt_ids": corrupt, "clean_difference": high, "corrupt_difference": low,
        "metric": {m: [metrics[m](logits[r]).item() for r in ("clean", "corrupt")] for m in metrics},
        "conserved": conserved, "agreement": agreement, "grids": rounded,
    }
    with open(out, "w") as f:
        json.dump(result, f)
        f.write("\n")
    print("clean", high, "corrupt", low, "transformers error", error.item())
    print("conserved", conserved[0], conserved[-1], "of", low)
    for k, v in agreement.items():
        print(f"{k:50s} pearson {v[0]:.3f} spearman {v[1]:.3f} slope {v[2]:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
