"""Golden attribution graphs: circuit-tracer itself on a tiny random Llama with tiny random transcoders.

    python golden.py TARGET_FOLDER        usually sae-train/src/test/resources/dev/loupe/graph

model/       config.json and model.safetensors of the model
set/         a JumpReLU transcoder set; skip/ ReLU with skip connections; clt/ a cross-layer transcoder
set-file.json.gz, skip-file.json.gz  the files that its page would show; ids in the second are not unique
NAME.json.gz circuit-tracer's graph with each: active features (layer, position, latent) with activations, logits,
             adjacency matrix (rows are targets; features, errors, tokens, logits), scores, nodes and edges after pruning

Needs circuit-tracer 0.5.0, transformer-lens 2.x, transformers, torch, safetensors. No network: the model is made here.
"""
import gzip
import json
import os
import sys

import huggingface_hub.constants as hub

if not hasattr(hub, "HF_HUB_ENABLE_HF_TRANSFER"):  # gone from newer versions; only circuit-tracer's import asks for it
    hub.HF_HUB_ENABLE_HF_TRANSFER = False

import torch
from circuit_tracer.attribution.attribute import attribute
from circuit_tracer.graph import compute_graph_scores, compute_node_influence, prune_graph
from circuit_tracer.replacement_model.replacement_model_transformerlens import TransformerLensReplacementModel
from circuit_tracer.transcoder.activation_functions import JumpReLU
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder
from circuit_tracer.transcoder.single_layer_transcoder import SingleLayerTranscoder, TranscoderSet
from circuit_tracer.utils.create_graph_files import build_model, create_nodes, create_used_nodes_and_edges
from transformer_lens import HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import convert_llama_weights
from transformers import LlamaConfig, LlamaForCausalLM

LAYERS, D, N, VOCAB = 4, 16, 14, 40
IDS = [0, 7, 21, 3, 33, 12]  # the first is the beginning of sequence
CONFIG = """model_name: "toy"
model_kind: "{kind}"
feature_input_hook: "hook_resid_mid"
feature_output_hook: "hook_mlp_out"
"""


class Tokens:
    """Only what the tracer asks of a tokenizer."""

    bos_token_id = 0
    padding_side = "right"
    all_special_ids = [0]
    vocab_size = VOCAB

    def decode(self, ids):
        return str(ids)


def model(target):
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=D, intermediate_size=24, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=2, head_dim=6, max_position_embeddings=32, rms_norm_eps=1e-5, initializer_range=0.4,
        bos_token_id=0, eos_token_id=0, tie_word_embeddings=False)
    llama = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, p in llama.named_parameters():
            if "norm" in name:
                p.copy_(1 + 0.3 * torch.randn_like(p))
    llama.save_pretrained(os.path.join(target, "model"))
    for extra in ("generation_config.json",):
        path = os.path.join(target, "model", extra)
        if os.path.exists(path):
            os.remove(path)
    cfg = HookedTransformerConfig(
        n_layers=LAYERS, d_model=D, n_ctx=32, d_head=6, n_heads=4, n_key_value_heads=2, d_mlp=24, d_vocab=VOCAB,
        act_fn="silu", gated_mlp=True, normalization_type="RMS", eps=1e-5, positional_embedding_type="rotary",
        rotary_dim=6, rotary_adjacent_pairs=False, rotary_base=10000, final_rms=True, original_architecture="LlamaForCausalLM",
        model_name="toy", device="cpu")
    return llama, cfg


def random(module):
    with torch.no_grad():
        for name, p in module.named_parameters():
            p.copy_(torch.rand_like(p) * 0.5 if "threshold" in name
                    else torch.randn_like(p) * (0.25 if p.ndim > 1 else 0.2))
    return module


def coders():
    for name, skip in (("set", False), ("skip", True)):
        layers = {l: random(SingleLayerTranscoder(
            D, N, torch.relu if skip else JumpReLU(torch.zeros(N), 0.1), l, skip_connection=skip, dtype=torch.float32))
            for l in range(LAYERS)}
        yield name, "transcoder_set", TranscoderSet(layers, "hook_resid_mid", "hook_mlp_out")
    yield "clt", "cross_layer_transcoder", random(CrossLayerTranscoder(
        LAYERS, N, D, "jump_relu", lazy_decoder=False, dtype=torch.float32,
        feature_input_hook="hook_resid_mid", feature_output_hook="hook_mlp_out"))


def write_file(graph, nodes, edges, cumulative, path):
    """The graph as circuit-tracer's own file."""
    made = create_nodes(graph, nodes, Tokens(), cumulative)
    used, links = create_used_nodes_and_edges(graph, made, edges)
    whole = build_model(graph, used, links, "toy", ["toy-l0", "toy-l1", "toy-l2", "toy-l3"], 0.8, Tokens())
    whole.metadata.scan = "custom"  # theirs differs from run to run
    with gzip.GzipFile(path, "w", mtime=0) as f:
        f.write(whole.model_dump_json().encode())


def main(target):
    torch.manual_seed(11)
    llama, cfg = model(target)
    for name, kind, coder in coders():
        folder = os.path.join(target, name)
        coder.to_safetensors(folder)
        with open(os.path.join(folder, "config.yaml"), "w") as f:
            f.write(CONFIG.format(kind=kind))
        replaced = TransformerLensReplacementModel.from_config(cfg, coder)
        state = convert_llama_weights(llama, cfg)
        missing, unexpected = replaced.load_state_dict(
            {k.replace(".mlp.", ".mlp.old_mlp.").replace("unembed.", "unembed.old_unembed."): v
             for k, v in state.items()}, strict=False)
        assert not unexpected, unexpected
        assert not [m for m in missing if "W_" in m and "transcoder" not in m], missing
        replaced.tokenizer = Tokens()
        replaced.eval()
        with torch.no_grad():
            theirs = llama(torch.tensor([IDS])).logits[0, -1]
            ours = replaced(torch.tensor([IDS]))[0, -1]
            assert (theirs - ours).abs().max() < 1e-4 * theirs.abs().max(), (theirs - ours).abs().max()
        graph = attribute(torch.tensor(IDS), replaced, max_n_logits=5, desired_logit_prob=0.8, batch_size=8)
        few = attribute(torch.tensor(IDS), replaced, max_n_logits=5, desired_logit_prob=0.8, batch_size=8,
                        max_feature_nodes=40, update_interval=1)
        weights = torch.zeros(graph.adjacency_matrix.shape[0])
        weights[-len(graph.logit_targets):] = graph.logit_probabilities
        nodes, edges, cumulative = prune_graph(graph, 0.8, 0.9)
        replacement, completeness = compute_graph_scores(graph)
        with gzip.GzipFile(os.path.join(target, name + ".json.gz"), "w", mtime=0) as f:
            f.write(json.dumps({
                "ids": IDS,
                "features": graph.active_features.tolist(),
                "activations": graph.activation_values.tolist(),
                "logits": graph.logit_token_ids.tolist(),
                "probabilities": graph.logit_probabilities.tolist(),
                "adjacency": graph.adjacency_matrix.tolist(),
                "influence": compute_node_influence(graph.adjacency_matrix, weights).tolist(),
                "replacement": replacement,
                "completeness": completeness,
                "pruned_nodes": nodes.nonzero().squeeze().tolist(),
                "pruned_edges": edges.nonzero().tolist(),
                "cumulative": cumulative.tolist(),
                "few": few.selected_features.tolist(),
            }).encode())
        if name != "clt":
            write_file(graph, nodes, edges, cumulative, os.path.join(target, name + "-file.json.gz"))
        print(name, len(graph.active_features), "features", replacement, completeness)


if __name__ == "__main__":
    main(sys.argv[1])
