"""Makes the models of the other two problem types, with their data: iris (multiclass) and diabetes (regression).

Run it with the packages of model/requirements.txt. A second run writes the same bytes.
"""

from pathlib import Path

import onnx
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split

FOLDER = Path(__file__).parent
SEED = 7
OPSETS = {"": 18, "ai.onnx.ml": 3}


def write_csv(file, names, features, labels):
    lines = [",".join(names)]
    for row, label in zip(features.tolist(), labels.tolist(), strict=True):
        lines.append(",".join(map(repr, [*row, label])))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def make(name, label, names, data, labels, model, options):
    training, target, training_labels, target_labels = train_test_split(
        data, labels, test_size=0.3, random_state=SEED
    )
    exported = to_onnx(
        model.fit(training, training_labels),
        initial_types=[("features", FloatTensorType([None, data.shape[1]]))],
        options=options,
        target_opset=OPSETS,
        name=name,
    )
    del exported.opset_import[:]  # skl2onnx writes the main one twice
    exported.opset_import.extend(onnx.helper.make_opsetid(*opset) for opset in OPSETS.items())
    onnx.checker.check_model(exported, full_check=True)

    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(exported.SerializeToString(deterministic=True))
    write_csv(folder / "training.csv", [*names, label], training, training_labels)
    write_csv(folder / "target.csv", [*names, label], target, target_labels)


def main():
    iris = load_iris()
    names = [name.removesuffix(" (cm)").replace(" ", "_") for name in iris.feature_names]
    # Little freedom for the model, so that the metrics are not all 1; no stratifying, so that weights matter.
    classifier = LogisticRegression(C=0.02, max_iter=1000)
    make("iris", "species", names, iris.data, iris.target, classifier, {"zipmap": False})

    diabetes = load_diabetes(scaled=False)
    names = ["age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu"]
    regressor = LinearRegression()
    make("diabetes", "progression", names, diabetes.data, diabetes.target, regressor, None)


if __name__ == "__main__":
    main()
