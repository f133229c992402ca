"""Writes the golden distributions of the next token: transformers' own logits processors on given logits.

Run with transformers and torch installed:
    python tests/python/golden_sampling.py activations-store/src/test/resources/dev/loupe/model/golden/sampling.json
The OpenAI penalties (presence, frequency) have no processor in transformers: they are the formula of OpenAI's API
reference, mu[j] -= c[j] * frequency + (c[j] > 0) * presence, c counting generated tokens.
"""

import json
import sys

import torch
from transformers import LogitsProcessorList, MinPLogitsWarper, RepetitionPenaltyLogitsProcessor
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

CASES = [
    dict(),
    dict(temperature=0.7),
    dict(temperature=1.6, top_k=5),
    dict(top_k=1),
    dict(top_k=7),  # two tokens share the 7th place of the first logits
    dict(top_p=0.9),
    dict(top_p=0.3, temperature=1.3),
    dict(top_p=1e-6),
    dict(min_p=0.05),
    dict(min_p=0.2, temperature=2.0),
    dict(top_k=12, top_p=0.8, min_p=0.1, temperature=1.2),
    dict(repetition=1.3),
    dict(repetition=0.8, temperature=0.9),
    dict(presence=0.6),
    dict(frequency=0.9),
    dict(presence=-0.5, frequency=0.4, repetition=1.1, top_p=0.85),
    dict(repetition=1.5, top_k=9, top_p=0.95, min_p=0.02, temperature=0.6),
]


def distribution(logits, case, prompt, generated):
    scores = torch.tensor([logits], dtype=torch.float32)
    ids = torch.tensor([prompt + generated])
    processors = LogitsProcessorList()
    if "repetition" in case:
        processors.append(RepetitionPenaltyLogitsProcessor(case["repetition"]))
    scores = processors(ids, scores)
    for token in set(generated):
        count = generated.count(token)
        scores[0, token] -= count * case.get("frequency", 0.0) + case.get("presence", 0.0)
    warpers = LogitsProcessorList()
    if "temperature" in case:
        warpers.append(TemperatureLogitsWarper(case["temperature"]))
    if "top_k" in case:
        warpers.append(TopKLogitsWarper(case["top_k"]))
    if "top_p" in case:
        warpers.append(TopPLogitsWarper(case["top_p"]))
    if "min_p" in case:
        warpers.append(MinPLogitsWarper(case["min_p"]))
    scores = warpers(ids, scores)
    return torch.softmax(scores.double(), dim=-1)[0].tolist()


def main(path):
    torch.manual_seed(7)
    rows = []
    for n in (40, 131):
        logits = (3 * torch.randn(n)).tolist()
        if n == 40:
            order = sorted(range(n), key=lambda i: -logits[i])
            logits[order[7]] = logits[order[6]]
        prompt = torch.randint(0, n, (9,)).tolist()
        generated = torch.randint(0, n, (6,)).tolist()
        generated += generated[:2] + [max(range(n), key=lambda i: logits[i])]
        for case in CASES:
            p = distribution(logits, case, prompt, generated)
            rows.append(dict(logits=logits, prompt=prompt, generated=generated, settings=case,
                             p={str(i): x for i, x in enumerate(p) if x > 0}))
    with open(path, "w") as f:
        json.dump(rows, f, indent=None, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
