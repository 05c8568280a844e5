"""Makes the small models beside it; needs `onnx` and `numpy`."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(name, nodes, inputs, outputs, weights):
    initializers = [numpy_helper.from_array(value, key) for key, value in weights.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, f"{name}.onnx")


def value(name, kind, *axes):
    return helper.make_tensor_value_info(name, kind, ["N", *axes])


def classifier(name, weights, bias):
    classes = weights.shape[1]
    nodes = [
        helper.make_node("Gemm", ["features", "weights", "bias"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    save(
        name,
        nodes,
        [value("features", TensorProto.FLOAT, weights.shape[0])],
        [value("label", TensorProto.INT64), value("probabilities", TensorProto.FLOAT, classes)],
        {"weights": weights, "bias": bias},
    )


f32 = np.float32
# The label is 1 where x1 + x2 > 0.
classifier("binary", np.array([[-0.5, 0.5], [-0.5, 0.5]], f32), np.zeros(2, f32))
# The label is 0 where x1 is largest, 1 where x2 is, 2 where neither is over 1.
classifier("multiclass", np.array([[1, 0, 0], [0, 1, 0]], f32), np.array([0, 0, 1], f32))
# 2 x1 + x2
save(
    "regression",
    [helper.make_node("MatMul", ["features", "weights"], ["variable"])],
    [value("features", TensorProto.FLOAT, 2)],
    [value("variable", TensorProto.FLOAT, 1)],
    {"weights": np.array([[2], [1]], f32)},
)
# Two inputs of their own: x1 - x2
save(
    "columns",
    [helper.make_node("Sub", ["x1", "x2"], ["difference"])],
    [value("x1", TensorProto.FLOAT, 1), value("x2", TensorProto.FLOAT, 1)],
    [value("difference", TensorProto.FLOAT, 1)],
    {},
)
