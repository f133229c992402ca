"""Loupe from a notebook. usage: notebook.py URL SAE HOOK TEXT (as a program it checks itself and prints what it found)."""
import sys
import numpy as np, pyarrow as pa, requests


class Loupe:
    def __init__(self, url):
        self.url = url.rstrip("/") + "/api"

    def _post(self, path, **body):
        r = requests.post(self.url + path, json=body)
        if not r.ok:
            raise ValueError(r.json()["detail"])
        return r

    def _table(self, path, **body):
        return pa.ipc.open_stream(self._post(path, **body).content).read_all()

    def run_with_cache(self, text, hooks, **more):  # {hook: [position, width]}
        table = self._table("/activations", text=text, hooks=hooks, **more)
        return table["token"].to_pylist(), {h: np.stack(table[h].to_numpy(zero_copy_only=False)) for h in hooks}

    def encode(self, sae, **what):  # [position, d_sae]
        table = self._table("/encode", sae=sae, **what)
        dense = np.zeros((table.num_rows, int(table.schema.metadata[b"d_sae"])), np.float32)
        for row, (ids, values) in enumerate(zip(table["latents"].to_pylist(), table["values"].to_pylist())):
            dense[row, ids] = values
        return dense

    def ablate(self, sae, latent, text):
        return self._post(f"/features/{sae}/{latent}/ablation", text=text).json()

    def page(self, sae, latent):  # show it with IPython.display.HTML
        return requests.get(f"{self.url}/features/{sae}/export", params={"format": "html", "ids": latent}).text


if __name__ == "__main__":
    url, sae, hook, text = sys.argv[1:]
    loupe = Loupe(url)
    tokens, cache = loupe.run_with_cache(text, [hook, "blocks.0.attn.hook_pattern"])
    codes = loupe.encode(sae, text=text)
    again = loupe.encode(sae, vectors=cache[hook].tolist())
    assert cache[hook].shape[0] == len(tokens) == codes.shape[0], (cache[hook].shape, len(tokens), codes.shape)
    assert np.allclose(codes, again, rtol=1e-4, atol=1e-4)
    pattern = cache["blocks.0.attn.hook_pattern"].reshape(len(tokens), -1, len(tokens))
    assert np.allclose(pattern.sum(-1), 1, atol=1e-4)
    last = loupe.encode(sae, text=text, positions=[-1])
    assert last.shape[0] == 1 and np.allclose(last[0], codes[-1], rtol=1e-4, atol=1e-4)
    latent = int(codes[1:].max(0).argmax())
    effect = loupe.ablate(sae, latent, text)
    assert np.allclose(effect["values"][1:], codes[1:, latent], rtol=1e-3, atol=1e-3)
    assert "<section>" in loupe.page(sae, latent)
    try:
        loupe.encode("nobody", text=text)
    except ValueError as error:
        print(latent, len(tokens), float(codes[1:, latent].max()), error, sep="|")
