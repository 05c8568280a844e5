"""Makes the small models of the tests beside this file. Run it with the packages of model/requirements.txt."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save
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


def classifier(**attributes):
    return helper.make_node(
        "LinearClassifier", ["features"], ["label", "probabilities"], domain="ai.onnx.ml",
        classlabels_ints=[0, 1], coefficients=[-1.0, -1.0, 1.0, 1.0], intercepts=[0.5, -0.5], **attributes,
    )


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

    # What tract lacks, and what it has but refuses.
    scaler = helper.make_node("Scaler", ["features"], ["scaled"], domain="ai.onnx.ml", offset=[0.0, 0.0], scale=[1.0, 1.0])
    linear = classifier()
    linear.input[0] = "scaled"
    zipmap = helper.make_node("ZipMap", ["probabilities"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    maps = helper.make_value_info("maps", helper.make_sequence_type_proto(helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))))
    write("scaler", [scaler, linear, zipmap], [features], [answers[0], maps])
    write("probit", [classifier(post_transform="PROBIT")], [features], answers)

    # A width that only the coefficients tell, and one that they contradict.
    regressor = helper.make_node("LinearRegressor", ["features"], ["sum"], domain="ai.onnx.ml", coefficients=[1.0, 2.0, 3.0])
    sums = port("sum", TensorProto.FLOAT, None, 1)
    write("free", [regressor], [port("features", TensorProto.FLOAT, None, None)], [sums])
    write("narrow", [regressor], [features], [sums])

    # A tree whose first leaf is its root again.
    (forest,) = [node for node in trees.graph.node if node.op_type == "TreeEnsembleClassifier"]
    (children,) = [attribute for attribute in forest.attribute if attribute.name == "nodes_truenodeids"]
    children.ints[0] = 0
    (FOLDER / "circle.onnx").write_bytes(trees.SerializeToString(deterministic=True))

    # Weights that stand in a file of their own.
    outside = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[2, 2], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="weights.bin")
    write("split", [helper.make_node("MatMul", ["features", "weights"], ["scores"])],
          [features], [port("scores", TensorProto.FLOAT, None, 2)], [outside])


if __name__ == "__main__":
    main()
