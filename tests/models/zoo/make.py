"""Makes the models of this folder, each exported as its own documentation shows it, and what onnxruntime answers to
the whole of its data: <data>.csv, a row per row of the data, a column per number of an answer.

The data are those of the repository, the training rows before the target rows. Run it with the packages of
requirements.txt. A second run writes the same bytes.
"""

import csv
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from lightgbm import LGBMClassifier, LGBMRegressor
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
DATA = {
    "tumours": ROOT / "model" / "data",
    "iris": HERE.parent / "iris",
    "diabetes": HERE.parent / "diabetes",
}
SPECIES = np.array(["setosa", "versicolor", "virginica"])
SEED = {"random_state": 7}
SMALL = {"n_estimators": 10, "max_depth": 4}


def read(name):
    rows = []
    for part in ("training", "target"):
        with (DATA[name] / f"{part}.csv").open(encoding="utf-8", newline="") as lines:
            rows += list(csv.reader(lines))[1:]
    table = np.array(rows, dtype=np.float64)
    return table[:, :-1], table[:, -1]


def with_holes(features):
    """Every eleventh value is missing, as the tests have it too."""
    rows, columns = np.indices(features.shape)
    return np.where((31 * rows + 17 * columns) % 11 == 0, np.nan, features)


def sklearn(model, features, labels, kind=np.float32, **options):
    features = features.astype(kind)
    return to_onnx(model.fit(features, labels), features[:1], **options)


def xgboost(model, features, labels):
    return convert_xgboost(model.fit(features, labels), initial_types=inputs(features))


def lightgbm(model, features, labels):
    return convert_lightgbm(model.fit(features, labels), initial_types=inputs(features))


def inputs(features):
    return [("input", FloatTensorType([None, features.shape[1]]))]


def tumours(x, y):
    y = y.astype(np.int64)
    logistic = LogisticRegression(max_iter=10000)
    yield "logistic", sklearn(logistic, x, y)
    yield "scaled", sklearn(make_pipeline(StandardScaler(), LogisticRegression()), x, y)
    yield "scaled_double", sklearn(
        make_pipeline(StandardScaler(), LogisticRegression()), x, y, np.float64, options={"zipmap": False}
    )
    forest = RandomForestClassifier(**SMALL, **SEED)
    yield "forest", sklearn(forest, x, y)
    yield "forest_plain", sklearn(forest, x, y, options={"zipmap": False})
    yield "forest_double", sklearn(forest, x, y, np.float64)
    yield "bagging", sklearn(BaggingClassifier(LogisticRegression(max_iter=10000), 3, **SEED), x, y)
    yield "boosting", sklearn(GradientBoostingClassifier(**SMALL, **SEED), x, y)
    yield "network", sklearn(make_pipeline(StandardScaler(), MLPClassifier((10,), max_iter=1000, **SEED)), x, y)
    yield "xgboost", xgboost(XGBClassifier(**SMALL, **SEED), x, y)
    yield "xgboost_missing", xgboost(XGBClassifier(**SMALL, **SEED), with_holes(x), y)
    yield "lightgbm", lightgbm(LGBMClassifier(**SMALL, **SEED, verbose=-1), x, y)
    yield "lightgbm_missing", lightgbm(LGBMClassifier(**SMALL, **SEED, verbose=-1), with_holes(x), y)


def iris(x, y):
    y = y.astype(np.int64)
    texts = SPECIES[y]
    logistic = LogisticRegression(max_iter=1000)
    yield "logistic_text", sklearn(logistic, x, texts)
    yield "logistic_one_vs_rest", sklearn(OneVsRestClassifier(logistic), x, y)
    forest = RandomForestClassifier(**SMALL, **SEED)
    yield "forest_three", sklearn(forest, x, y)
    yield "forest_three_plain", sklearn(forest, x, y, options={"zipmap": False})
    yield "forest_text", sklearn(forest, x, texts)
    yield "forest_text_plain", sklearn(forest, x, texts, options={"zipmap": False})
    yield "boosting_three", sklearn(GradientBoostingClassifier(**SMALL, **SEED), x, y)
    yield "boosting_text", sklearn(GradientBoostingClassifier(**SMALL, **SEED), x, texts)
    network = make_pipeline(StandardScaler(), MLPClassifier((10,), max_iter=2000, **SEED))
    yield "network_text", sklearn(network, x, texts)
    yield "xgboost_three", xgboost(XGBClassifier(**SMALL, **SEED), x, y)
    yield "lightgbm_text", lightgbm(LGBMClassifier(**SMALL, **SEED, verbose=-1), x, texts)


def diabetes(x, y):
    yield "linear", sklearn(LinearRegression(), x, y)
    yield "linear_scaled", sklearn(make_pipeline(StandardScaler(), LinearRegression()), x, y)
    yield "forest_regression", sklearn(RandomForestRegressor(**SMALL, **SEED), x, y)
    yield "boosting_regression", sklearn(GradientBoostingRegressor(**SMALL, **SEED), x, y)
    yield "xgboost_regression", xgboost(XGBRegressor(**SMALL, **SEED), x, y)
    yield "lightgbm_regression", lightgbm(LGBMRegressor(**SMALL, **SEED, verbose=-1), x, y)


def answer(model, features):
    """The columns of what onnxruntime answers: a label or value, and a score per class."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    kind = np.float64 if taken.type == "tensor(double)" else np.float32
    first, *rest = session.run(None, {taken.name: features.astype(kind)})
    columns = [list(np.asarray(first).reshape(len(features)))]
    for scores in rest:
        if isinstance(scores, list):  # maps, as ZipMap makes them
            scores = np.array([[row[key] for key in sorted(row)] for row in scores])
        columns += [list(column) for column in scores.T]
    return columns


def text(value):
    return value if isinstance(value, str) else f"{value:.8g}" if isinstance(value, np.floating) else str(value)


def main():
    for make in (tumours, iris, diabetes):
        features, labels = read(make.__name__)
        names, columns = [], []
        for name, model in make(features, labels):
            model.graph.name = name  # some exporters write a random one
            opsets = sorted({(opset.domain, opset.version) for opset in model.opset_import})
            del model.opset_import[:]  # in no order, and one of them twice
            model.opset_import.extend(onnx.helper.make_opsetid(*opset) for opset in opsets)
            content = model.SerializeToString(deterministic=True)
            (HERE / f"{name}.onnx").write_bytes(content)
            answers = answer(content, with_holes(features) if name.endswith("_missing") else features)
            names += [f"{name}:{number}" for number in range(len(answers))]
            columns += answers
        lines = [",".join(names), *(",".join(map(text, row)) for row in zip(*columns, strict=True))]
        (HERE / f"{make.__name__}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
