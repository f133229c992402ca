"""Greedy text of transformers from a GGUF file, for comparison with Loupe's (SmolLM2's weights are too large to commit).

usage: gguf_greedy.py FILE.gguf [TOKENS] < PROMPTS
Each line of standard input is a prompt; prints one JSON object {"prompt", "ids", "tokens", "text"} a line. Loads the file
with transformers' own reader (from_pretrained(gguf_file=...), float32, eager attention). Needs torch, transformers 5.23,
gguf 0.19.
"""
import json, os, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

path, most = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
folder, name = os.path.split(os.path.abspath(path))
torch.set_num_threads(2)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager").eval()
for line in sys.stdin:
    prompt = line.rstrip("\n")
    ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
    with torch.no_grad():
        made = model.generate(ids, do_sample=False, max_new_tokens=most, pad_token_id=0)[0, ids.shape[1]:]
    tokens = [t for t in made.tolist() if t != tokenizer.eos_token_id]
    print(json.dumps({"prompt": prompt, "ids": ids[0].tolist(), "tokens": tokens, "text": tokenizer.decode(tokens)}), flush=True)
