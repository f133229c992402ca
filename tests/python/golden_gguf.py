"""GGUF files, and what other programs read in them: golden values of the GGUF reader.

usage: golden_gguf.py GOLDEN_DIR
GOLDEN_DIR (activations-store/src/test/resources/dev/loupe/model/golden) has the tiny models of golden_model.py and
receives, in its folder gguf:
  quants.gguf, quants.safetensors   one tensor of every readable type, and its numbers as PyPI gguf (quants.py) gives them
  tiny-*.gguf                       the tiny models as llama.cpp's converter writes them (float32, so that logits agree)
  tok-*.gguf, tokens.json           tokenizers without weights, and the ids that independent tokenizers give
Written with gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0, tokenizers 0.23.3 and sentencepiece 0.2.3.
"""
import io, json, math, os, sys
import numpy as np
import sentencepiece
from gguf import GGMLQuantizationType as T, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

golden = sys.argv[1]
out = os.path.join(golden, "gguf")
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(2026)


def write(name, arch, fill):
    w = GGUFWriter(os.path.join(out, name + ".gguf"), arch)
    fill(w)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


# ---------------------------------------------------------------------------------------------------- types

def blocks(kind, rows, cols):
    """Numbers in blocks: quantised where the library can, else random bits with sensible half-precision scales."""
    x = (rng.standard_normal((rows, cols)) * 3).astype(np.float32)
    x[0, :4] = [0, -0.0, 1e-7, -65000]
    try:
        return quantize(x, kind)
    except NotImplementedError:
        size, count = GGML_QUANT_SIZES[kind][1], rows * cols // GGML_QUANT_SIZES[kind][0]
        raw = rng.integers(0, 256, (count, size), dtype=np.uint8)
        halves = {T.Q4_K: (0, 2), T.Q5_K: (0, 2), T.Q6_K: (208,)}[kind]
        for at in halves:
            scale = (rng.standard_normal(count) * 0.01).astype(np.float16)
            scale[0] = np.float16(6e-8)  # a subnormal one
            raw[:, at:at + 2] = scale.view(np.uint8).reshape(count, 2)
        return raw.reshape(rows, -1)


def quants():
    kinds = [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K]
    expected = {}

    def fill(w):
        for kind in kinds:
            data = blocks(kind, 3, 512)
            expected[kind.name] = np.ascontiguousarray(dequantize(data, kind)).reshape(3, 512)
            w.add_tensor(kind.name, data, raw_dtype=kind)


    write("quants", "llama", fill)
    save_file(expected, os.path.join(out, "quants.safetensors"))


# ---------------------------------------------------------------------------------------------------- tiny models

NAMES = {
    "llama": {"embed": "model.embed_tokens", "norm": "model.norm", "head": "lm_head", "block": "model.layers.",
              "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
              "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
              "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
              "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"},
    "gpt2": {"embed": "transformer.wte", "norm": "transformer.ln_f", "head": "lm_head", "block": "transformer.h.",
             "positions": "transformer.wpe", "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv",
             "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"},
    "gptneox": {"embed": "gpt_neox.embed_in", "norm": "gpt_neox.final_layer_norm", "head": "embed_out",
                "block": "gpt_neox.layers.", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
                "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
                "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down"},
}
NAMES["gemma"] = NAMES["llama"] | {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm"}


def tiny(name, arch):
    c = json.load(open(os.path.join(golden, name, "config.json")))
    tensors = load_file(os.path.join(golden, name, "model.safetensors"))
    get = lambda *keys: next((c[k] for k in keys if c.get(k) is not None), None)  # noqa: E731
    heads = get("num_attention_heads", "n_head")
    kv = get("num_key_value_heads") or heads
    d = get("hidden_size", "n_embd")
    head = get("head_dim") or d // heads
    names = NAMES["gemma" if arch.startswith("gemma") else arch if arch in NAMES else "llama"]
    rope = get("rope_parameters") or {}

    def permute(w, n):  # what convert_hf_to_gguf.py does to queries and keys of Llama
        return w.reshape(n, 2, w.shape[0] // n // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)

    def rename(key):
        stem, kind = key.rsplit(".", 1)
        for k, v in (("embed", "token_embd"), ("norm", "output_norm"), ("head", "output"), ("positions", "position_embd")):
            if stem == names.get(k):
                return f"{v}.{kind}"
        rest = stem.removeprefix(names["block"])
        layer, local = rest.split(".", 1)
        return f"blk.{layer}.{names[local]}.{kind}"

    def fill(w):
        w.add_context_length(get("max_position_embeddings", "n_positions"))
        w.add_embedding_length(d)
        w.add_block_count(get("num_hidden_layers", "n_layer"))
        w.add_feed_forward_length(get("intermediate_size", "n_inner") or 4 * d)
        w.add_head_count(heads)
        if arch not in ("gpt2", "gptneox"):
            w.add_head_count_kv(kv)
            w.add_layer_norm_rms_eps(get("rms_norm_eps"))
            w.add_key_length(head)
            w.add_value_length(head)
            full = rope.get("full_attention", rope)
            w.add_rope_freq_base(full["rope_theta"])
            if full["rope_type"] == "linear":
                from gguf import RopeScalingType
                w.add_rope_scaling_type(RopeScalingType.LINEAR)
                w.add_rope_scaling_factor(full["factor"])
        else:
            w.add_layer_norm_eps(get("layer_norm_epsilon", "layer_norm_eps"))
        if arch == "gptneox":
            w.add_rope_dimension_count(int(rope["partial_rotary_factor"] * head))
            w.add_parallel_residual(get("use_parallel_residual"))
        if arch.startswith("gemma"):
            w.add_sliding_window(get("sliding_window"))
            if arch == "gemma3":
                w.add_float32("gemma3.rope.freq_base_swa", rope["sliding_attention"]["rope_theta"])
                w.add_sliding_window_pattern([k.startswith("sliding") for k in c["layer_types"]])
            else:
                w.add_attn_logit_softcapping(c["attn_logit_softcapping"])
                w.add_final_logit_softcapping(c["final_logit_softcapping"])
        alphabet(w, tensors[names["embed"] + ".weight"].shape[0])
        if rope.get("rope_type") == "llama3":
            w.add_tensor("rope_freqs.weight", llama3_factors(rope, head))
        for key, x in tensors.items():
            if key == names["head"] + ".weight" and c["tie_word_embeddings"]:
                continue
            if arch == "llama" and "q_proj" in key:
                x = permute(x, heads)
            if arch == "llama" and "k_proj" in key:
                x = permute(x, kv)
            if arch.startswith("gemma") and "norm" in key:
                x = x + np.float32(1)
            if arch == "gpt2" and key.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")):
                x = x.T
            if arch == "gptneox" and "query_key_value" in key:
                parts = x.reshape(heads, 3, head, *x.shape[1:])
                x = np.concatenate([parts[:, i].reshape(-1, *x.shape[1:]) for i in range(3)])
            w.add_tensor(rename(key), np.ascontiguousarray(x))

    write(name, arch, fill)


def llama3_factors(rope, head):
    """As convert_hf_to_gguf.py writes them."""
    low, high, old = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    factors = []
    for i in range(0, head, 2):
        freq = 1.0 / rope["rope_theta"] ** (i / head)
        wave = 2 * math.pi / freq
        if wave < old / high:
            factors.append(1)
        elif wave > old / low:
            factors.append(rope["factor"])
        else:
            smooth = (old / wave - low) / (high - low)
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, np.float32)


def alphabet(w, size):
    """A vocabulary of single characters."""
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(["<|end|>"] + [chr(ord("!") + i) for i in range(size - 2)] + ['!"'])
    w.add_token_types([3] + [1] * (size - 1))
    w.add_token_merges(['! "'])
    w.add_bos_token_id(0)
    w.add_eos_token_id(0)


# ---------------------------------------------------------------------------------------------------- tokenizers

TEXTS = [
    "", " ", "Hello world", "  two  spaces and 12345 digits, 3.14", "It's he'll WE'RE they've I'd", "größer Ελλάδα 日本語",
    "line\nbreak\r\n\n\ttab   \n  end", "<|im_start|>user\nHi<|im_end|>", "👩‍👩‍👧 ok e\u0301 ﬁ Å", "a\u00a0b ½ ² ١٢٣",
    "don't STOP!!! ...", "x = y+1; // code_with_underscores", "\u0000\u001f",
]
LEARN = TEXTS * 3 + ["the council of the union and the parliament said that it is in the interest of all of us"] * 20


def byte_level(pre):
    """Trains a small BPE and gives the tokenizer that published models with this way of splitting have."""
    split = {
        "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    }.get(pre)
    t = Tokenizer(models.BPE(ignore_merges=pre == "llama-bpe"))
    if pre in ("qwen2", "olmo"):
        t.normalizer = normalizers.NFC()
    if split:
        t.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(split), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    elif pre == "smollm":
        t.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    else:
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(LEARN, trainers.BpeTrainer(
        vocab_size=380, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return t


def no_model(w, size):
    """The description that a file must have, of a model without blocks' weights."""
    w.add_context_length(64)
    w.add_embedding_length(2)
    w.add_block_count(1)
    w.add_feed_forward_length(2)
    w.add_head_count(1)
    w.add_tensor("token_embd.weight", np.zeros((size, 2), np.float16))


def tokenizers():
    expected = {}
    for pre in ("smollm", "llama-bpe", "qwen2", "gpt-2", "olmo"):
        t = byte_level(pre)
        state = json.loads(t.to_str())
        vocab = sorted(state["model"]["vocab"], key=state["model"]["vocab"].get)

        def fill(w):
            no_model(w, len(vocab))
            w.add_tokenizer_model("gpt2")
            w.add_tokenizer_pre(pre)
            w.add_token_list(vocab)
            w.add_token_types([3 if v.startswith("<|") else 1 for v in vocab])
            w.add_token_merges([" ".join(m) for m in state["model"]["merges"]])
            w.add_bos_token_id(1)
            w.add_eos_token_id(2)
            w.add_chat_template("{% for m in messages %}{{ m.content }}{% endfor %}")

        write("tok-" + pre, "llama", fill)
        expected["tok-" + pre] = [t.encode(x, add_special_tokens=False).ids for x in TEXTS]

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LEARN), model_writer=model, model_type="bpe", vocab_size=420, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.99, minloglevel=2)
    sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())

    def fill(w):
        n = sp.get_piece_size()
        no_model(w, n)
        w.add_tokenizer_model("llama")
        w.add_tokenizer_pre("default")
        w.add_token_list([sp.id_to_piece(i) for i in range(n)])
        w.add_token_scores([sp.get_score(i) for i in range(n)])
        w.add_token_types([2 if sp.is_unknown(i) else 3 if sp.is_control(i) else 6 if sp.is_byte(i) else 1 for i in range(n)])
        w.add_unk_token_id(sp.unk_id())
        w.add_bos_token_id(sp.bos_id())
        w.add_eos_token_id(sp.eos_id())

    write("tok-spm", "llama", fill)
    expected["tok-spm"] = [sp.encode(x) for x in TEXTS]
    json.dump({"texts": TEXTS, "ids": expected}, open(os.path.join(out, "tokens.json"), "w"))


quants()
for name, arch in [("tiny-llama", "llama"), ("tiny-llama3", "llama"), ("tiny-qwen2", "qwen2"), ("tiny-qwen3", "qwen3"),
                   ("tiny-gemma2", "gemma2"), ("tiny-gemma3", "gemma3"), ("tiny-gpt2", "gpt2"),
                   ("tiny-neox", "gptneox"), ("tiny-neox-serial", "gptneox")]:
    tiny(name, arch)
tokenizers()
