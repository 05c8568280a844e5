"""What a deployment answered, whatever the shape of its model type."""

from typing import Any

import pytest

from support.cases import Case


def check_answer(answer: dict[str, Any], case: Case) -> None:
    """The answer is what onnxruntime says of the same rows."""
    predictions, probabilities = _columns(answer["predictions"])
    assert predictions == pytest.approx(case.predictions, rel=1e-5)
    assert len(probabilities) == len(case.probabilities)
    for found, expected in zip(probabilities, case.probabilities, strict=True):
        assert found == pytest.approx(expected, abs=1e-5)


def _columns(tables: list[dict[str, Any]]) -> tuple[list[float], list[list[float]]]:
    if "id" in tables[0]:
        # onnxruntime: one entry per output.
        outputs = [table["values"] for table in tables]
    else:
        # pytorch-onnx: one entry, whose rows have the outputs as their cells.
        rows = tables[0]["values"]
        outputs = [list(column) for column in zip(*rows, strict=True)]
    flat = [value[0] if isinstance(value, list) else value for value in outputs[0]]
    return flat, outputs[1] if len(outputs) > 1 else []
