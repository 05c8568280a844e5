"""Makes the small models of the tests beside this file. Run it with the packages of model/requirements.txt."""

from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper, save
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

FOLDER = Path(__file__).parent
OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
POINTS, LABELS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32), np.array([0, 1, 1, 1])


def write(name, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=8)
    save(model, FOLDER / f"{name}.onnx")
    return model


def port(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, list(shape))


def main():
    features = port("features", TensorProto.FLOAT, None, 2)
    answers = [port("label", TensorProto.INT64, None), port("probabilities", TensorProto.FLOAT, None, 2)]

    # One input per column, each of another type; their sum.
    names = ["first", "second", "third", "fourth"]
    kinds = [TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.INT32]
    casts = [helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT) for name in names]
    concat = helper.make_node("Concat", [f"{name}_float" for name in names], ["columns"], axis=1)
    add = helper.make_node("ReduceSum", ["columns", "axes"], ["sum"], keepdims=1)
    checker.check_model(write(
        "columns", [*casts, concat, add], [port(name, kind, None, 1) for name, kind in zip(names, kinds)],
        [port("sum", TensorProto.FLOAT, None, 1)], [numpy_helper.from_array(np.array([1]), "axes")],
    ))

    write("texts", [helper.make_node("Identity", ["texts"], ["same"])],
          [port("texts", TensorProto.STRING, None)], [port("same", TensorProto.STRING, None)])

    # An OR of its two features: by trees, and by a network of one hidden layer.
    trees = RandomForestClassifier(n_estimators=3, bootstrap=False, random_state=7).fit(POINTS, LABELS)
    trees = to_onnx(trees, initial_types=[("features", FloatTensorType([None, 2]))], options={"zipmap": False},
                    target_opset={"": 18, "ai.onnx.ml": 3}, name="trees")
    (FOLDER / "trees.onnx").write_bytes(trees.SerializeToString(deterministic=True))

    layers = [
        helper.make_node("Gemm", ["features", "w1", "b1"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["bent"]),
        helper.make_node("Gemm", ["bent", "w2", "b2"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    weights = {"w1": [[1, 0], [0, 1]], "b1": [0, 0], "w2": [[-2, 2], [-2, 2]], "b2": [1, -1]}
    weights = [numpy_helper.from_array(np.array(value, dtype=np.float32), name) for name, value in weights.items()]
    checker.check_model(write("network", layers, [features], answers, weights))

    # What is not there, and what is but is refused.
    binarizer = helper.make_node("Binarizer", ["features"], ["signs"], domain="ai.onnx.ml", threshold=0.0)
    machine = helper.make_node(
        "SVMRegressor", ["signs"], ["sum"], domain="ai.onnx.ml", coefficients=[1.0, 1.0], rho=[0.0],
    )
    write("lacking", [binarizer, machine], [features], [port("sum", TensorProto.FLOAT, None, 1)])
    one_score = helper.make_node(
        "LinearClassifier", ["features"], ["label", "probabilities"], domain="ai.onnx.ml",
        classlabels_ints=[0, 1], coefficients=[1.0, 1.0], intercepts=[-0.5], post_transform="PROBIT",
    )
    write("probit", [one_score], [features], answers)
    # Maps that the graph itself reads.
    maps = [
        helper.make_node("ZipMap", ["features"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
        helper.make_node("SequenceAt", ["maps", "first"], ["map"]),
    ]
    write("maps", maps, [features], [port("map", TensorProto.FLOAT, 2)], [numpy_helper.from_array(np.array(0), "first")])

    # A width that only the coefficients tell, and one that they contradict.
    regressor = helper.make_node("LinearRegressor", ["features"], ["sum"], domain="ai.onnx.ml", coefficients=[1.0, 2.0, 3.0])
    sums = port("sum", TensorProto.FLOAT, None, 1)
    write("free", [regressor], [port("features", TensorProto.FLOAT, None, None)], [sums])
    write("narrow", [regressor], [features], [sums])

    # Values for three columns, of which there are two.
    scaler = helper.make_node(
        "Scaler", ["features"], ["scaled"], domain="ai.onnx.ml", offset=[0.0, 0.0, 0.0], scale=[1.0, 1.0, 1.0],
    )
    write("scales", [scaler], [features], [port("scaled", TensorProto.FLOAT, None, 2)])

    def broken(name, change):
        """The trees, but for one change of their attributes."""
        model = ModelProto.FromString(trees.SerializeToString())
        (forest,) = [node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier"]
        change({attribute.name: attribute for attribute in forest.attribute}, forest.attribute)
        (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))

    # A tree whose first leaf is its root again.
    broken("circle", lambda named, _: named["nodes_truenodeids"].ints.__setitem__(0, 0))
    # Two classes with a score each, or with two values to start one score from.
    broken("second", lambda named, _: named["class_ids"].ints.__setitem__(0, 1))
    broken("bases", lambda _, all: all.append(helper.make_attribute("base_values", [0.1, 0.2])))
    # A weight of an inner node, and a feature that rows do not have.
    broken("inner", lambda named, _: named["class_nodeids"].ints.__setitem__(0, 0))
    broken("feature", lambda named, _: named["nodes_featureids"].ints.__setitem__(0, 7))

    # Weights that stand in a file of their own.
    outside = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[2, 2], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="weights.bin")
    write("split", [helper.make_node("MatMul", ["features", "weights"], ["scores"])],
          [features], [port("scores", TensorProto.FLOAT, None, 2)], [outside])


if __name__ == "__main__":
    main()
