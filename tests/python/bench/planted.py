"""SAELens on rows of a planted dictionary: what it finds of the directions, for ./loupe bench planted."""
import os
import sys

import numpy as np


def planted(t, s, folder):
    from sae_lens.saes.jumprelu_sae import JumpReLUTrainingSAE, JumpReLUTrainingSAEConfig
    from sae_lens.saes.sae import TrainStepInput
    from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig

    directions = t.from_numpy(np.load(os.path.join(folder, "directions.npy")))
    rates, paired = t.tensor(s["rates"]), 52
    n, d = directions.shape
    sigma = 0.05 * float((rates.sum() / d).sqrt())

    def rows(batch):
        p = rates.expand(batch, n).clone()
        p[:, 1:paired:2] /= 2
        p[:, 3:paired:4] = 0
        fires = t.rand(batch, n) < p
        fires[:, 1:paired:2] |= fires[:, 0:paired:2] & (t.rand(batch, paired // 2) < 0.5)
        sizes = t.exp(0.25 * t.randn(batch, n)) * fires
        return sizes @ directions + sigma * t.randn(batch, d), fires

    def run():
        t.manual_seed(0)
        scale = d**0.5 / float(rows(20000)[0].norm(dim=1).mean())
        common = dict(d_in=d, d_sae=s["latents"], dtype="float32", device="cpu")
        if s["method"] == "topk":
            sae = TopKTrainingSAE(TopKTrainingSAEConfig(k=round(s["l0"]), **common))
        else:
            sae = JumpReLUTrainingSAE(JumpReLUTrainingSAEConfig(
                jumprelu_sparsity_loss_mode="quadratic", target_l0=s["l0"], l0_coefficient=1.0, **common))
        adam = t.optim.Adam(sae.parameters(), lr=s["rate"], betas=(0.9, 0.999))
        steps, quiet = s["steps"], t.zeros(s["latents"])
        schedule = t.optim.lr_scheduler.LambdaLR(
            adam, lambda i: min(1, (i + 1) / (0.05 * steps), (steps - i) / (0.2 * steps)))
        for i in range(steps):
            x = rows(s["batch"])[0] * scale
            dead = quiet > 0.05 * steps
            out = sae.training_forward_pass(TrainStepInput(
                sae_in=x, coefficients={"l0": 1.0}, dead_neuron_mask=dead, n_training_steps=i, is_logging_step=False))
            adam.zero_grad()
            out.loss.backward()
            t.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
            adam.step()
            schedule.step()
            quiet = t.where((out.feature_acts.detach() > 0).any(0), t.zeros_like(quiet), quiet + 1)
        with t.no_grad():
            f = sae.encode(rows(20000)[0] * scale)
            alive = (f > 0).any(0)
            cosine = directions @ t.nn.functional.normalize(sae.W_dec.detach(), dim=1).T
            best, back = cosine[:, alive].max(1).values, cosine[:, alive].max(0).values
            found = (best >= 0.9).float()
            tenths = " ".join(f"{float(found[part].mean()):.3f}" for part in rates.argsort().tensor_split(10))
            print(f"SAELens {s['method']}: MMCS {float(best[paired:].mean()):.4f}, L0 {float((f > 0).float().sum(1).mean()):.2f}"
                  f" of {s['l0']:.2f}, MMCS back {float(back.mean()):.4f}, precision {float((back >= 0.9).float().mean()):.3f},"
                  f" recall {float(found.mean()):.3f}, of pairs {float(found[:paired].mean()):.3f}, alive {int(alive.sum())},"
                  f" recall by tenths of frequency {tenths}", file=sys.stderr, flush=True)
        return steps * s["batch"], float(best[paired:].mean())

    return run
