"""Whole training steps of the peers at the size of published SAEs, for peer.py: each makes what the peer's own trainer
makes of a batch (forward, auxiliary loss, backward, clipping, decoder constraint, Adam), with the peer's own classes.

setup.json says: peer, method, k, l1, l0, threshold, bandwidth, bias, dead (number of latents that never fire, the first of
every ten), batch, steps, restart (whether each run begins at the start), learning_rate. decoder.npy has unit rows, which are the encoder's as well.
"""
import contextlib
import os


import numpy as np


def start(t, c, folder):
    where = c.get("device", "cpu")
    if where == "cuda":
        t.backends.cuda.matmul.allow_tf32 = True
    decoder = t.from_numpy(np.load(os.path.join(folder, "decoder.npy"))).to(where)
    rows = t.from_numpy(np.load(os.path.join(folder, "rows.npy"))).to(where).split(c["batch"])
    bias = t.full((len(decoder),), c["bias"], device=where)
    dead = t.zeros(len(decoder), dtype=t.bool, device=where)
    if c["dead"]:
        dead[:: len(decoder) // c["dead"]] = True
        bias[dead] = -50.0
    return decoder, rows, bias, dead


def mixed(t, c):
    """What the peers' users turn on for a GPU."""
    return t.autocast("cuda", t.bfloat16) if c.get("device") == "cuda" else contextlib.nullcontext()


def sae_lens(t, c, folder):
    from sae_lens.saes.sae import TrainStepInput
    from sae_lens import saes

    decoder, rows, bias, dead = start(t, c, folder)
    n, d = decoder.shape
    common = dict(d_in=d, d_sae=n, device=c.get("device", "cpu"), dtype="float32", apply_b_dec_to_input=True)
    if c["method"] == "topk":
        sae = saes.TopKTrainingSAE(saes.TopKTrainingSAEConfig(k=c["k"], aux_loss_coefficient=1 / 32, **common))
    elif c["method"] == "batchtopk":
        sae = saes.BatchTopKTrainingSAE(saes.BatchTopKTrainingSAEConfig(k=c["k"], aux_loss_coefficient=1 / 32, **common))
    elif c["method"] == "jumprelu":
        sae = saes.JumpReLUTrainingSAE(saes.JumpReLUTrainingSAEConfig(
            jumprelu_init_threshold=c["threshold"], jumprelu_bandwidth=c["bandwidth"], l0_coefficient=c["l0"], **common))
    else:
        sae = saes.StandardTrainingSAE(saes.StandardTrainingSAEConfig(l1_coefficient=c["l1"], **common))
    coefficients = {"l1": c["l1"], "l0": c["l0"]}
    sae.train()
    adam, at = None, 0

    def begin():
        nonlocal adam, at
        with t.no_grad():
            sae.W_dec.copy_(decoder)
            sae.W_enc.copy_(decoder.T)
            sae.b_enc.copy_(bias)
            sae.b_dec.zero_()
            if c["method"] == "jumprelu":
                next(p for n, p in sae.named_parameters() if n.endswith("threshold")).fill_(c["threshold"])
        adam, at = t.optim.Adam(sae.parameters(), lr=c["learning_rate"]), 0

    begin()

    def run():
        nonlocal at
        if c["restart"]:
            begin()
        for _ in range(c["steps"]):
            x = rows[at % len(rows)]
            with mixed(t, c):
                out = sae.training_forward_pass(TrainStepInput(
                    sae_in=x, coefficients=coefficients, dead_neuron_mask=dead, n_training_steps=at,
                    is_logging_step=False))
            out.loss.backward()
            t.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
            adam.step()
            adam.zero_grad()
            loss = out.losses["mse_loss"].item()
            at += 1
        return c["steps"] * c["batch"], loss

    return run


def sparsify(t, c, folder):
    if c.get("device") != "cuda":
        os.environ.setdefault("SPARSIFY_DISABLE_TRITON", "1")
    from sparsify import SparseCoder, SparseCoderConfig

    decoder, rows, bias, dead = start(t, c, folder)
    n, d = decoder.shape
    sae = SparseCoder(d, SparseCoderConfig(num_latents=n, k=c["k"]), device=c.get("device", "cpu"), dtype=t.float32)
    with t.no_grad():
        sae.W_dec.copy_(decoder)
        sae.encoder.weight.copy_(decoder)
        sae.encoder.bias.copy_(bias)
    adam = t.optim.Adam(sae.parameters(), lr=c["learning_rate"])
    at = 0

    def run():
        nonlocal at
        loss = 0.0
        for _ in range(c["steps"]):
            x = rows[at % len(rows)]
            sae.set_decoder_norm_to_unit_norm()
            with mixed(t, c):
                out = sae(x, dead_mask=dead if c["dead"] else None)
            (out.fvu + out.auxk_loss / 32).backward()
            sae.remove_gradient_parallel_to_decoder_directions()
            adam.step()
            adam.zero_grad()
            loss = (x - out.sae_out.detach()).pow(2).sum(1).mean().item()
            at += 1
        return c["steps"] * c["batch"], loss

    return run


def dictionary_learning(t, c, folder):
    from dictionary_learning.trainers.top_k import TopKTrainer

    decoder, rows, bias, dead = start(t, c, folder)
    n, d = decoder.shape
    trainer = TopKTrainer(
        steps=10**6, activation_dim=d, dict_size=n, k=c["k"], layer=0, lm_name="none", lr=c["learning_rate"],
        warmup_steps=0, device=c.get("device", "cpu"))
    with t.no_grad():
        trainer.ae.decoder.weight.copy_(decoder.T)
        trainer.ae.encoder.weight.copy_(decoder)
        trainer.ae.encoder.bias.copy_(bias)
    at = 1  # its step 0 sets b_dec to the geometric median

    def run():
        nonlocal at
        loss = 0.0
        for _ in range(c["steps"]):
            with mixed(t, c):
                loss = float(trainer.update(at, rows[at % len(rows)]))
            at += 1
        return c["steps"] * c["batch"], loss

    return run
