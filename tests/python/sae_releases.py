"""Makes releases.tsv (release, repository, id as a regular expression, path) from the directory of pretrained SAEs in an
installed SAELens, for the formats that Loupe reads, and checks it: every id must become the path that SAELens has.

    python tests/python/sae_releases.py sae-train/src/main/resources/dev/loupe/sae/releases.tsv
"""

import re
import sys
from collections import defaultdict
from importlib.resources import files

import yaml

READ = (None, "gemma_2", "dictionary_learning_1")

# OpenAI's of version 5 normalise every token (mean and deviation over its values), which no weights can express
TOKENS_NORMALISED = r"gpt2-small-\S+-v5-(32k|128k)"


def apply(rules, name):
    for pattern, path in rules:
        match = re.fullmatch(pattern, name)
        if match:
            return re.sub(r"\$(\d)", lambda group: match[int(group[1])], path)
    return None


def literal(name):
    return re.sub(r"\\([-_])", r"\1", re.escape(name))


def rule(name, path):
    """A rule with the layer and the trainer as groups, where the path has them."""
    match = re.fullmatch(r"blocks\.(\d+)\.([a-z_]+?)(?:__(trainer_\d+)(_step_\d+)?)?", name)
    if match:
        layer, site, trainer, step = match.groups()
        pattern = r"blocks\.(\d+)\." + site
        if trainer:
            pattern += r"__(trainer_\d+" + (r"_step_\d+" if step else "") + ")"
            folder = path.replace("resid_post_layer_" + layer, "resid_post_layer_$1")
            return pattern, folder.replace(trainer + (step or ""), "$2")
        for part in ("layer_" + layer, layer + "-", "blocks." + layer + "."):
            if part in path:
                return pattern, path.replace(part, part.replace(layer, "$1"))
    if re.fullmatch(r"resid_post_layer_\d+_trainer_\d+", name):
        return r"resid_post_layer_(\d+)_(trainer_\d+)", "resid_post_layer_$1/$2"
    return literal(name), path


def rules_of(saes):
    if all(name == path for name, path in saes):
        return [("(.+)", "$1")]
    rules = []
    for name, path in saes:
        if apply(rules, name) != path and rule(name, path) not in rules:
            rules.append(rule(name, path))
    wrong = [(literal(name), path) for name, path in saes if apply(rules, name) != path]
    rules = wrong + rules
    return [r for i, r in enumerate(rules) if any(
        next(j for j, q in enumerate(rules) if re.fullmatch(q[0], name)) == i for name, _ in saes)]


def canonical_rules(entry, all_of_them):
    """Canonical is the average L0 nearest to 100, of two as near the smaller, which Loupe looks up; exceptions by name."""
    known = defaultdict(list)
    for sae in all_of_them["saes"]:
        folder, l0 = re.fullmatch(r"(.*)/average_l0_(\d+)", sae["path"]).groups()
        known[folder].append(int(l0))
    rules = []
    for sae in entry["saes"]:
        folder = sae["id"].removesuffix("/canonical")
        nearest = min(known[folder], key=lambda l0: (abs(l0 - 100), l0))
        if sae["path"] != f"{folder}/average_l0_{nearest}":
            rules.append((literal(sae["id"]), sae["path"]))
    return rules + [("(.+/canonical)", "$1")]


def main():
    releases = yaml.safe_load((files("sae_lens") / "pretrained_saes.yaml").read_text())
    lines = ["# Releases of SAEs by the names that SAELens gives them: release, repository on the hub, id (a regular"
             " expression), path."]
    for release, entry in sorted(releases.items()):
        if entry.get("conversion_func") not in READ or re.fullmatch(TOKENS_NORMALISED, release):
            continue
        saes = [(sae["id"], sae["path"]) for sae in entry["saes"]]
        if release.endswith("-canonical"):
            rules = canonical_rules(entry, releases[release.removesuffix("-canonical")])
        else:
            rules = rules_of(saes)
            assert all(apply(rules, name) == path for name, path in saes), release
        lines += ["\t".join((release, entry["repo_id"], *r)) for r in rules]
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    print(len({line.split("\t")[0] for line in lines[1:]}), "releases,", len(lines) - 1, "rules")


if __name__ == "__main__":
    main()
