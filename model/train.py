"""Trains the tumour screening model: writes model.onnx, data/training.csv and data/target.csv beside this file.

Run it with the packages of requirements.txt. A second run writes the same bytes.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

FOLDER = Path(__file__).parent
LABEL = "malignant"
SEED = 7
OPSETS = {"": 18, "ai.onnx.ml": 3}  # old enough for every runtime that Watson Machine Learning has


def read():
    """The features' names, the features, and the labels: 1 is malignant (scikit-learn has it the other way round)."""
    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    return names, data.data, 1 - data.target


def fit(features, labels):
    """A logistic regression on standardized features, rewritten for the features as they are measured.

    The scaler is folded into the coefficients, so that the model is one operator and no step of the
    preparation can be forgotten: w·(x - mean)/scale + b = (w/scale)·x + (b - w·mean/scale).
    """
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=0.1, max_iter=1000).fit(scaler.transform(features), labels)
    model.intercept_ = model.intercept_ - model.coef_ @ (scaler.mean_ / scaler.scale_)
    model.coef_ = model.coef_ / scaler.scale_
    return model


def export(model, width):
    """The model as ONNX: `features` in, `label` and `probabilities` out."""
    exported = to_onnx(
        model,
        initial_types=[("features", FloatTensorType([None, width]))],
        options={"zipmap": False, "output_class_labels": False},
        target_opset=OPSETS,
        name="tumour-screening",
    )
    del exported.opset_import[:]  # skl2onnx writes the main one twice
    exported.opset_import.extend(onnx.helper.make_opsetid(*opset) for opset in OPSETS.items())
    onnx.checker.check_model(exported, full_check=True)
    return exported


def write_csv(file, names, features, labels):
    """One row per tumour, the label last; each number in the fewest digits that give it back."""
    lines = [",".join([*names, LABEL])]
    lines += [",".join([*map(repr, map(float, row)), str(label)]) for row, label in zip(features, labels, strict=True)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    names, features, labels = read()
    training, target, training_labels, target_labels = train_test_split(
        features, labels, test_size=0.3, random_state=SEED, stratify=labels
    )
    model = fit(training, training_labels)
    exported = export(model, len(names))

    (FOLDER / "data").mkdir(exist_ok=True)
    (FOLDER / "model.onnx").write_bytes(exported.SerializeToString(deterministic=True))
    write_csv(FOLDER / "data" / "training.csv", names, training, training_labels)
    write_csv(FOLDER / "data" / "target.csv", names, target, target_labels)

    session = onnxruntime.InferenceSession(FOLDER / "model.onnx", providers=["CPUExecutionProvider"])
    predicted, probabilities = session.run(None, {"features": target.astype(np.float32)})
    assert np.allclose(probabilities, model.predict_proba(target), atol=1e-5)
    print(f"{len(training)} training rows, {len(target)} target rows, accuracy {np.mean(predicted == target_labels):.4f}")


if __name__ == "__main__":
    main()
