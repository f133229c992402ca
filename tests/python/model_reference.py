"""Reference values of a checkpoint for `loupe model check`, from transformers in float32.

usage: model_reference.py MODEL_DIR OUT.safetensors [PROMPT ...]
Any folder that transformers loads and Loupe supports. Keep the file as loupe-reference.safetensors in the model's folder and
`loupe model check MODEL` finds it. Tensors: ids.R (tokens of prompt R), loss.R (of each next token), top_ids.R and
top_logits.R (the 20 largest logits at the last position), positions.R, act.HOOK.R (values [position, width] there). The
metadata holds the prompts as JSON.
"""
import json, os, sys
import torch
import transformers
from model_expression import reference
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

TOP = 20
PROMPTS = ["The capital of France is Paris, and the capital of Germany is", "I would like to thank the rapporteur. I",
           "Herr Pr\u00e4sident, die Kommission hat heute einen Vorschlag vorgelegt.", "def add(a, b):\n    return a"]
KEPT = ("hook_embed", "hook_resid_post", "hook_attn_out", "hook_mlp_out", "attn.hook_z", "mlp.hook_post")


def main():
    source, out, *prompts = sys.argv[1:]
    prompts = prompts or PROMPTS
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(source)
    layers = model.config.get_text_config().num_hidden_layers
    shown = {0, layers // 2, layers - 1}
    save = {}
    for r, prompt in enumerate(prompts):
        tokens = tokenizer(prompt).input_ids
        ids, n = torch.tensor([tokens]), len(tokens)
        logits, _, values = reference(model, ids)
        top = logits[0, -1].topk(min(TOP, logits.shape[-1]))
        where = sorted({min(1, n - 1), n // 2, n - 1})
        save[f"ids.{r}"] = torch.tensor(tokens)
        save[f"positions.{r}"] = torch.tensor(where)
        save[f"loss.{r}"] = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="none")
        save[f"top_ids.{r}"], save[f"top_logits.{r}"] = top.indices, top.values
        for name, value in values.items():
            block = name.split(".")[1] if name.startswith("blocks.") else None
            if name.endswith(KEPT) and (block is None or name.endswith("resid_post") or int(block) in shown):
                save[f"act.{name}.{r}"] = value[0].reshape(n, -1)[where]
    about = {"format": "1.0", "model": os.path.basename(os.path.normpath(source)), "prompts": prompts,
             "made_with": f"transformers {transformers.__version__}, torch {torch.__version__}, float32"}
    save_file({k: v.detach().contiguous().clone() for k, v in save.items()}, out,
              metadata={"loupe_reference": json.dumps(about)})
    print(out, os.path.getsize(out), len(save), "tensors")


if __name__ == "__main__":
    main()
