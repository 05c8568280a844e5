"""A large data set, and what one process makes of it."""

import csv
import json
import os
import random
import subprocess
from pathlib import Path

from delivery import ROOT
from kubernetes import Trouble

PREDICTIONS = "artifacts/score/predictions.csv"
RUN = "one-piece"


def write(file, rows):
    """Rows like those of the sample's data set, each measurement a little off; always the same."""
    with open(ROOT / "model/data/target.csv", newline="") as source:
        header, *known = csv.reader(source)
    label = header.index("malignant")
    chance = random.Random(17)
    with open(file, "w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(header)
        for number in range(rows):
            row = known[number % len(known)]
            off = 1 + chance.uniform(-0.1, 0.1)
            table.writerow([cell if n == label else f"{float(cell) * off:.6g}" for n, cell in enumerate(row)])


class Whole:
    """A run of one process, in a dry run."""

    def __init__(self, folder):
        self.left = folder / "runs" / RUN

    def step(self, name):
        record = json.loads((self.left / "run.json").read_text())
        return next(step for step in record["steps"] if step["id"] == name)


def in_one_piece(stepwise, folder, target, settings):
    command = [stepwise, "run", "--dry-run", ROOT / "model/pipeline.yaml", "--runs", folder / "runs", "--run", RUN]
    for setting in [f"data.target.file={target}", *settings]:
        command += ["--set", setting]
    steps = Path(stepwise).resolve().parents[1] / "steps"
    environment = {**os.environ, "STEPWISE_STEPS": str(steps), "STEPWISE_CACHE": str(folder / "cache")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ran.returncode != 0:
        raise Trouble(f"the run in one piece ended with {ran.returncode}: {ran.stderr}")
    return Whole(folder)
