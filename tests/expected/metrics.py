"""Computes what stepwise must find, without stepwise: <model>.csv, every row's answer by onnxruntime, and
<model>.json, the quality metrics that Watson OpenScale would show for those answers.

The metrics come from scikit-learn wherever OpenScale means what scikit-learn means. Elsewhere they follow what
OpenScale's published runs show; those functions are marked "OpenScale" below. Run it with the packages of
requirements.txt; a second run writes the same bytes.
"""

import csv
import json
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
from scipy import stats
from sklearn import metrics

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def read(file):
    """The features in single precision, as the models take them, and the last column, the label."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    table = np.array(rows, dtype=np.float64)
    return table[:, :-1].astype(np.float32), table[:, -1]


def area_under_pr(precision, recall, base):
    """OpenScale: from the one point that the predicted labels give, level to the left, a line to (1, base) right."""
    return recall * precision + (1 - recall) * (precision + base) / 2


def label_skew(labels):
    """OpenScale: the skewness of the labels themselves, without its sign."""
    return abs(float(stats.skew(labels)))


def ratio(part, whole):
    """0 where there is nothing to divide by, as scikit-learn has it for precision and recall."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) != 0)


def weighted_false_positive_rate(matrix):
    """OpenScale: each class's false positives among the rows of other classes, weighted by the class's share."""
    actual, predicted, right = matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal()
    rates = ratio(predicted - right, matrix.sum() - actual)
    return float(rates @ actual / matrix.sum())


def log_loss(labels, probabilities):
    """scikit-learn warns of sums that are not exactly 1, which single precision does not give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return metrics.log_loss(labels, probabilities, labels=range(probabilities.shape[1]))


def binary(labels, predicted, probabilities):
    (tn, fp), (_, _) = metrics.confusion_matrix(labels, predicted, labels=[0, 1])
    precision, recall = metrics.precision_score(labels, predicted), metrics.recall_score(labels, predicted)
    false_positive_rate = float(ratio(fp, fp + tn))
    # OpenScale: from the predicted labels, not from the probabilities. scikit-learn has none of one class alone.
    area_under_roc = (recall + 1 - false_positive_rate) / 2
    if labels.min() < labels.max():
        np.testing.assert_allclose(area_under_roc, metrics.roc_auc_score(labels, predicted), rtol=1e-12)
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "area_under_pr": area_under_pr(precision, recall, labels.mean()),
        "area_under_roc": area_under_roc,
        "brier_score": None,  # OpenScale: null in every published run
        "f1_measure": metrics.f1_score(labels, predicted),
        "false_positive_rate": false_positive_rate,
        "gini_coefficient": 2 * area_under_roc - 1,
        "label_skew": label_skew(labels),
        "log_loss": log_loss(labels, probabilities),
        "matthews_correlation_coefficient": metrics.matthews_corrcoef(labels, predicted),
        "precision": precision,
        "recall": recall,
        "true_positive_rate": recall,
    }


def multiclass(labels, predicted, probabilities):
    recall = metrics.recall_score(labels, predicted, average="weighted")
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "label_skew": label_skew(labels),
        "log_loss": log_loss(labels, probabilities),
        "matthews_correlation_coefficient": metrics.matthews_corrcoef(labels, predicted),
        "weighted_f_measure": metrics.f1_score(labels, predicted, average="weighted"),
        "weighted_false_positive_rate": weighted_false_positive_rate(metrics.confusion_matrix(labels, predicted)),
        "weighted_precision": metrics.precision_score(labels, predicted, average="weighted"),
        "weighted_recall": recall,
        "weighted_true_positive_rate": recall,
    }


def regression(labels, predicted, _probabilities):
    return {
        "explained_variance": metrics.explained_variance_score(labels, predicted),
        "mean_absolute_error": metrics.mean_absolute_error(labels, predicted),
        "mean_squared_error": metrics.mean_squared_error(labels, predicted),
        "r2": metrics.r2_score(labels, predicted),
        "root_mean_squared_error": metrics.root_mean_squared_error(labels, predicted),
    }


def write_answers(file, predicted, probabilities):
    """The columns of a run's own predictions.csv; each number in the fewest digits that give it back."""
    names = [f"probability_{index}" for index in range(probabilities.shape[1])]
    lines = [",".join(["row", "prediction", *names])]
    for row, (label, shares) in enumerate(zip(predicted, probabilities, strict=True), start=1):
        lines.append(",".join([str(row), str(label), *map(str, shares)]))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def answers(model, features):
    """Every row's prediction, and its probabilities, of which a regression has none."""
    session = onnxruntime.InferenceSession(ROOT / model, providers=["CPUExecutionProvider"])
    predicted, *rest = session.run(None, {session.get_inputs()[0].name: features})
    return predicted.reshape(len(features)), rest[0] if rest else np.empty((len(features), 0), dtype=np.float32)


def write(name, model, target, problem):
    features, labels = read(ROOT / target)
    predicted, probabilities = answers(model, features)
    write_answers(HERE / f"{name}.csv", predicted, probabilities)

    found = {
        "about": "written by metrics.py: scikit-learn and onnxruntime, not stepwise",
        "model": model,
        "target": target,
        "problem_type": problem.__name__,
        "rows": len(labels),
        "metrics": problem(labels, predicted.astype(np.float64), probabilities.astype(np.float64)),
    }
    if probabilities.size:
        matrix = metrics.confusion_matrix(labels, predicted)
        found["confusion_matrix"] = {"labels": np.unique(labels).astype(int).tolist(), "values": matrix.tolist()}
    found["metrics"] = {key: None if value is None else float(value) for key, value in found["metrics"].items()}
    (HERE / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


MODELS = [
    ("tumour-screening", "model/model.onnx", "model/data/target.csv", binary),
    ("scikit-learn", "model/scikit-learn/twin.onnx", "model/data/target.csv", binary),
    ("iris", "tests/models/iris/model.onnx", "tests/models/iris/target.csv", multiclass),
    ("diabetes", "tests/models/diabetes/model.onnx", "tests/models/diabetes/target.csv", regression),
]


def main():
    for model in MODELS:
        write(*model)


if __name__ == "__main__":
    main()
