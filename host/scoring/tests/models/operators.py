"""Makes operators.onnx, one output per way in which `ai.onnx.ml` can be meant, and operators.csv, what onnxruntime
answers: a row per row of POINTS, a column per number of an output. Run it with the packages of
model/requirements.txt. A second run writes the same bytes.
"""

from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, save

FOLDER = Path(__file__).parent
OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
# The tests have them too. They meet thresholds exactly, and some are missing.
POINTS = np.array([[-2, 0.1], [-1, -3], [0, 0], [0.5, 0.2], [1, np.nan], [np.nan, 0.1], [2, 4]], dtype=np.float32)
BASES = {"without base": [], "with base": [0.4, 0.2, 0.1]}
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]


class Graph:
    def __init__(self):
        self.nodes, self.outputs = [], []

    def doubles(self):
        self.nodes.append(helper.make_node("Cast", ["features"], ["doubles"], to=TensorProto.DOUBLE))
        return "doubles"

    def integers(self):
        """Signs, since there is no integer for what is missing."""
        zero = numpy_helper.from_array(np.float32(0), "zero")
        self.nodes += [
            helper.make_node("Constant", [], ["zero"], value=zero),
            helper.make_node("Greater", ["features", "zero"], ["positive"]),
            helper.make_node("Cast", ["positive"], ["integers"], to=TensorProto.INT32),
        ]
        return "integers"

    def add(self, operator, name, outputs, source="features", **attributes):
        names = [f"{name}/{output}" for output in outputs]
        given = {key: value for key, value in attributes.items() if value != []}
        self.nodes.append(helper.make_node(operator, [source], names, domain="ai.onnx.ml", **given))
        for output, kind in zip(names, outputs.values(), strict=True):
            self.outputs.append(helper.make_tensor_value_info(output, kind, None))

    def classifier(self, operator, name, labels, source="features", **attributes):
        texts = isinstance(labels[0], str)
        kind = {"LinearClassifier": "ints"}.get(operator, "int64s")
        attributes[f"classlabels_{'strings' if texts else kind}"] = labels
        kinds = {"label": TensorProto.STRING if texts else TensorProto.INT64, "scores": TensorProto.FLOAT}
        self.add(operator, name, kinds, source, **attributes)


def stumps(prefix, leaves, mode="BRANCH_LEQ", missing=0, thresholds=(-1, 0, 1), feature=0, double=False):
    """A tree of one test per threshold; `leaves` gives, per tree and side, the pairs of output and weight."""
    nodes, weights = [], []
    for tree, threshold in enumerate(thresholds):
        nodes += [(tree, 0, mode, threshold, 1, 2, missing)]
        nodes += [(tree, node, "LEAF", 0.0, 0, 0, 0) for node in (1, 2)]
        weights += [(tree, node, *pair) for node in (1, 2) for pair in leaves(tree, node - 1)]
    trees, ids, modes, values, yes, no, tracks = map(list, zip(*nodes, strict=True))
    weight_trees, weight_ids, outputs, given = map(list, zip(*weights, strict=True))
    attributes = {
        "nodes_treeids": trees, "nodes_nodeids": ids, "nodes_modes": modes, "nodes_truenodeids": yes,
        "nodes_falsenodeids": no, "nodes_featureids": [feature] * len(nodes),
        "nodes_missing_value_tracks_true": tracks, f"{prefix}_treeids": weight_trees,
        f"{prefix}_nodeids": weight_ids, f"{prefix}_ids": outputs,
    }
    for name, numbers in {"nodes_values": values, f"{prefix}_weights": given}.items():
        if double:
            attributes[f"{name}_as_tensor"] = numpy_helper.from_array(np.array(numbers, dtype=np.float64), name)
        else:
            attributes[name] = list(map(float, numbers))
    return attributes


def one(low, high):
    return lambda tree, side: [(0, (low, high)[side] * (tree + 1) / 2)]


def each(*pairs):
    return lambda tree, side: [(output, pair[side]) for output, pair in enumerate(pairs)]


def gaps(tree, side):
    """The last of three outputs never has a weight, the others only sometimes."""
    return [(tree % 2, (-0.5, -0.75)[side])]


THREE = each((0.2, 0.3), (0.3, 0.35), (0.1, 0.2))
MIXED = each((0.5, -0.25), (-0.3, 0.6), (0.1, 0.2))


def fill(graph):
    trees, values = "TreeEnsembleClassifier", {"values": TensorProto.FLOAT}
    for (layout, leaves), base, transform in product(
        {"shares": one(0.1, 0.3), "margins": one(-0.5, 0.7)}.items(), BASES, TRANSFORMS[:-1]
    ):
        graph.classifier(
            trees, f"two classes/{layout}/{base}/{transform}", [10, 11], base_values=BASES[base][:1],
            post_transform=transform, **stumps("class", leaves),
        )
    for (layout, leaves), base, transform in product(
        {"shares": THREE, "margins": MIXED, "gaps": gaps}.items(), BASES, TRANSFORMS
    ):
        graph.classifier(
            trees, f"three classes/{layout}/{base}/{transform}", ["b", "c", "a"], base_values=BASES[base],
            post_transform=transform, **stumps("class", leaves),
        )
    graph.classifier(trees, "two texts", ["no", "yes"], **stumps("class", one(0.1, 0.3)))

    for (targets, leaves), aggregate, base, transform in product(
        {"one target": one(0.1, 0.3), "three targets": MIXED, "gaps": gaps}.items(),
        ("SUM", "AVERAGE", "MIN", "MAX"), BASES, TRANSFORMS,
    ):
        if aggregate != "SUM" and transform != "NONE":
            continue
        count = 1 if targets == "one target" else 3
        graph.add(
            "TreeEnsembleRegressor", f"{targets}/{aggregate}/{base}/{transform}", values, n_targets=count,
            aggregate_function=aggregate, base_values=BASES[base][:count], post_transform=transform,
            **stumps("target", leaves),
        )

    for mode, missing in product(("LEQ", "LT", "GTE", "GT", "EQ", "NEQ"), (0, 1)):
        attributes = stumps("target", one(1, 2), f"BRANCH_{mode}", missing)
        graph.add("TreeEnsembleRegressor", f"test/{mode}/{missing}", values, n_targets=1, **attributes)
    # 0.1 in double precision is less than 0.1 in single precision.
    double, integer = graph.doubles(), graph.integers()
    for source, exact in ((double, True), (double, False), (integer, False)):
        attributes = stumps("target", one(0.1, 0.3), thresholds=(0.1, 0.2), feature=1, double=exact)
        if source == double:  # onnxruntime has none of integers
            name = f"regressor of {source}/{exact}"
            graph.add("TreeEnsembleRegressor", name, values, source, n_targets=1, **attributes)
        attributes = stumps("class", MIXED, thresholds=(0.1, 0.2), feature=1, double=exact)
        graph.classifier(trees, f"classifier of {source}/{exact}", [0, 1, 2], source, **attributes)

    for scores, transform in product((1, 2, 3), TRANSFORMS):
        if (scores, transform) == (1, "PROBIT"):
            continue
        graph.classifier(
            "LinearClassifier", f"linear/{scores}/{transform}", [5, 6, 7][: max(scores, 2)],
            post_transform=transform, intercepts=[0.1, 0.2, 0.3][:scores],
            coefficients=[0.5, -0.1, -1.0, 0.2, 2.0, 0.3][: 2 * scores],
        )
    # Scores so large that their logistic is 1 for several classes.
    graph.classifier(
        "LinearClassifier", "linear large", ["x", "y", "z"], post_transform="LOGISTIC",
        intercepts=[80.0, 90.0, 70.0], coefficients=[0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
    )
    graph.classifier("LinearClassifier", "linear integers", [0, 1], integer, intercepts=[0.5], coefficients=[1.0, 2.0])
    graph.add("Scaler", "scaler of columns", values, offset=[0.5, -1.0], scale=[2.0, 0.3])
    graph.add("Scaler", "scaler of all", values, offset=[0.5], scale=[3.0])
    graph.add("Scaler", "scaler of integers", values, integer, offset=[0.5, -1.0], scale=[2.0, 0.3])
    for norm in ("MAX", "L1", "L2"):
        graph.add("Normalizer", f"normalizer {norm}", values, norm=norm)
        graph.add("Normalizer", f"normalizer of doubles {norm}", values, double, norm=norm)


def main():
    graph = Graph()
    fill(graph)
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 2])
    made = helper.make_graph(graph.nodes, "operators", [features], graph.outputs)
    model = helper.make_model(made, opset_imports=OPSETS, ir_version=8)
    save(model, FOLDER / "operators.onnx")

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = session.run(None, {"features": POINTS})
    names, columns = [], []
    for output, answer in zip(session.get_outputs(), answers, strict=True):
        answer = answer.reshape(len(POINTS), -1)
        names += [f"{output.name}:{column}" for column in range(answer.shape[1])]
        columns += list(answer.T)
    lines = [",".join(names), *(",".join(map(str, row)) for row in zip(*columns, strict=True))]
    (FOLDER / "operators.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
