"""Computes the quality metrics of rows made up for the purpose, by the formulas of metrics.py: for each problem type
20 random confusion tables or predictions, what happens at the edges, and the models of the repository. Writes
tables.json. Run it with the packages of requirements.txt; a second run writes the same bytes.
"""

import json
import warnings

import numpy as np
from sklearn.metrics import brier_score_loss, confusion_matrix, explained_variance_score, r2_score

from metrics import HERE, MODELS, ROOT, answers, binary, multiclass, read, regression

SPECIES = ["setosa", "versicolor", "virginica"]
# More texts than ten: their order is not that of numbers.
TEXTS = ["10", "9", "Zebra", "ape", "élan"]


def rows(random, table):
    """The pairs of actual and predicted class that make this table, in some order."""
    actual, predicted = np.indices(table.shape)
    pairs = np.repeat(np.stack([actual.ravel(), predicted.ravel()], axis=1), table.ravel(), axis=0)
    return random.permutation(pairs).T


def shares(random, predicted, classes):
    """Probabilities of three digits, the predicted class's the largest."""
    cuts = np.sort(random.integers(0, 1001, (len(predicted), classes - 1)), axis=1)
    parts = np.diff(cuts, axis=1, prepend=0, append=1000)
    for row, label in zip(parts, predicted, strict=True):
        largest = row.argmax()
        row[[label, largest]] = row[[largest, label]]
    return parts / 1000


def classification(name, problem, actual, predicted, probabilities, classes):
    found = problem(actual, predicted, probabilities)
    if problem is binary:
        # OpenScale never showed one; what the stub makes of it is to be scikit-learn's.
        found["brier_score"] = brier_score_loss(actual, probabilities[:, 1], pos_label=1)
    matrix = confusion_matrix(actual, predicted, labels=range(len(classes))).tolist()
    rows = [[classes[label] for label in labels] for labels in (actual, predicted)]
    return case(name, problem, found, *rows, probabilities=probabilities.tolist(), labels=classes, matrix=matrix)


def case(name, problem, found, actual, predicted, **more):
    found = {key: float(value) if np.isfinite(value) else None for key, value in found.items()}
    rows = {"actual": actual, "predicted": predicted, **more}
    return {"name": name, "problem": problem.__name__, **rows, "metrics": found}


def of_table(random, name, problem, table, classes):
    actual, predicted = rows(random, np.array(table))
    return classification(name, problem, actual, predicted, shares(random, predicted, len(classes)), classes)


def random_tables(random):
    for number in range(1, 21):
        classes = [0, 1] if number % 2 else ["no", "yes"]
        yield of_table(random, f"binary {number}", binary, random.integers(1, 20, (2, 2)), classes)
    for number in range(1, 21):
        classes = [[0, 1, 2], SPECIES, TEXTS, [3, 5, 10, 21]][number % 4]
        size = (len(classes), len(classes))
        yield of_table(random, f"multiclass {number}", multiclass, random.integers(1, 7, size), classes)
    for number in range(1, 21):
        actual = np.round(random.normal(0, 10.0 ** random.integers(-3, 4), 40), 6)
        predicted = np.round(actual * random.uniform(0.5, 1.5) + random.normal(0, actual.std(), 40), 6)
        yield case(f"regression {number}", regression, regression(actual, predicted, None), actual.tolist(),
                   predicted.tolist())


def edges(random):
    yield of_table(random, "the second class is never predicted", binary, [[7, 0], [5, 0]], ["no", "yes"])
    yield of_table(random, "the first class is never predicted", binary, [[0, 7], [0, 5]], [0, 1])
    yield of_table(random, "the second class is never actual", binary, [[7, 3], [0, 0]], [0, 1])
    yield of_table(random, "the first class is never actual", binary, [[0, 0], [2, 6]], ["no", "yes"])
    yield of_table(random, "there is only 0", binary, [[6, 0], [0, 0]], [0, 1])
    yield of_table(random, "there is only 1", binary, [[0, 0], [0, 6]], [0, 1])
    yield of_table(random, "all is right", binary, [[6, 0], [0, 5]], [0, 1])
    yield of_table(random, "all is wrong", binary, [[0, 6], [5, 0]], [0, 1])
    yield of_table(random, "a class of three is never predicted", multiclass, [[4, 2, 0], [1, 5, 0], [2, 3, 0]], SPECIES)
    yield of_table(random, "a class of three is never actual", multiclass, [[4, 2, 1], [1, 5, 2], [0, 0, 0]], [0, 1, 2])
    yield of_table(random, "two classes as many", multiclass, [[4, 2], [1, 5]], ["a", "b"])
    for problem, classes in ((binary, [0, 1]), (multiclass, SPECIES)):
        actual, predicted = rows(random, np.full((len(classes), len(classes)), 3))
        certain = np.eye(len(classes))[predicted]
        yield classification(f"certain, and wrong too, {problem.__name__}", problem, actual, predicted, certain, classes)
    actual, predicted = np.full(10, 2.5), np.full(10, 3.5)
    found = {**regression(actual, predicted, None), **{
        name: score(actual, predicted, force_finite=False)
        for name, score in {"r2": r2_score, "explained_variance": explained_variance_score}.items()
    }}
    yield case("nothing varies", regression, found, actual.tolist(), predicted.tolist())
    large = np.round(random.normal(1e9, 10, 30), 3)
    off = large + np.round(random.normal(0, 3, 30), 3)
    yield case("far from zero", regression, regression(large, off, None), large.tolist(), off.tolist())


def models():
    """The models of the repository, by what onnxruntime answers."""
    for name, model, target, problem in MODELS:
        features, labels = read(ROOT / target)
        predicted, probabilities = answers(model, features)
        if problem is regression:
            predicted = predicted.astype(np.float64)
            yield case(name, problem, problem(labels, predicted, None), labels.tolist(), predicted.tolist())
        else:
            classes = list(range(probabilities.shape[1]))
            yield classification(name, problem, labels.astype(int), predicted, probabilities.astype(np.float64), classes)


def main():
    warnings.simplefilter("ignore")
    cases = [*random_tables(np.random.default_rng(7)), *edges(np.random.default_rng(8)), *models()]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    (HERE / "tables.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
