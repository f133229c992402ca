"""Lets SAELens cache the activations of a tiny model, as its users do, and writes the rows that Loupe must import.

Run with sae-lens and transformer-lens installed; nothing is downloaded:
    python tests/python/golden_saelens_cache.py activations-store/src/test/resources/dev/loupe/capture/saelens-cache
"""

import json
import os
import pathlib
import shutil
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"

import datasets
import numpy as np
import sae_lens.cache_activations_runner as runner
import torch
from sae_lens import CacheActivationsRunner
from sae_lens.config import CacheActivationsRunnerConfig
from tokenizers import Tokenizer, models
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformers import PreTrainedTokenizerFast

D, CONTEXT, WORDS = 4, 6, 30
HOOK = "blocks.0.hook_resid_post"


def main(folder):
    torch.manual_seed(0)
    model = HookedTransformer(HookedTransformerConfig(
        n_layers=1, d_model=D, n_ctx=CONTEXT, d_head=2, n_heads=2, d_vocab=WORDS, act_fn="gelu", model_name="tiny",
        device="cpu"))
    words = {"<b>": 0, "<e>": 1, **{f"t{i}": i for i in range(2, WORDS)}}
    model.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="<e>")), bos_token="<b>", eos_token="<e>",
        pad_token="<e>")
    runner.load_model = lambda **_: model
    rng = np.random.default_rng(0)
    texts = datasets.Dataset.from_dict(
        {"tokens": [[int(x) for x in rng.integers(2, WORDS, CONTEXT)] for _ in range(200)]})
    shutil.rmtree(folder, ignore_errors=True)
    CacheActivationsRunner(CacheActivationsRunnerConfig(
        dataset_path="made-here", model_name="tiny", model_batch_size=4, hook_name=HOOK, d_in=D,
        training_tokens=24 * CONTEXT, context_size=CONTEXT, new_cached_activations_path=folder, shuffle=True, seed=42,
        buffer_size_gb=2e-6, prepend_bos=False, streaming=False), override_dataset=texts).run()
    cached = datasets.load_from_disk(folder)
    cached.set_format("numpy")
    rows = [dict(tokens=[int(t) for t in r["token_ids"]], values=[[float(x) for x in row] for row in r[HOOK]])
            for r in cached]
    pathlib.Path(folder, "expected.json").write_text(json.dumps(rows) + "\n")
    print(len(rows), "sequences,", sorted(os.listdir(folder)))


if __name__ == "__main__":
    main(sys.argv[1])
