"""Runs the notebook as it is and compares what it got with itself. usage: check_notebook.py NOTEBOOK URL SAE HOOK TEXT"""
import runpy
import sys

import numpy as np

notebook, url, sae, hook, text = sys.argv[1:]
sys.argv[1:] = [url, sae, hook, text]
got = runpy.run_path(notebook)
arrays, ask = got["arrays"], got["ask"]
cache, codes, latent, effect = got["cache"], got["codes"], got["latent"], got["effect"]
n = len(cache["token"])

assert "".join(cache["token"][1:]).strip() == text, cache["token"]
assert cache[hook].shape[0] == n == codes.shape[0], (cache[hook].shape, n, codes.shape)
assert np.allclose(cache["blocks.0.attn.hook_pattern"].reshape(n, -1, n).sum(-1), 1, atol=1e-4)
again = arrays("encode", sae=sae, vectors=cache[hook].tolist(), dense=True)["codes"]
assert np.allclose(codes, again, rtol=1e-4, atol=1e-4)
sparse = arrays("encode", sae=sae, text=text)["latents"]  # a TopK SAE: as many on every position
assert sparse.shape == (n, (codes > 0).sum(1).max()), (sparse.shape, (codes > 0).sum(1))
last = arrays("encode", sae=sae, text=text, positions=[-1], dense=True)["codes"]
assert last.shape[0] == 1 and np.allclose(last[0], codes[-1], rtol=1e-4, atol=1e-4)
assert np.allclose(effect["values"][1:], codes[1:, latent], rtol=1e-3, atol=1e-3)
assert f'<section id="{sae}-{latent}">' in got["page"]
try:
    arrays("encode", sae="nobody", text=text)
except ValueError as error:
    print(latent, float(codes[1:, latent].max()), error, sep="|")
