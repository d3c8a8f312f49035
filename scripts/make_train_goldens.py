#!/usr/bin/python3
"""Makes tests/golden/data/train: what PyTorch's optimisers and schedules and scikit-learn's and SciPy's metrics give.

optimisers.json: parameters after each of 20 steps, in single precision as PyTorch steps them, with the gradients used.
schedules.json:  learning rates of every step.
metrics.json:    scores, labels and the metrics of them.
Debian's python3-torch 1.13, python3-sklearn 1.2, python3-scipy 1.10. DeLong's variance is by the definition of the
paper (structural components over all pairs), in NumPy.
"""
import json
import pathlib

import numpy as np
import scipy.stats
import sklearn.metrics
import torch

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "data" / "train"
SIZES = [7, 1, 12]
STEPS = 20


def optimiser_case(name, options, kind, settings, decays):
    torch.manual_seed(7)
    start = [torch.empty(n).uniform_(0.5, 2) * torch.sign(torch.randn(n)) for n in SIZES]
    params = [torch.nn.Parameter(p.clone()) for p in start]
    groups = [{"params": [p], "weight_decay": settings["weight_decay"] if d else 0.0} for p, d in zip(params, decays)]
    optimiser = kind(groups, **{k: v for k, v in settings.items() if k != "weight_decay"})
    grads, after = [], []
    for step in range(STEPS):
        rate = settings["lr"] * (1 - 0.5 * step / STEPS)
        for group in optimiser.param_groups:
            group["lr"] = rate
        for p in params:
            p.grad = torch.randn_like(p) * 10 ** torch.empty_like(p).uniform_(-3, 1)
        grads.append([p.grad.tolist() for p in params])
        optimiser.step()
        after.append([p.tolist() for p in params])
    return {"name": name, "options": options, "decay": decays, "rate": settings["lr"], "start": [s.tolist() for s in start],
            "grads": grads, "after": after}


def optimisers():
    some = [True, False, True]
    adamw = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.05}
    quick = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.0}
    cases = []
    for momentum, nesterov, decay in ((0.0, False, 0.01), (0.9, False, 0.01), (0.9, True, 0.01), (0.5, True, 0.0)):
        options = {"name": "sgd", "momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
        cases.append(optimiser_case(f"sgd {momentum} {nesterov}", options, torch.optim.SGD,
                                    {"lr": 0.01, "momentum": momentum, "nesterov": nesterov, "weight_decay": decay}, some))
    for o in (adamw, quick):
        cases.append(optimiser_case(f"adamw {o['beta1']}", {"name": "adamw", **o}, torch.optim.AdamW,
                                    {"lr": 0.01, "betas": (o["beta1"], o["beta2"]), "eps": o["epsilon"],
                                     "weight_decay": o["weight_decay"]}, some))
    return {"sizes": SIZES, "cases": cases}


def schedules():
    cases = []

    def case(settings, make, steps, rate):
        optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        schedule = make(optimiser)
        rates = []
        for _ in range(steps):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step() if len(rates) < steps else None
        cases.append({**settings, "rate": rate, "steps": steps, "rates": rates})

    lr = torch.optim.lr_scheduler
    case({"name": "cosine", "least": 0.0}, lambda o: lr.CosineAnnealingLR(o, 50), 50, 0.1)
    case({"name": "cosine", "least": 0.01}, lambda o: lr.CosineAnnealingLR(o, 37, eta_min=0.002), 37, 0.2)
    case({"name": "step", "every": 7, "factor": 0.1}, lambda o: lr.StepLR(o, 7, 0.1), 40, 0.3)
    case({"name": "one-cycle"}, lambda o: lr.OneCycleLR(o, 0.1, total_steps=60), 60, 0.1)
    case({"name": "one-cycle", "rise": 0.45}, lambda o: lr.OneCycleLR(o, 0.02, total_steps=33, pct_start=0.45), 33, 0.02)
    return {"cases": cases}


def delong_variance(scores, labels):
    x, y = scores[labels == 1], scores[labels == 0]
    kernel = (x[:, None] > y[None]) + 0.5 * (x[:, None] == y[None])
    return kernel.mean(1).var(ddof=1) / len(x) + kernel.mean(0).var(ddof=1) / len(y)


def binary_case(name, scores, labels):
    fpr, tpr, _ = sklearn.metrics.roc_curve(labels, scores, drop_intermediate=False)
    p = 1 / (1 + np.exp(-scores))
    return {"name": name, "scores": scores.tolist(), "labels": labels.tolist(),
            "auroc": sklearn.metrics.roc_auc_score(labels, scores), "delong_variance": delong_variance(scores, labels),
            "average_precision": sklearn.metrics.average_precision_score(labels, scores),
            "sensitivity_at_0.9": float(tpr[1 - fpr >= 0.9 - 1e-12].max()),
            "sensitivity_at_0.5": float(tpr[1 - fpr >= 0.5 - 1e-12].max()),
            "brier": sklearn.metrics.brier_score_loss(labels, p), "fpr": fpr.tolist(), "tpr": tpr.tolist()}


def metrics():
    rng = np.random.default_rng(3)
    binary = []
    for name, count, levels in (("distinct", 90, 0), ("ties", 120, 7), ("two levels", 60, 2), ("few", 8, 0)):
        labels = (rng.random(count) < 0.4).astype(int)
        labels[:2] = (0, 1)
        scores = rng.normal(size=count) + labels
        binary.append(binary_case(name, np.round(scores * levels / 4) if levels else scores, labels))
    truth = np.arange(80) % 4
    rng.shuffle(truth)
    logits = rng.normal(size=(80, 4)) + 1.2 * np.eye(4)[truth]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p = np.round(p, 2)
    p[:, 3] = 1 - p[:, :3].sum(1)
    several = {"probabilities": p.tolist(), "truth": truth.tolist(),
               "macro_auroc": sklearn.metrics.roc_auc_score(truth, p, multi_class="ovr", average="macro"),
               "accuracy": sklearn.metrics.accuracy_score(truth, p.argmax(1)),
               "brier": float(((p - np.eye(4)[truth]) ** 2).sum(1).mean())}
    a = rng.normal(size=50)
    b = np.round(0.7 * a + 0.6 * rng.normal(size=50), 1)  # with ties
    regression = {"predicted": a.tolist(), "truth": b.tolist(), "pearson": scipy.stats.pearsonr(a, b)[0],
                  "spearman": scipy.stats.spearmanr(a, b)[0], "mae": sklearn.metrics.mean_absolute_error(b, a),
                  "r2": sklearn.metrics.r2_score(b, a)}
    wilson = []
    for hits, of in ((0, 10), (10, 10), (7, 10), (81, 263), (1, 1), (15, 148)):
        low, high = scipy.stats.binomtest(hits, of).proportion_ci(0.95, "wilson")
        wilson.append({"hits": hits, "of": of, "low": low, "high": high})
    return {"binary": binary, "several": several, "regression": regression, "wilson": wilson}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, make in (("optimisers", optimisers), ("schedules", schedules), ("metrics", metrics)):
        (OUT / f"{name}.json").write_text(json.dumps(make(), indent=None, separators=(",", ":")) + "\n")
        print(name, (OUT / f"{name}.json").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
