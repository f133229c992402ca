"""Golden files of circuit-tracer's transcoder folders, written and used by the library itself, and the other way round:

    python golden_circuit_tracer.py write TARGET_FOLDER          what circuit-tracer saves, with inputs and outputs
    python golden_circuit_tracer.py check FOLDER EXPECTED        a folder of ours: its latents and outputs there

set/          a JumpReLU transcoder set of three layers
skip/         a ReLU transcoder set with skip connections
clt/          a JumpReLU cross-layer transcoder
Each has expected.safetensors: x [layers, rows, d], latents [layers, rows, d_sae], output [layers, rows, d].
Needs circuit-tracer 0.5.0, torch, safetensors.
"""
import glob
import os
import sys

import torch
from circuit_tracer.transcoder.activation_functions import JumpReLU
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder, load_clt
from circuit_tracer.transcoder.single_layer_transcoder import SingleLayerTranscoder, TranscoderSet, load_transcoder_set
from safetensors.torch import load_file, save_file

LAYERS, D, N, ROWS = 3, 6, 14, 12
CONFIG = """model_name: "toy"
model_kind: "{kind}"
feature_input_hook: "hook_resid_mid"
feature_output_hook: "hook_mlp_out"
"""


def randomise(module):
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_(torch.rand_like(p) * 1.5 if "threshold" in name else torch.randn_like(p))


def outputs(coder, x):
    latents = coder.encode(x)
    if isinstance(coder, CrossLayerTranscoder):
        return latents, coder.decode(latents.to_sparse())
    return latents, coder.decode(latents, x)


def keep(coder, folder, kind):
    coder.to_safetensors(folder)
    with open(os.path.join(folder, "config.yaml"), "w") as f:
        f.write(CONFIG.format(kind=kind))
    x = torch.randn(LAYERS, ROWS, D) * 2
    with torch.no_grad():
        latents, output = outputs(coder, x)
    save_file({"x": x, "latents": latents.contiguous(), "output": output.contiguous()},
              os.path.join(folder, "expected.safetensors"))


def write(target):
    torch.manual_seed(5)
    for name, skip in (("set", False), ("skip", True)):
        layers = {}
        for l in range(LAYERS):
            activation = torch.relu if skip else JumpReLU(torch.zeros(N), 0.1)
            layers[l] = SingleLayerTranscoder(D, N, activation, l, skip_connection=skip, dtype=torch.float32)
            randomise(layers[l])
        keep(TranscoderSet(layers, "hook_resid_mid", "hook_mlp_out"), os.path.join(target, name), "transcoder_set")
    clt = CrossLayerTranscoder(LAYERS, N, D, "jump_relu", lazy_decoder=False, dtype=torch.float32)
    randomise(clt)
    keep(clt, os.path.join(target, "clt"), "cross_layer_transcoder")


def load(folder):
    if glob.glob(os.path.join(folder, "W_enc_*.safetensors")):
        return load_clt(folder, dtype=torch.float32, lazy_decoder=False)
    paths = {i: os.path.join(folder, f"layer_{i}.safetensors")
             for i in range(len(glob.glob(os.path.join(folder, "layer_*.safetensors"))))}
    return load_transcoder_set(paths, "x", "hook_resid_mid", "hook_mlp_out", lazy_encoder=False, lazy_decoder=False)


def check(folder, expected):
    """Prints the largest error of latents and outputs, each as a share of the largest value."""
    e = load_file(expected)
    with torch.no_grad():
        latents, output = outputs(load(folder), e["x"])
    for name, ours, theirs in (("latents", e["latents"], latents), ("output", e["output"], output)):
        print(f"{name} {((ours - theirs).abs().max() / theirs.abs().max()).item():.3e}")


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        check(sys.argv[2], sys.argv[3])
