"""Golden values of the reconstruction figures, from numpy in float64.

usage: golden_eval.py OUT.json
writes sae-train/src/test/resources/dev/loupe/eval/reconstruction.json. Rows have a large mean and the reconstruction is
imperfect and biased, because wrong formulas agree with right ones on centred data or perfect reconstructions.
"""
import json, sys
import numpy as np

rng = np.random.default_rng(20)
n, d, k = 60, 7, 3
mixing = rng.normal(size=(d, d)) * np.array([3, 2, 1.5, 1, 0.5, 0.3, 0.1])
mean = rng.normal(size=d) * 40
train = (rng.normal(size=(n, d)) @ mixing.T + mean).astype(np.float32)
x = (rng.normal(size=(n, d)) @ mixing.T + mean).astype(np.float32)
codes = np.maximum(rng.normal(size=(n, 11)) - 0.6, 0).astype(np.float32)
x_hat = (0.9 * x + rng.normal(size=(n, d)) + 0.7).astype(np.float32)

X, P, T = x.astype(np.float64), x_hat.astype(np.float64), train.astype(np.float64)
E = X - P
ss = ((X - X.mean(0)) ** 2).sum()
mu = T.mean(0)
_, _, vt = np.linalg.svd(T - mu)
V = vt[:k].T
pca = mu + (X - mu) @ V @ V.T
out = {
    "x": x.tolist(), "x_hat": x_hat.tolist(), "train": train.tolist(), "codes": codes.tolist(), "pca_rank": k,
    "l0": float((codes > 0).sum() / n),
    "dead": int(((codes > 0).sum(0) == 0).sum()),
    "fvu": float((E ** 2).sum() / ss),
    "explained_variance": float(1 - E.var(0).sum() / X.var(0).sum()),
    "mse": float((E ** 2).sum(1).mean()),
    "cosine": float(((X * P).sum(1) / np.linalg.norm(X, axis=1) / np.linalg.norm(P, axis=1)).mean()),
    "l2_ratio": float((np.linalg.norm(P, axis=1) / np.linalg.norm(X, axis=1)).mean()),
    "shrinkage": float((P ** 2).sum(1).mean() / (X * P).sum(1).mean()),
    "pca_fvu": float(((X - pca) ** 2).sum() / ss),
}
with open(sys.argv[1], "w") as f:
    json.dump(out, f)
    f.write("\n")
