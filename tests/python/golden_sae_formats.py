"""Golden files of SAE formats, written and used by the libraries themselves:

    python golden_sae_formats.py TARGET_FOLDER

sparsify/{sae,transcoder}/   eai-sparsify: its folder, with x, latents and output in expected.safetensors
gemma-scope/params.npz       numpy, the arrays of Gemma Scope; expected.safetensors by the formula of its notebook
Needs eai-sparsify (SPARSIFY_DISABLE_TRITON=1), torch, numpy, safetensors.
"""
import os
import sys

os.environ["SPARSIFY_DISABLE_TRITON"] = "1"

import numpy as np
import torch
from safetensors.torch import save_file
from sparsify import SparseCoder, SparseCoderConfig

target = sys.argv[1]
torch.manual_seed(7)


def sparsify(name, transcode):
    cfg = SparseCoderConfig(num_latents=24, k=4, transcode=transcode, skip_connection=transcode)
    coder = SparseCoder(10, cfg, device="cpu", dtype=torch.float32)
    with torch.no_grad():
        for p in coder.parameters():  # none of the special values that initialisation has
            p.copy_(torch.randn_like(p))
    x = torch.randn(32, 10) * 2
    out = coder(x)
    latents = torch.zeros(32, 24).scatter(1, out.latent_indices, out.latent_acts)
    folder = os.path.join(target, "sparsify", name)
    coder.save_to_disk(folder)
    save_file({"x": x, "latents": latents.contiguous(), "output": out.sae_out.detach().contiguous()},
              os.path.join(folder, "expected.safetensors"))


def gemma_scope():
    d, n = 9, 21
    r = np.random.default_rng(11)
    p = {
        "W_enc": r.normal(size=(d, n)), "W_dec": r.normal(size=(n, d)), "b_enc": r.normal(size=n),
        "b_dec": r.normal(size=d), "threshold": r.uniform(0, 2, size=n),
    }
    p = {k: v.astype(np.float32) for k, v in p.items()}
    folder = os.path.join(target, "gemma-scope")
    os.makedirs(folder, exist_ok=True)
    np.savez(os.path.join(folder, "params.npz"), **p)
    x = r.normal(size=(32, d)).astype(np.float32)
    pre = x @ p["W_enc"] + p["b_enc"]
    latents = ((pre > p["threshold"]) * np.maximum(pre, 0)).astype(np.float32)
    output = (latents @ p["W_dec"] + p["b_dec"]).astype(np.float32)
    save_file({k: torch.tensor(v) for k, v in {"x": x, "latents": latents, "output": output}.items()},
              os.path.join(folder, "expected.safetensors"))


sparsify("layers.3", False)
sparsify("layers.2.mlp", True)
gemma_scope()
