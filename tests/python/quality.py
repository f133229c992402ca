"""Quality of SAEs at equal data, width, L0 and steps: Loupe beside SAELens and dictionary_learning, on a captured store.

    python quality.py --loupe ./loupe --workspace WS --store demo --out quality.json

Peers train with their own classes (loss, auxiliary loss, clipping, decoder constraint) on the training rows of the store, in
batches drawn at random, with linear warm-up over 5 % and decay over the last 20 % of the run, as Loupe does; ReLU's weight
is steered to the L0 in all three libraries. For each library the best of --rates (by FVU, first seed) is used. Every SAE is
then judged by the same `loupe eval` on held-out documents. Needs the packages of requirements-peers-alone.txt and pyarrow.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--loupe", default="./loupe")
    p.add_argument("--workspace", required=True)
    p.add_argument("--store", default="demo")
    p.add_argument("--d-sae", type=int, default=1024)
    p.add_argument("--l0", type=int, default=24)
    p.add_argument("--steps", type=int, default=1500)
    p.add_argument("--batch", type=int, default=1024)
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument("--rates", type=float, nargs="+", default=[3e-4, 1e-3, 3e-3])
    p.add_argument("--methods", nargs="+", default=["topk", "batchtopk", "jumprelu", "relu"])
    p.add_argument("--libraries", nargs="+", default=["loupe", "sae_lens", "dictionary_learning"])
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--out", required=True)
    return p.parse_args()


def loupe(o, *args):
    out = subprocess.run([o.loupe, *args, "--workspace", o.workspace, "--json"], capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"loupe {' '.join(args)}: {out.stderr[-2000:]}")
    return json.loads(out.stdout.strip().splitlines()[-1])


def rows(o):
    """The training rows of the store's only hook point; held-out documents come first."""
    import pyarrow.ipc as ipc

    folder = os.path.join(o.workspace, "activations", o.store)
    manifest = json.load(open(os.path.join(folder, "store.json")))
    (hook, h), = manifest["hooks"].items()
    parts = []
    for f in sorted(os.listdir(os.path.join(folder, hook))):
        for b in range((t := ipc.open_file(os.path.join(folder, hook, f))).num_record_batches):
            column = t.get_batch(b).column(t.schema.names[-1])
            parts.append(column.flatten().to_numpy(zero_copy_only=False).reshape(-1, h["width"]).astype(np.float32))
    return hook, np.concatenate(parts)[manifest["held_out_tokens"]:]


def batches(x, o, seed):
    order = np.random.default_rng(1000 + seed)
    while True:
        p = order.permutation(len(x))
        for i in range(0, len(x) - o.batch + 1, o.batch):
            yield x[p[i:i + o.batch]]


def schedule(o, i):
    return min(1, (i + 1) / (0.05 * o.steps), (o.steps - i) / (0.2 * o.steps))


def steer(weight, o, l0):
    """Loupe's rule: at an L0 off by a factor the weight changes by e^30 at most over the run."""
    return weight * math.exp(30 / o.steps * min(1, max(-1, l0 / o.l0 - 1)))


def sae_lens(o, method, seed, rate, x, folder, hook):
    import torch as t
    from sae_lens import saes
    from sae_lens.saes.sae import TrainStepInput

    t.manual_seed(seed)
    d = x.shape[1]
    common = dict(d_in=d, d_sae=o.d_sae, device="cpu", dtype="float32", apply_b_dec_to_input=True)
    if method == "topk":
        sae = saes.TopKTrainingSAE(saes.TopKTrainingSAEConfig(k=o.l0, **common))
    elif method == "batchtopk":
        sae = saes.BatchTopKTrainingSAE(saes.BatchTopKTrainingSAEConfig(k=o.l0, **common))
    elif method == "jumprelu":
        sae = saes.JumpReLUTrainingSAE(saes.JumpReLUTrainingSAEConfig(
            jumprelu_sparsity_loss_mode="quadratic", target_l0=o.l0, **common))
    else:
        sae = saes.StandardTrainingSAE(saes.StandardTrainingSAEConfig(l1_coefficient=1.0, **common))
    scale = math.sqrt(d) / float(np.linalg.norm(x[:20000], axis=1).mean())
    adam = t.optim.Adam(sae.parameters(), lr=rate, betas=(0.9, 0.999))
    quiet, weight = t.zeros(o.d_sae), 1.0
    sae.train()
    for i, batch in zip(range(o.steps), batches(x, o, seed)):
        for g in adam.param_groups:
            g["lr"] = rate * schedule(o, i)
        out = sae.training_forward_pass(TrainStepInput(
            sae_in=t.from_numpy(batch) * scale, coefficients={"l1": weight, "l0": min(1, (i + 1) / (0.05 * o.steps))},
            dead_neuron_mask=quiet > 0.05 * o.steps, n_training_steps=i, is_logging_step=False))
        adam.zero_grad()
        out.loss.backward()
        t.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        adam.step()
        active = out.feature_acts.detach() > 0
        quiet = t.where(active.any(0), t.zeros_like(quiet), quiet + 1)
        weight = steer(weight, o, float(active.sum(1).float().mean()))
    sae.eval()
    sae.fold_activation_norm_scaling_factor(scale)
    if method != "topk":
        sae.fold_W_dec_norm()
    sae.cfg.metadata.hook_name = hook
    sae.save_inference_model(folder)


def dictionary_learning(o, method, seed, rate, x, folder, hook):
    from unittest.mock import MagicMock

    import torch as t

    for unused in ("nnsight", "wandb"):  # wanted at import by the parts that read models and log
        sys.modules.setdefault(unused, MagicMock())
    from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
    from dictionary_learning.trainers.jumprelu import JumpReluTrainer
    from dictionary_learning.trainers.standard import StandardTrainer
    from dictionary_learning.trainers.top_k import TopKTrainer

    scale = 1 / math.sqrt(float((x[:20000].astype(np.float64) ** 2).sum(1).mean()))
    common = dict(steps=o.steps, activation_dim=x.shape[1], dict_size=o.d_sae, layer=int(hook.split(".")[1]),
                  lm_name="none", lr=rate, warmup_steps=int(0.05 * o.steps), decay_start=int(0.8 * o.steps), seed=seed,
                  device="cpu")
    if method == "topk":
        trainer = TopKTrainer(k=o.l0, **common)
    elif method == "batchtopk":
        trainer = BatchTopKTrainer(k=o.l0, threshold_start_step=int(0.2 * o.steps), **common)
    elif method == "jumprelu":
        trainer = JumpReluTrainer(target_l0=o.l0, sparsity_warmup_steps=int(0.05 * o.steps), **common)
    else:
        trainer = StandardTrainer(sparsity_warmup_steps=None, l1_penalty=0.01, **common)
    for i, batch in zip(range(o.steps), batches(x, o, seed)):
        b = t.from_numpy(batch) * scale
        trainer.update(i, b)
        if method == "relu":
            with t.no_grad():
                trainer.l1_penalty = steer(trainer.l1_penalty, o, float((trainer.ae.encode(b) > 0).sum(1).float().mean()))
    trainer.ae.scale_biases(1 / scale)
    os.makedirs(folder)
    t.save(trainer.ae.state_dict(), os.path.join(folder, "ae.pt"))
    json.dump({"trainer": trainer.config}, open(os.path.join(folder, "config.json"), "w"), default=str)


def train(o, library, method, seed, rate, x, hook, work):
    name = f"q-{library.replace('_', '-')}-{method}-{rate:g}-s{seed}".replace(".", "p")
    begin = time.time()
    saes = os.path.join(o.workspace, "saes")
    if any(os.path.isdir(os.path.join(saes, n)) for n in (name, f"{name}-s{seed}")):
        print(f"{name} is there already", file=sys.stderr)
    elif library == "loupe":
        target = ["--k", str(o.l0)] if method in ("topk", "batchtopk") else ["--l0-target", str(o.l0)]
        loupe(o, "train", "--store", o.store, "--arch", method, "--d-sae", str(o.d_sae), *target, "--steps", str(o.steps),
              "--seeds", str(seed), "--name", name, "--set", f"batch={o.batch}", "--set", f"learning_rate={rate}")
    else:
        folder = os.path.join(work, name)
        globals()[library](o, method, seed, rate, x, folder, hook)
        manifest = json.load(open(os.path.join(o.workspace, "activations", o.store, "store.json")))
        kind = library.replace("sae_lens", "saelens")
        loupe(o, "import", folder, "--name", name, "--format", kind, "--model", manifest["model"]["id"], "--hook", hook)
    seconds = time.time() - begin
    if not os.path.isdir(os.path.join(saes, name)):
        name += f"-s{seed}"
    r = loupe(o, "eval", name, "--store", o.store, "--no-random-control")["saes"][name]
    print(f"{name}: L0 {r['l0']:.2f}, FVU {r['fvu']:.4f}, delta CE {r['delta_ce']:.4f},"
          f" dead {r['dead_fraction']:.1%}, {seconds:.0f} s", file=sys.stderr, flush=True)
    return {"rate": rate, "seed": seed, "seconds": seconds,
            **{k: r[k] for k in ("l0", "fvu", "delta_ce", "dead_fraction")}}


def main():
    o = options()
    import torch

    torch.set_num_threads(o.threads)
    hook, x = rows(o)
    results = []
    with tempfile.TemporaryDirectory() as work:
        for method in o.methods:
            for library in o.libraries:
                first = [train(o, library, method, o.seeds[0], rate, x, hook, work) for rate in o.rates]
                best = min(first, key=lambda r: r["fvu"])
                runs = [best] + [train(o, library, method, s, best["rate"], x, hook, work) for s in o.seeds[1:]]
                mean = {k: (statistics.mean(r[k] for r in runs), statistics.stdev(r[k] for r in runs) if runs[1:] else 0)
                        for k in ("l0", "fvu", "delta_ce", "dead_fraction")}
                results.append({"method": method, "library": library, "rate": best["rate"], "tried": first,
                                "runs": runs, "mean_and_deviation": mean})
                json.dump({"options": vars(o), "results": results}, open(o.out, "w"), indent=1)
    print("| method | library | rate | L0 | FVU | delta CE | dead |\n|---|---|---|---|---|---|---|")
    for r in results:
        m = r["mean_and_deviation"]
        print(f"| {r['method']} | {r['library']} | {r['rate']:g} | {m['l0'][0]:.2f} | {m['fvu'][0]:.4f} ± {m['fvu'][1]:.4f}"
              f" | {m['delta_ce'][0]:.3f} ± {m['delta_ce'][1]:.3f} | {m['dead_fraction'][0]:.1%} |")


main()
