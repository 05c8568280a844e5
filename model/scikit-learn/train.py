import csv
import tarfile

import joblib
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

with open("../data/training.csv", encoding="utf-8", newline="") as file:
    rows = list(csv.reader(file))[1:]
features = [list(map(float, row[:-1])) for row in rows]
labels = [int(row[-1]) for row in rows]

pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
pipeline.fit(features, labels)

# What is deployed: exactly one pickle, at the top level of a tar.gz.
joblib.dump(pipeline, "model.joblib")
with tarfile.open("model.tar.gz", "w:gz") as archive:
    archive.add("model.joblib")

# Its twin, which stepwise can run: what the deployment answers is compared with it.
twin = to_onnx(
    pipeline,
    initial_types=[("features", FloatTensorType([None, len(features[0])]))],
    options={"zipmap": False},
    black_op={"Scaler"},  # subtracts and divides instead
    target_opset={"": 18, "ai.onnx.ml": 3},
)
with open("twin.onnx", "wb") as file:
    file.write(twin.SerializeToString())
