"""Our files in the peers' hands:

    python check_sae_formats.py FORMAT FOLDER EXPECTED

Loads an SAE that Loupe wrote with the library of the format, runs it on x of expected.safetensors, and prints the largest
error of latents and output, each as a share of the largest value.
"""
import importlib.util
import json
import os
import sys
from unittest.mock import MagicMock

import torch
from safetensors.torch import load_file


def dictionary_learning(folder):
    for unused in ("nnsight", "wandb"):  # wanted at import by the parts that read models and log
        if importlib.util.find_spec(unused) is None:
            sys.modules[unused] = MagicMock()
    from dictionary_learning.dictionary import AutoEncoder, JumpReluAutoEncoder
    from dictionary_learning.trainers.top_k import AutoEncoderTopK

    with open(os.path.join(folder, "config.json")) as f:
        kind = json.load(f)["trainer"]["dict_class"]
    classes = {"AutoEncoder": AutoEncoder, "JumpReluAutoEncoder": JumpReluAutoEncoder, "AutoEncoderTopK": AutoEncoderTopK}
    # as from_pretrained does, without its normalising of AutoEncoder's decoder, which changes the units of latents
    state = torch.load(os.path.join(folder, "ae.pt"), weights_only=True)
    n, d = (state["W_dec"].shape if "W_dec" in state else state["encoder.weight"].shape)
    coder = classes[kind](d, n, int(state["k"])) if "k" in state else classes[kind](d, n)
    coder.load_state_dict(state)
    return coder.encode, coder.decode


def saelens(folder):
    from sae_lens import SAE

    coder = SAE.load_from_disk(folder)
    if hasattr(coder, "W_skip"):
        return coder.encode, coder.decode, coder.forward
    return coder.encode, coder.decode


def sparsify(folder):
    os.environ["SPARSIFY_DISABLE_TRITON"] = "1"
    from sparsify import SparseCoder

    coder = SparseCoder.load_from_disk(folder, device="cpu")

    def encode(x):
        out = coder.encode(x)
        return torch.zeros(len(x), coder.num_latents).scatter(1, out.top_indices, out.top_acts)

    return encode, lambda latents: latents @ coder.W_dec + coder.b_dec, lambda x: coder(x).sae_out


def main():
    e = load_file(sys.argv[3])
    encode, decode, *whole = {"dictionary_learning": dictionary_learning, "saelens": saelens, "sparsify": sparsify}[
        sys.argv[1]](sys.argv[2])
    with torch.no_grad():
        latents = encode(e["x"])
        output = whole[0](e["x"]) if whole else decode(latents)  # a skip connection needs what is read
    for name, ours, theirs in (("latents", e["latents"], latents), ("output", e["output"], output)):
        print(f"{name} {((ours - theirs).abs().max() / theirs.abs().max()).item():.3e}")


main()
