"""Loupe from a notebook: activations, latents, an ablation, a feature's page. usage: notebook.py URL SAE HOOK TEXT"""
import sys
from html import escape
import pyarrow as pa
import requests
try:
    from IPython.display import HTML as show
except ImportError:  # not in a notebook
    show = str

url, sae, hook, text = sys.argv[1:]

def ask(method, path, **what):
    answer = requests.request(method, f"{url}/api/{path}", **what)
    if not answer.ok:
        raise ValueError(answer.json()["detail"])
    return answer

def arrays(path, **what):
    """Columns by name; a column of lists is one array [position, width]."""
    table = pa.ipc.open_stream(ask("POST", path, json=what).content).read_all().combine_chunks()
    lists = {c: table[c].chunk(0) for c in table.column_names if pa.types.is_nested(table[c].type)}
    return table.to_pydict() | {c: a.flatten().to_numpy().reshape(len(a), -1) for c, a in lists.items()}

cache = arrays("activations", text=text, hooks=[hook, "blocks.0.attn.hook_pattern"])
codes = arrays("encode", sae=sae, text=text, dense=True)["codes"]  # [position, d_sae]
latent = int(codes[1:].max(0).argmax())  # the strongest after BOS
effect = ask("POST", f"features/{sae}/{latent}/ablation", json={"text": text}).json()
page = ask("GET", f"features/{sae}/export", params={"format": "html", "ids": latent}).text
show(f'<div><iframe srcdoc="{escape(page)}" width="100%" height="700"></iframe></div>')
