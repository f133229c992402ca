"""Quality of SAEs at equal data, width, L0 and steps: Loupe beside SAELens and dictionary_learning, on a captured store.

    python quality.py --loupe ./loupe --workspace WS --store demo --out quality.jsonl

Peers train with their own classes (loss, auxiliary loss, clipping, decoder constraint) on the training rows of the store, in
batches drawn at random, with linear warm-up over 5 % and decay over the last 20 % of the run, as Loupe does; ReLU's weight
is steered to the L0 in all three libraries. For each library the best of --rates (by FVU at the L0, first seed) is used; where
that is the largest or the smallest one tried, a further one is tried, up to --fastest and --slowest. Every SAE is judged by
the same `loupe eval` on held-out documents. Finished runs are kept in --out and go into a later call; with --most N a call
ends after N trainings with exit code 3 if there is more to do. Needs the packages of requirements-peers-alone.txt and pyarrow.
"""
import argparse
import importlib.util
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

#: Exit code of a call that stopped at --most.
GO_ON = 3


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
    p.add_argument("--rates", type=float, nargs="+", default=[1e-3, 3e-3])
    p.add_argument("--fastest", type=float, default=1e-2)
    p.add_argument("--slowest", type=float, default=1e-4)
    p.add_argument("--refine", action="store_true", help="also 1.8 times more and less than the best")
    p.add_argument("--methods", nargs="+", default=["topk", "batchtopk", "jumprelu", "relu"])
    p.add_argument("--libraries", nargs="+", default=["loupe", "sae_lens", "dictionary_learning"])
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--set", action="append", default=[], help="further settings of Loupe's training, NAME=VALUE")
    p.add_argument("--tag", default="", help="part of the SAEs' names, for another series in the same workspace")
    p.add_argument("--most", type=int, default=-1)
    p.add_argument("--out", required=True)
    return p.parse_args()


def loupe(o, *args):
    out = subprocess.run([o.loupe, *args, "--workspace", o.workspace, "--json"], capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"loupe {' '.join(args)}: {out.stderr[-2000:]}")
    return json.loads(out.stdout.strip().splitlines()[-1])


def manifest(o):
    return json.load(open(os.path.join(o.workspace, "activations", o.store, "store.json")))


def rows(o):
    """The training rows of the store's only hook point; held-out documents come first."""
    import pyarrow.ipc as ipc

    folder = os.path.join(o.workspace, "activations", o.store)
    (hook, h), = manifest(o)["hooks"].items()
    parts = []
    for f in sorted(os.listdir(os.path.join(folder, hook))):
        for b in range((t := ipc.open_file(os.path.join(folder, hook, f))).num_record_batches):
            column = t.get_batch(b).column(t.schema.names[-1])
            parts.append(column.flatten().to_numpy(zero_copy_only=False).reshape(-1, h["width"]).astype(np.float32))
    return np.concatenate(parts)[manifest(o)["held_out_tokens"]:]


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
        if importlib.util.find_spec(unused) is None:
            sys.modules[unused] = MagicMock()
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


def name_of(o, library, method, seed, rate):
    return f"q{o.tag}-{library.replace('_', '-')}-{method}-{rate:g}-s{seed}".replace(".", "p")


def train(o, library, method, seed, rate, x, hook):
    """Trains one SAE into the workspace, unless it is there; says whether it was trained."""
    name = name_of(o, library, method, seed, rate)
    if os.path.isdir(os.path.join(o.workspace, "saes", name)):
        return False
    begin = time.time()
    if library == "loupe":
        target = ["--k", str(o.l0)] if method in ("topk", "batchtopk") else ["--l0-target", str(o.l0)]
        loupe(o, "train", "--store", o.store, "--arch", method, "--d-sae", str(o.d_sae), *target, "--steps", str(o.steps),
              "--seeds", str(seed), "--name", name, "--set", f"batch={o.batch}", "--set", f"learning_rate={rate}",
              *(w for s in o.set for w in ("--set", s)))
    else:
        with tempfile.TemporaryDirectory() as work:
            folder = os.path.join(work, name)
            globals()[library](o, method, seed, rate, x(), folder, hook)
            kind = library.replace("sae_lens", "saelens")
            loupe(o, "import", folder, "--name", name, "--format", kind, "--model", manifest(o)["model"]["id"], "--hook", hook)
    print(f"{name}: trained in {time.time() - begin:.0f} s", file=sys.stderr, flush=True)
    return True


class Runs:
    """What was measured so far: one line of JSON a run in --out, so that a series goes on where it stopped."""

    def __init__(self, o):
        self.o, self.left, self.rows = o, o.most, None
        self.done = {}
        if os.path.exists(o.out):
            for line in open(o.out):
                run = json.loads(line)
                if (run["steps"], run["batch"], run["d_sae"], run["target"]) != (o.steps, o.batch, o.d_sae, o.l0):
                    sys.exit(f"{o.out} has runs of other settings: choose another --out and --tag.")
                self.done[run["sae"]] = run
        (self.hook, _), = manifest(o)["hooks"].items()

    def x(self):
        if self.rows is None:
            self.rows = rows(self.o)
        return self.rows

    def of(self, wanted):
        """The figures of (library, method, rate, seed) each, trained and measured where they are missing."""
        o, missing = self.o, []
        for library, method, rate, seed in wanted:
            name = name_of(o, library, method, seed, rate)
            if name not in self.done:
                missing.append((name, library, method, rate, seed))
                if self.left == 0 and not os.path.isdir(os.path.join(o.workspace, "saes", name)):
                    sys.exit(GO_ON)
                self.left -= train(o, library, method, seed, rate, self.x, self.hook)
        if missing:
            reports = loupe(o, "eval", *(m[0] for m in missing), "--store", o.store, "--no-random-control")["saes"]
            with open(o.out, "a") as out:
                for name, library, method, rate, seed in missing:
                    r = reports[name]
                    self.done[name] = {
                        "sae": name, "library": library, "method": method, "rate": rate, "seed": seed, "steps": o.steps,
                        "batch": o.batch, "d_sae": o.d_sae, "target": o.l0,
                        **{k: r[k] for k in ("l0", "fvu", "delta_ce", "dead_fraction")}}
                    print(json.dumps(self.done[name]), file=out)
        return [self.done[name_of(o, library, method, seed, rate)] for library, method, rate, seed in wanted]


def best(o, tried):
    """The lowest FVU of those that keep the L0: one that takes more latents would win for that alone."""
    kept = [r for r in tried if abs(r["l0"] / o.l0 - 1) <= 0.05]
    return min(kept, key=lambda r: r["fvu"]) if kept else min(tried, key=lambda r: abs(r["l0"] / o.l0 - 1))


def main():
    o = options()
    import torch

    torch.set_num_threads(o.threads)
    runs, table = Runs(o), []
    for method in o.methods:
        runs.of([(library, method, rate, o.seeds[0]) for library in o.libraries for rate in o.rates])
        for library in o.libraries:
            rates, refined = list(o.rates), False
            while True:
                tried = runs.of([(library, method, rate, o.seeds[0]) for rate in rates])
                rate = best(o, tried)["rate"]
                if rate == max(rates) and rate < o.fastest:
                    rates.append(float(f"{3.2 * rate:.1g}"))
                elif rate == min(rates) and rate > o.slowest:
                    rates.append(float(f"{rate / 3.2:.1g}"))
                elif o.refine and not refined:
                    rates += [float(f"{1.8 * rate:.2g}"), float(f"{rate / 1.8:.2g}")]
                    refined = True
                else:
                    break
            table.append((method, library, rate, sorted(rates)))
        runs.of([(library, m, rate, seed) for m, library, rate, _ in table if m == method for seed in o.seeds[1:]])
        say(o, runs, table)


def say(o, runs, table):
    lines = [f"{o.steps} steps of {o.batch}, d_sae {o.d_sae}, L0 {o.l0}, {len(o.seeds)} seeds, held-out documents",
             "| method | library | rate (tried) | L0 | FVU | delta CE | dead |", "|---|---|---|---|---|---|---|"]
    for method, library, rate, rates in table:
        all_seeds = runs.of([(library, method, rate, seed) for seed in o.seeds])
        mean = {k: statistics.mean(r[k] for r in all_seeds) for k in ("l0", "fvu", "delta_ce", "dead_fraction")}
        spread = {k: statistics.stdev(r[k] for r in all_seeds) if all_seeds[1:] else 0 for k in ("fvu", "delta_ce")}
        lines.append(
            f"| {method} | {library} | {rate:g} ({', '.join(f'{r:g}' for r in rates)}) | {mean['l0']:.2f}"
            f" | {mean['fvu']:.4f} ± {spread['fvu']:.4f} | {mean['delta_ce']:.3f} ± {spread['delta_ce']:.3f}"
            f" | {mean['dead_fraction']:.1%} |")
    print("\n".join(lines), flush=True)


main()
