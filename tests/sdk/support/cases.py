"""The models of the tests: binary, multiclass, regression, each with what it must answer and measure."""

import csv
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.stub import REPOSITORY


@dataclass(frozen=True)
class Case:
    """A model, its rows, and what scikit-learn and onnxruntime say of them."""

    name: str
    problem: str
    label: str
    folder: str
    data: str
    # What the label is, as a column of a table.
    label_type: type

    def __str__(self) -> str:
        return self.problem

    @property
    def features(self) -> list[str]:
        return [column for column in self._table("target")[0] if column != self.label]

    @property
    def rows(self) -> list[list[float]]:
        """The rows to score, without their labels."""
        return [[float(row[column]) for column in self.features] for row in self._table("target")]

    @property
    def labels(self) -> list[float]:
        return [self.label_type(float(row[self.label])) for row in self._table("target")]

    @property
    def target(self) -> Path:
        return REPOSITORY / self.folder / self.data / "target.csv"

    @property
    def predictions(self) -> list[float]:
        """What the model answers to each row."""
        return [float(row["prediction"]) for row in self._expected()]

    @property
    def probabilities(self) -> list[list[float]]:
        """The probabilities of each row; empty for a regression."""
        names = [name for name in self._expected()[0] if name.startswith("probability_")]
        return [[float(row[name]) for name in names] for row in self._expected()] if names else []

    @property
    def metrics(self) -> dict[str, float]:
        """The quality metrics that the rows with their labels have."""
        file = REPOSITORY / "tests/expected" / f"{self.name}.json"
        metrics: dict[str, float | None] = json.loads(file.read_text())["metrics"]
        return {name: value for name, value in metrics.items() if value is not None}

    def archive(self, folder: Path) -> Path:
        """The model as the clients want it: alone in a zip."""
        file = folder / f"{self.name}.zip"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(REPOSITORY / self.folder / "model.onnx", "model.onnx")
        return file

    def schema(self) -> dict[str, Any]:
        """The input columns in WML's form."""
        fields = [{"name": name, "type": "double"} for name in self.features]
        return {"id": "1", "type": "struct", "fields": fields}

    def output_schema(self) -> dict[str, Any]:
        """The model's outputs in WML's form."""
        fields: list[dict[str, Any]] = [
            {"name": "label", "type": "integer"},
            {"name": "probabilities", "type": "array"},
        ]
        if not self.probabilities:
            fields = [{"name": "variable", "type": "double"}]
        return {"id": "1", "type": "struct", "fields": fields}

    def _table(self, name: str) -> list[dict[str, str]]:
        with (REPOSITORY / self.folder / self.data / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def _expected(self) -> list[dict[str, str]]:
        with (REPOSITORY / "tests/expected" / f"{self.name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))


BINARY = Case("tumour-screening", "binary", "malignant", "model", "data", int)
MULTICLASS = Case("iris", "multiclass", "species", "tests/models/iris", ".", int)
REGRESSION = Case("diabetes", "regression", "progression", "tests/models/diabetes", ".", float)
CASES = [BINARY, MULTICLASS, REGRESSION]
