"""Activations of TransformerLens' processed weights, for every weight regime.

usage: golden_regimes.py GOLDEN_DIR
GOLDEN_DIR as for golden_hooks.py; writes regimes.safetensors there: ids, and MODEL/REGIME/logits (at the last position) and
MODEL/REGIME/act.HOOK (positions 1, n/2, n-1; the last block, embeddings and the last norm). REGIME is the flags of
HookedTransformer.from_pretrained that are on, joined by commas. Written with transformer-lens 3.9.0.
"""
import os
import torch
from golden_hooks import golden, load, picked
from safetensors.torch import save_file
from transformer_lens import HookedTransformer

FLAGS = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")
EACH = [(f,) for f in FLAGS] + [FLAGS]
RMS = [("fold_ln",), ("center_unembed",), ("fold_ln", "center_unembed", "fold_value_biases")]
CAPPED = [("fold_ln",)]  # soft-capped logits
MODELS = {"tiny-gpt2": EACH, "tiny-neo": EACH, "tiny-neox": EACH, "tiny-opt": EACH, "tiny-linear": RMS, "tiny-qwen2": RMS,
          "tiny-gemma2": CAPPED, "tiny-gemma3": RMS}

save = {"ids": torch.tensor([5, 17, 3, 29, 11, 23, 2])}
for name, regimes in MODELS.items():
    raw_cfg, state = load(name)
    for flags in regimes:
        cfg, _ = load(name)
        model = HookedTransformer(cfg, tokenizer=None, move_to_device=False)
        model.load_and_process_state_dict({k: v.clone() for k, v in state.items()}, **{f: f in flags for f in FLAGS})
        ids = save["ids"][None]
        logits, cache = model.run_with_cache(ids)
        key = f"{name}/{','.join(flags)}"
        save[f"{key}/logits"] = logits[0, -1]
        for hook in cache:
            if ".q_norm." in hook or ".k_norm." in hook or hook.startswith(("unembed.", "blocks.0.")):
                continue
            save[f"{key}/act.{hook}"] = picked(model, cfg, hook, cache, ids.shape[1])
path = f"{golden}/regimes.safetensors"
save_file({k: v.detach().contiguous().clone() for k, v in save.items()}, path)
print(path, os.path.getsize(path), len(save))
