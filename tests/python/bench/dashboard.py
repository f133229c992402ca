"""SAEDashboard 0.8 on the embedded model, for peer.py: dashboards of some latents of an SAE over the sequences of tokens.npy.

setup.json says: model (its folder), sae (its folder in SAELens' layout), features, hook. What it needs beside SAELens is installed without its dependencies' pins:
pip install --no-deps sae-dashboard==0.8.0 decode-clt==0.0.1 eindex-callum==0.1.2 dataclasses-json==0.6.7 marshmallow==3.26.1
"""
import numpy as np


def model(t, folder):
    import json
    import os

    from sae_lens import HookedSAETransformer
    from transformer_lens import HookedTransformerConfig
    from transformer_lens.pretrained.weight_conversions import convert_llama_weights
    from transformers import AutoModelForCausalLM, AutoTokenizer

    c = json.load(open(os.path.join(folder, "config.json")))
    head = c["hidden_size"] // c["num_attention_heads"]
    cfg = HookedTransformerConfig(
        n_layers=c["num_hidden_layers"], d_model=c["hidden_size"], n_ctx=c["max_position_embeddings"], d_head=head,
        n_heads=c["num_attention_heads"], n_key_value_heads=c["num_key_value_heads"], d_mlp=c["intermediate_size"],
        d_vocab=c["vocab_size"], act_fn="silu", gated_mlp=True, normalization_type="RMS", final_rms=True, eps=c["rms_norm_eps"],
        positional_embedding_type="rotary", rotary_dim=head, rotary_base=int(c.get("rope_theta") or c["rope_parameters"]["rope_theta"]),
        rotary_adjacent_pairs=False, device="cpu", tokenizer_prepends_bos=True, original_architecture="LlamaForCausalLM")
    theirs = HookedSAETransformer(cfg, tokenizer=AutoTokenizer.from_pretrained(folder))
    ours = AutoModelForCausalLM.from_pretrained(folder, dtype=t.float32)
    theirs.load_state_dict(convert_llama_weights(ours, cfg), strict=False)
    return theirs.eval()


def opened(t, s):
    from sae_lens import SAE

    sae = SAE.load_from_disk(s["sae"], device="cpu")
    sae.cfg.rescale_acts_by_decoder_norm = True  # decoder rows have length 1: the same activations, and folding is allowed
    return sae


def dashboards(t, s, folder):
    tokens = t.from_numpy(np.load(folder + "/tokens.npy").astype(np.int64))
    return {"call": call, "runner": runner}[s["way"]](t, s, folder, tokens)


def call(t, s, folder, tokens):
    """The inner call alone: one batch of all features, 128 sequences a pass, nothing kept or written."""
    from sae_dashboard.sae_vis_data import SaeVisConfig
    from sae_dashboard.sae_vis_runner import SaeVisRunner

    net, sae = model(t, s["model"]), opened(t, s)
    config = SaeVisConfig(hook_point=s["hook"], features=list(range(s["features"])), minibatch_size_features=s["features"],
                          minibatch_size_tokens=128, device="cpu", ignore_tokens={0})

    def run():
        data = SaeVisRunner(config).run(encoder=sae, model=net, tokens=tokens)
        return len(data.feature_data_dict), float(sum(data.feature_stats.max))

    return run


def runner(t, s, folder, tokens):
    """NeuronpediaRunner.run as it is, at the defaults of NeuronpediaRunnerConfig; only what it would download is given to it
    (model, SAE, tokens). Its first batches are run, as many as the features need."""
    import json
    import os
    import shutil
    import time
    from pathlib import Path

    from sae_dashboard.neuronpedia.neuronpedia_runner import NeuronpediaRunner
    from sae_dashboard.neuronpedia.neuronpedia_runner_config import NeuronpediaRunnerConfig

    net, sae = model(t, s["model"]), opened(t, s)
    sae.fold_W_dec_norm()
    out, cached = folder + "/dashboards", folder + "/cached_activations"
    size = NeuronpediaRunnerConfig("", "", "").n_features_at_a_time

    def run():
        for f in (out, cached):
            shutil.rmtree(f, ignore_errors=True)
            os.makedirs(f)
        r = object.__new__(NeuronpediaRunner)  # its constructor downloads
        r.cfg = NeuronpediaRunnerConfig(
            sae_set="bench", sae_path=s["sae"], outputs_dir=out, n_prompts_total=len(tokens), n_tokens_in_prompt=tokens.shape[1],
            sae_dtype="float32", sae_device="cpu", model_dtype="float32", end_batch=-(-s["features"] // size) - 1)
        r.sae, r.model, r.model_id, r.layer, r.hook_name = sae, net, "loupe", 3, s["hook"]
        r.activations_store, r.cached_activations_dir = None, Path(cached)
        r.vocab_dict = r.get_vocab_dict()
        t.save(tokens, f"{out}/tokens_{len(tokens)}.pt")
        start = time.perf_counter()
        r.run()
        seconds = time.perf_counter() - start
        made = [f for b in range(r.cfg.end_batch + 1) for f in json.load(open(f"{out}/batch-{b}.json"))["features"]]
        tops = {f["feature_index"]: max((max(a["values"]) for a in f["activations"]), default=0) for f in made}
        return len(made), float(sum(tops[i] for i in range(s["features"]))), seconds

    return run
