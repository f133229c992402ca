"""Golden files of SAE formats, written and used by the libraries themselves:

    python golden_sae_formats.py TARGET_FOLDER [PART...]

sparsify/{sae,transcoder}/   eai-sparsify: its folder, with x, latents and output in expected.safetensors
gemma-scope/params.npz       numpy, the arrays of Gemma Scope; expected.safetensors by the formula of its notebook
dictionary_learning/NAME/     dictionary_learning: ae.pt of each of its classes, with config.json
openai/relu.pt               the keys of OpenAI's sparse_autoencoder, which is no package; expected by its formula
saelens/NAME/                SAELens: a gated SAE, a checkpoint of BatchTopK training, transcoders
Needs eai-sparsify (SPARSIFY_DISABLE_TRITON=1), dictionary_learning, sae-lens, torch, numpy, safetensors.
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


def randomise(module):
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_(torch.rand_like(p) * 1.5 if "threshold" in name else torch.randn_like(p))


def expected(folder, x, latents, output):
    save_file({"x": x, "latents": latents.detach().float().contiguous(), "output": output.detach().float().contiguous()},
              os.path.join(folder, "expected.safetensors"))


def dictionary_learning():
    import json
    from unittest.mock import MagicMock
    for unused in ("nnsight", "wandb"):  # wanted at import by the parts that read models and log
        if unused not in sys.modules:
            sys.modules[unused] = MagicMock()
    from dictionary_learning.dictionary import AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder
    from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
    from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
    from dictionary_learning.trainers.top_k import AutoEncoderTopK

    torch.manual_seed(13)
    d, n = 8, 19
    coders = {
        "AutoEncoder": AutoEncoder(d, n), "AutoEncoderNew": AutoEncoderNew(d, n),
        "GatedAutoEncoder": GatedAutoEncoder(d, n), "JumpReluAutoEncoder": JumpReluAutoEncoder(d, n),
        "AutoEncoderTopK": AutoEncoderTopK(d, n, 4), "BatchTopKSAE": BatchTopKSAE(d, n, 4),
        "MatryoshkaBatchTopKSAE": MatryoshkaBatchTopKSAE(d, n, 4, [5, 14]),
    }
    for name, coder in coders.items():
        randomise(coder)
        if name in ("BatchTopKSAE", "MatryoshkaBatchTopKSAE"):
            coder.threshold.fill_(0.8)
        folder = os.path.join(target, "dictionary_learning", name)
        os.makedirs(folder, exist_ok=True)
        torch.save(coder.state_dict(), os.path.join(folder, "ae.pt"))
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump({"trainer": {"dict_class": name, "activation_dim": d, "dict_size": n, "layer": 3,
                                   "lm_name": "toy", "submodule_name": "resid_post_layer_3"}}, f)
        x = torch.randn(24, d) * 2
        latents = coder.encode(x)
        expected(folder, x, latents, coder.decode(latents))


def openai():
    torch.manual_seed(17)
    d, n = 7, 16
    state = {"pre_bias": torch.randn(d), "latent_bias": torch.randn(n), "stats_last_nonzero": torch.zeros(n, dtype=torch.long),
             "encoder.weight": torch.randn(n, d), "decoder.weight": torch.randn(d, n),
             "activation": "ReLU", "activation_state_dict": {}}
    folder = os.path.join(target, "openai")
    os.makedirs(folder, exist_ok=True)
    torch.save(state, os.path.join(folder, "relu.pt"))
    x = torch.randn(24, d) * 2
    latents = torch.relu((x - state["pre_bias"]) @ state["encoder.weight"].T + state["latent_bias"])
    expected(folder, x, latents, latents @ state["decoder.weight"].T + state["pre_bias"])
    torch.save({**state, "activation": "TopK", "activation_state_dict": {"k": 4, "postact_fn": "ReLU"}},
               os.path.join(folder, "topk.pt"))


def saelens():
    from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
    from sae_lens.saes.gated_sae import GatedSAE, GatedSAEConfig
    from sae_lens.saes.transcoder import (JumpReLUTranscoder, JumpReLUTranscoderConfig, SkipTranscoder,
                                          SkipTranscoderConfig, Transcoder, TranscoderConfig)

    torch.manual_seed(19)
    d, n, out = 6, 15, 5
    across = {"d_in": d, "d_sae": n, "d_out": out, "apply_b_dec_to_input": False}
    coders = {
        "gated": GatedSAE(GatedSAEConfig(d_in=d, d_sae=n)),
        "batchtopk": BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(d_in=d, d_sae=n, k=4)),
        "transcoder": Transcoder(TranscoderConfig(**across)),
        "skip_transcoder": SkipTranscoder(SkipTranscoderConfig(**across)),
        "jumprelu_transcoder": JumpReLUTranscoder(JumpReLUTranscoderConfig(**across)),
    }
    for name, coder in coders.items():
        randomise(coder)
        coder.cfg.metadata.hook_name = "blocks.1.hook_resid_post"
        if "transcoder" in name:
            coder.cfg.metadata.hook_name_out = "blocks.1.hook_mlp_out"
        folder = os.path.join(target, "saelens", name)
        x = torch.randn(24, d) * 2
        if name == "batchtopk":
            coder.topk_threshold.fill_(3.0)  # its use: one threshold on activations times decoder norms
            coder.save_model(folder)
            norms = coder.W_dec.norm(dim=-1)
            scaled = ((x - coder.b_dec) @ coder.W_enc + coder.b_enc) * norms
            latents = scaled * (scaled > 3.0)
            expected(folder, x, latents, (latents / norms) @ coder.W_dec + coder.b_dec)
        else:
            coder.save_model(folder)
            latents = coder.encode(x)
            output = coder.forward(x) if "skip" in name else coder.decode(latents)
            expected(folder, x, latents, output)


def all_sparsify():
    sparsify("layers.3", False)
    sparsify("layers.2.mlp", True)


parts = {"sparsify": all_sparsify, "gemma-scope": gemma_scope, "dictionary_learning": dictionary_learning,
         "openai": openai, "saelens": saelens}
for part in sys.argv[2:] or parts:
    parts[part]()
