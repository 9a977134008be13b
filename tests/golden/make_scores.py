"""Writes scores.json: what scikit-learn and scipy make of random tables of predictions.

Bootstrap distributions are written too, because another generator draws other resamples: what is compared is what is made
of the same resampled values.
"""

import json

import numpy as np
import scipy
import scipy.stats
import sklearn
import sklearn.metrics as metrics

LEVELS = (0.9, 0.95)


def macro_f1(truth, answer, classes):
    return metrics.f1_score(truth, answer, labels=range(classes), average="macro", zero_division=0)


def ece(probabilities, truth, bins=15):
    """Guo et al. 2017: bins of equal width, closed above."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    place = np.clip(np.ceil(confidence * bins).astype(int), 1, bins) - 1
    error = 0.0
    for each in range(bins):
        inside = place == each
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def figures(rng, items, classes, absent):
    truth = rng.integers(0, classes - absent, items)
    logits = rng.normal(size=(items, classes)) + 1.5 * np.eye(classes)[truth]
    logits[:, classes - absent :] -= 30.0
    # The engine's probabilities are float32.
    probabilities = scipy.special.softmax(logits, axis=1).astype(np.float32)
    answer = probabilities.argmax(axis=1)
    exact = probabilities.astype(np.float64)
    of_truth = exact[np.arange(items), truth]
    return {
        "classes": classes,
        "truth": truth.tolist(),
        "answer": answer.tolist(),
        "probabilities": [float(p) for p in probabilities.ravel()],
        "macro_f1": macro_f1(truth, answer, classes),
        "macro_f1_present": metrics.f1_score(truth, answer, average="macro", zero_division=0),
        "per_class_f1": metrics.f1_score(
            truth, answer, labels=range(classes), average=None, zero_division=0
        ).tolist(),
        "precision": metrics.precision_score(
            truth, answer, labels=range(classes), average=None, zero_division=0
        ).tolist(),
        "recall": metrics.recall_score(
            truth, answer, labels=range(classes), average=None, zero_division=0
        ).tolist(),
        "accuracy": metrics.accuracy_score(truth, answer),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, answer),
        "confusion": metrics.confusion_matrix(truth, answer, labels=range(classes)).tolist(),
        "ece": ece(exact, truth),
        "nll": float(-np.log(of_truth).mean()),
    }


def bootstrap(rng, items, classes, difference):
    truth = rng.integers(0, classes, items)

    def answers(share):
        return np.where(rng.random(items) < share, truth, rng.integers(0, classes, items))

    first, second = answers(0.5), answers(0.3)

    def statistic(truth, first, second):
        other = macro_f1(truth, second, classes) if difference else 0.0
        return macro_f1(truth, first, classes) - other

    out = {"classes": classes, "truth": truth.tolist(), "first": first.tolist(), "difference": difference}
    out["second"] = second.tolist() if difference else truth.tolist()
    out["observed"] = statistic(truth, first, second)
    drawn = scipy.stats.bootstrap(
        (truth, first, second), statistic, paired=True, vectorized=False, n_resamples=399, rng=rng
    )
    out["distribution"] = drawn.bootstrap_distribution.tolist()
    out["intervals"] = []
    for level in LEVELS:
        for method in ("percentile", "BCa"):
            found = scipy.stats.bootstrap(
                (truth, first, second), statistic, paired=True, vectorized=False, n_resamples=0,
                bootstrap_result=drawn, method=method, confidence_level=level,
            ).confidence_interval
            out["intervals"].append(
                {"method": method.lower(), "level": level, "low": float(found.low), "high": float(found.high)}
            )
    return out


def mcnemar(only_a, only_b):
    items = only_a + only_b
    squared = max(abs(only_a - only_b) - 1, 0) ** 2 / items
    return {
        "only_a": only_a,
        "only_b": only_b,
        "exact_p": float(scipy.stats.binomtest(only_a, items, 0.5).pvalue),
        "corrected_chi_squared": squared,
        "corrected_p": float(scipy.stats.chi2.sf(squared, 1)),
    }


def main():
    rng = np.random.default_rng(20261129)
    golden = {
        "made_by": f"numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}",
        "figures": [
            figures(rng, items, classes, absent)
            for items, classes, absent in [(7, 2, 0), (60, 3, 0), (200, 8, 0), (150, 8, 2), (90, 5, 1)]
        ],
        "bootstrap": [
            bootstrap(rng, items, classes, difference)
            for items, classes, difference in [(40, 2, False), (120, 7, False), (80, 4, True)]
        ],
        "mcnemar": [
            mcnemar(a, b)
            for a, b in [(0, 1), (8, 2), (5, 5), (13, 12), (40, 12), (3, 90), (1000, 1100), (25000, 24000)]
        ],
    }
    with open("scores.json", "w") as file:
        json.dump(golden, file)
        file.write("\n")
    print(golden["made_by"])


if __name__ == "__main__":
    main()
