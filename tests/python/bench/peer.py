"""The Python peers of ./loupe bench: python peer.py NAME FOLDER THREADS

Prepares what NAME needs from FOLDER, prints {"ready": true}, then makes one run for every line it reads and prints
{"amount": units of work, "seconds": ..., "answer": a number that depends on the whole result}.
"""
import json
import os
import sys
import time

name, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is no answer

import numpy as np

path = lambda f: os.path.join(folder, f)


def setup():
    return json.load(open(path("setup.json")))


def torch():
    import torch

    torch.set_num_threads(threads)
    return torch


def gather():
    rows = np.load(path("rows.npy"), mmap_mode="r")
    ids = np.load(path("ids.npy"))
    batch = 4096
    out = np.empty((batch, rows.shape[1]), np.float32)

    def run():
        answer = 0.0
        for b in range(len(ids) // batch):
            np.take(rows, ids[b * batch:(b + 1) * batch], axis=0, out=out, mode="clip")
            answer += float(out[b, b])
        return len(ids), answer

    return run


def store_loader():
    import datasets
    from sae_lens.training.activations_store import ActivationsStore

    t = torch()
    rows = np.load(path("rows.npy"), mmap_mode="r")
    context, d, hook, batch, batches = 128, rows.shape[1], "blocks.3.hook_resid_post", 4096, 300
    n = len(rows) // context
    features = datasets.Features({hook: datasets.Array2D(shape=(context, d), dtype="float32"),
                                  "token_ids": datasets.Sequence(datasets.Value("int32"), length=context)})

    def sequences():
        for i in range(n):
            yield {hook: rows[i * context:(i + 1) * context], "token_ids": np.ones(context, np.int32)}

    datasets.Dataset.from_generator(sequences, features=features, cache_dir=path("hf-cache")).save_to_disk(path("hf"))
    store = ActivationsStore(model=None, dataset=None, streaming=False, hook_name=hook, hook_head_index=None,
                             context_size=context, d_in=d, n_batches_in_buffer=64, total_training_tokens=10**9,
                             store_batch_size_prompts=32, train_batch_size_tokens=batch, prepend_bos=False,
                             normalize_activations="none", device=t.device("cpu"), dtype="float32",
                             cached_activations_path=path("hf"))

    def run():
        answer = 0.0
        for b in range(batches):
            answer += float(store.next_batch()[b].flatten()[b])
        return batches * batch, answer

    return run


def causal_model():
    from transformers import AutoModelForCausalLM

    t = torch()
    return AutoModelForCausalLM.from_pretrained(setup()["model"], dtype=t.float32).eval()


def tokenizer():
    from tokenizers import Tokenizer

    return Tokenizer.from_file(os.path.join(setup()["model"], "tokenizer.json"))


def capture():
    t, s, model, tok = torch(), setup(), causal_model(), tokenizer()
    layers, size = s["layers"], s["batch"]

    def run():
        texts = [json.loads(line)["text"] for line in open(path("text.jsonl"))]
        ids = sorted(([0] + e.ids for e in tok.encode_batch(texts, add_special_tokens=False)), key=len)
        files = [open(path(f"peer-{l}.bin"), "wb") for l in layers]
        rows, squares = 0, 0.0
        with t.inference_mode():
            for i in range(0, len(ids), size):
                batch = ids[i:i + size]
                longest = max(map(len, batch))
                x = t.zeros(len(batch), longest, dtype=t.long)
                mask = t.zeros(len(batch), longest, dtype=t.long)
                for b, one in enumerate(batch):
                    x[b, :len(one)] = t.tensor(one)
                    mask[b, :len(one)] = 1
                hidden = model.model(x, attention_mask=mask, output_hidden_states=True, use_cache=False).hidden_states
                keep = mask.bool()
                keep[:, 0] = False
                for l, f in zip(layers, files):
                    values = hidden[l + 1][keep]
                    f.write(values.numpy().tobytes())
                squares += float(values.double().pow(2).sum())
                rows += len(values)
        for f in files:
            f.close()
        return rows, squares / rows

    return run


def sized():
    """The random model of a benchmark, in the benchmark's type."""
    from transformers import AutoModelForCausalLM

    t, s = torch(), setup()
    return t, s, AutoModelForCausalLM.from_pretrained(s["model"], dtype=getattr(t, s["dtype"])).eval()


def prefill():
    t, s, model = sized()
    ids = t.tensor(s["ids"])

    def run():
        with t.inference_mode():
            logits = model(ids, use_cache=False, logits_to_keep=1).logits
        return ids.numel(), float(logits.float().abs().double().sum())

    return run


def decode():
    t, s, model = sized()
    prompt, tokens = t.tensor(s["ids"]), s["tokens"]

    def run():
        with t.inference_mode():
            out = model.generate(prompt, attention_mask=t.ones_like(prompt), min_new_tokens=tokens,
                                 max_new_tokens=tokens, do_sample=False, use_cache=True, pad_token_id=0)
        new = out[0, prompt.shape[1]:].tolist()
        return len(new), sum((i + 1) * v for i, v in enumerate(new))

    return run


def load():
    from transformers import AutoModelForCausalLM

    t, s = torch(), setup()
    size = os.path.getsize(os.path.join(s["model"], "model.safetensors"))

    def run():
        model = AutoModelForCausalLM.from_pretrained(s["model"], dtype=t.float32).eval()
        with t.inference_mode():
            logits = model(t.tensor([[1]]), use_cache=False).logits
        return size / 1e6, float(logits.abs().double().sum())

    return run


def relp():
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "patch"))
    t, s, tok = torch(), setup(), tokenizer()
    from golden import Llama

    model = Llama(s["model"], t.float32)
    one = lambda text: tok.encode(text, add_special_tokens=False).ids
    clean, corrupt = (t.tensor([[0] + one(s[k])]) for k in ("clean", "corrupt"))
    answer, wrong = one(s["answer"])[0], one(s["wrong"])[0]
    rules = ("ln", "identity", "half")
    sites = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
    wanted = {f"blocks.{l}.hook_{site}" for l in range(model.layers) for site in sites}

    def pair():
        kept = {}

        def keep(hook, x):
            if hook in wanted:
                kept[hook] = x
            return x

        with t.no_grad():
            model(clean, keep)
        grads = {}

        def tag(hook, x):
            if hook in wanted:
                if not x.requires_grad:
                    x = x.requires_grad_()
                x.retain_grad()
                grads[hook] = x
            return x

        z = model(corrupt, tag, rules)[0]
        (z[answer] - z[wrong]).backward()
        return sum(float(((kept[h] - x.detach()) * x.grad).sum(-1).abs().sum()) for h, x in grads.items())

    def run():
        for _ in range(50):
            total = pair()
        return 50, total

    return run


def match():
    from scipy.optimize import linear_sum_assignment

    arrays = {k: np.load(path(f"{k}.npy")) for k in ("dec_a", "dec_b", "enc_a", "enc_b")}
    unit = lambda m: m / np.linalg.norm(m, axis=1, keepdims=True)

    def run():
        picks = []
        for kind in ("dec", "enc"):
            cosine = unit(arrays[f"{kind}_a"]) @ unit(arrays[f"{kind}_b"]).T
            _, columns = linear_sum_assignment(cosine, maximize=True)
            picks.append((columns, cosine[np.arange(len(columns)), columns]))
        (d, cd), (e, ce) = picks
        return len(d), int(np.sum((d == e) & (cd >= 0.7) & (ce >= 0.7)))

    return run


def wide_match():
    import resource

    from scipy.optimize import linear_sum_assignment

    a, b = np.load(path("a.npy")), np.load(path("b.npy"))
    unit = lambda m: m / np.linalg.norm(m, axis=1, keepdims=True)

    def run():
        start = time.perf_counter()
        cosine = unit(a) @ unit(b).T
        rows, columns = linear_sum_assignment(cosine, maximize=True)
        total = float(cosine[rows, columns].astype(np.float64).sum())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"peer: {len(a)} rows in {time.perf_counter() - start:.1f} s, peak memory {peak:.2f} GiB", file=sys.stderr)
        return len(a), total

    return run


def index():
    t, s = torch(), setup()
    from safetensors.torch import load_file

    k = s["k"]
    rows = t.from_numpy(np.load(path("rows.npy")))
    documents = t.from_numpy(np.load(path("documents.npy")))
    decoder = t.from_numpy(np.load(path("decoder.npy")))
    weights = load_file(os.path.join(s["model"], "model.safetensors"))
    unembed = weights["model.embed_tokens.weight"].float() * weights["model.norm.weight"].float()
    latents = len(decoder)

    def run():
        with t.inference_mode():
            ids, values = [], []
            for i in range(0, len(rows), 1024):
                v, j = t.relu(rows[i:i + 1024] @ decoder.T).topk(k, dim=1)
                ids.append(j)
                values.append(v)
            ids, values = t.cat(ids).flatten(), t.cat(values).flatten()
            where = t.arange(len(rows)).repeat_interleave(k)
            on = values > 0
            ids, values, where = ids[on], values[on], where[on]
            fired = t.bincount(ids, minlength=latents)
            order = t.argsort(values, descending=True, stable=True)
            order = order[t.argsort(ids[order], stable=True)]
            ends = fired.cumsum(0).tolist()
            examples, start = [], 0
            for end in ends:  # best example of each document, largest first
                mine = order[start:end]
                seen, best = set(), []
                for at, doc in zip(mine.tolist(), documents[where[mine]].tolist()):
                    if doc not in seen:
                        seen.add(doc)
                        best.append(at)
                        if len(best) == 16:
                            break
                examples.append(best)
                start = end
            bins = ((values.log2() + 20) * 2).clamp(0, 63).long()
            t.bincount(ids * 64 + bins, minlength=latents * 64).view(latents, 64)
            t.bincount(ids * (int(documents.max()) + 1) + documents[where])
            (decoder @ unembed.T).topk(10, dim=1)
            (decoder @ unembed.T).topk(10, dim=1, largest=False)
            (decoder @ decoder.T).topk(11, dim=1)
        return len(rows), int(fired.sum())

    return run


def train_step():
    t = torch()
    k, batch, steps = 24, 1024, 20
    decoder = t.from_numpy(np.load(path("decoder.npy")))
    rows = t.from_numpy(np.load(path("rows.npy"))).split(batch)
    w_enc, w_dec = t.nn.Parameter(decoder.T.contiguous()), t.nn.Parameter(decoder.clone())
    b_enc, b_dec = t.nn.Parameter(t.zeros(len(decoder))), t.nn.Parameter(t.zeros(decoder.shape[1]))
    adam = t.optim.Adam([w_enc, w_dec, b_enc, b_dec], lr=1e-3, fused=True)

    def run():
        total = 0.0
        for i in range(steps):
            x = rows[i % len(rows)]
            values, ids = (((x - b_dec) @ w_enc) + b_enc).topk(k, dim=1, sorted=False)
            f = t.zeros(len(x), len(decoder)).scatter(1, ids, t.relu(values))
            loss = (x - (f @ w_dec + b_dec)).pow(2).sum(1).mean()
            adam.zero_grad()
            loss.backward()
            with t.no_grad():
                w_dec.grad.sub_((w_dec.grad * w_dec).sum(1, keepdim=True) * w_dec)
                adam.step()
                w_dec.div_(w_dec.norm(dim=1, keepdim=True))
            total += loss.item() / steps
        return steps * batch, total

    return run


def planted():
    import planted as dictionary

    return dictionary.planted(torch(), setup(), folder)


def train_steps():
    import train_steps as steps

    c = setup()
    return getattr(steps, c["peer"])(torch(), c, folder)


def dashboard():
    import dashboard as boards

    return boards.dashboards(torch(), setup(), folder)


peers = {"steps": train_steps, "dashboard": dashboard, "planted": planted, "train-step": train_step, "index": index, "gather": gather, "store-loader": store_loader, "capture": capture, "relp": relp, "match": match,
         "prefill": prefill, "decode": decode, "load": load,
         **{f"match-{size}": wide_match for size in ("4k", "8k", "16k", "32k", "16k-copies")}}


def peak():
    """The largest resident memory since the last call, as Linux counts it; counted anew where that is allowed."""
    try:
        lines = open("/proc/self/status").read().splitlines()
        most = next(int(l.split()[1]) for l in lines if l.startswith("VmHWM")) * 1024
        open("/proc/self/clear_refs", "w").write("5")
        return {"peak_bytes": most}
    except (OSError, StopIteration):
        return {}


def gpu_peak():
    """The most that PyTorch held on the GPU since the last call, its cache included, as an out-of-memory error would count it."""
    t = sys.modules.get("torch")
    if t is None or not t.cuda.is_available() or t.cuda.max_memory_reserved() == 0:
        return {}
    most = t.cuda.max_memory_reserved()
    t.cuda.reset_peak_memory_stats()
    return {"gpu_peak_bytes": most}


run = (peers.get(name) or peers[name.split("-")[0]])()
print(json.dumps({"ready": True}), file=answers, flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    amount, answer, *own = run()  # a run that reads its files back for the answer says itself how long it took
    print(json.dumps({"amount": amount, "seconds": own[0] if own else time.perf_counter() - start, "answer": answer, **peak(), **gpu_peak()}),
          file=answers, flush=True)
