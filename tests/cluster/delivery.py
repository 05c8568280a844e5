"""A delivery: the project's own manifests in a namespace of their own, with volumes, a stub, and a run."""

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from kubernetes import PATIENCE, Trouble, follow, kubectl, read, watch
from stub import API_KEY, Stub

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "resources/openshift/kubernetes"
SHARDS = MANIFESTS / "shards"
# What is only applied when it is to run.
RUNS = ("run", "prepare", "score", "finish")
# Of the overlay, and as OpenShift gives one: of a namespace's range, unknown to the image.
USER = 1000650000
EXPECTED = ROOT / "tests/expected"
TRUST = [f"services.{service}.ca_file=/trusted-ca/ca-bundle.crt" for service in ("wml", "openscale")]
DATA = [f"data.{name}.file=/data/{name}.csv" for name in ("training", "target")]


# A spec's errors end with how many there are.
COUNT = re.compile(r"error: \d+ errors? in ")


def same(what, found, expected):
    if found != expected:
        raise Trouble(f"{what}: expected {expected}, found {found}")


def close_to(expected, found, most):
    """Numbers by their names; those without a value are not compared."""
    for name, value in expected.items():
        if value is not None and abs(found[name] - value) > most:
            raise Trouble(f"{name}: expected {value}, found {found[name]}")


class Delivery:
    def __init__(self, name, folder, stepwise, image, faults=()):
        self.name, self.image, self.stepwise = name, image, stepwise
        self.run = f"tumour-screening-{name}"
        self.folder = folder / name
        self.work, self.data = self.folder / "work", self.folder / "data"
        self.left = self.work / "runs" / self.run
        # What an interrupted call has left.
        shutil.rmtree(self.folder, ignore_errors=True)
        for volume in (self.work, self.data):
            volume.mkdir(parents=True)
        # Only root's: that the pod may write there is the cluster's doing.
        self.work.chmod(0o770)
        for file in ("training.csv", "target.csv"):
            shutil.copy(ROOT / "model/data" / file, self.data)
        self.stub = Stub(stepwise, self.folder, list(faults))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error:
            error.add_note(self.tells())
        self.stub.stop()

    def kubectl(self, *arguments, **options):
        return kubectl("--namespace", self.name, *arguments, **options)

    def apply(self, settings=(), patches=(), secret=None, authority=None, more=(), start="run"):
        """Applies the manifests, changed where only this cluster can know, and `more` objects; warnings are errors. Of the
        Jobs it starts one, by its component."""
        address = self.stub.url.removeprefix("https://")
        host, port = address.split(":")
        configuration = {
            "CPD_URL": self.stub.url,
            "CPD_USERNAME": self.stub.username,
            "CPD_SPACE": self.stub.space,
            "STEPWISE_SET": "\n".join([*TRUST, *DATA, *settings]),
        }
        secret = {"CPD_API_KEY": API_KEY} if secret is None else secret
        bundle = {"ca-bundle.crt": (authority or self.stub.certificate).read_text()}
        trusted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stepwise-trusted-ca"}, "data": bundle}
        policy = [
            {"op": "replace", "path": "/spec/egress/0/to/0/ipBlock/cidr", "value": f"{host}/32"},
            {"op": "replace", "path": "/spec/egress/0/ports/0/port", "value": int(port)},
        ]
        change = [
            replace("ConfigMap", "^stepwise$", "/data", configuration),
            replace("Secret", "^stepwise$", "/data", {key: encoded(value) for key, value in secret.items()}),
            {"target": {"kind": "NetworkPolicy"}, "patch": json.dumps(policy)},
            *self.name_of(start),
            *[self.bind(claim) for claim in ("stepwise-runs", "stepwise-data")],
            *patches,
        ]
        more = [trusted, *more]
        files = [f"more-{number}.yaml" for number in range(len(more))]
        for file, thing in zip(files, more):
            (self.folder / file).write_text(json.dumps(thing))
        name, tag = self.image.rsplit(":", 1)
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": self.name,
            "resources": [*[os.path.relpath(folder, self.folder) for folder in self.manifests(start)], *files],
            "images": [{"name": "registry.example.com/models/tumour-screening", "newName": name, "newTag": tag}],
            "patches": change,
        }
        (self.folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1))
        kubectl("apply", "--filename=-", stdin=json.dumps(self.volumes()))
        # A pod that comes before its volumes waits for the scheduler to look again.
        self.apply_those(f"app.kubernetes.io/component notin ({','.join(RUNS)})")
        self.kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc", "--all", f"--timeout={PATIENCE}s")
        self.start(start)

    def apply_those(self, selector):
        kubectl("apply", "--kustomize", str(self.folder), "--warnings-as-errors", f"--selector={selector}")

    def start(self, component):
        """Starts the Job of this component."""
        self.apply_those(f"app.kubernetes.io/component={component}")

    def manifests(self, start):
        return [MANIFESTS] if start == "run" else [MANIFESTS, SHARDS]

    def name_of(self, start):
        """The run's name, which is its Job's; that of shards stays the overlay's."""
        name = replace("Job", ".*", "/metadata/name", self.run) | {"options": {"allowNameChange": True}}
        return [name] if start == "run" else []

    def bind(self, claim):
        patch = [
            {"op": "add", "path": "/spec/volumeName", "value": f"{self.name}-{claim}"},
            {"op": "add", "path": "/spec/storageClassName", "value": ""},
        ]
        return {"target": {"kind": "PersistentVolumeClaim", "name": claim}, "patch": json.dumps(patch)}

    def volumes(self):
        """The volumes that an administrator provides."""
        return {
            "apiVersion": "v1",
            "kind": "List",
            "items": [self.volume("stepwise-runs", self.work), self.volume("stepwise-data", self.data)],
        }

    def volume(self, claim, folder):
        on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node"]}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{self.name}-{claim}"},
            "spec": {
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteOnce"],
                "claimRef": {"namespace": self.name, "name": claim},
                "local": {"path": str(folder)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
            },
        }

    # What happens.

    def ends(self, job=None):
        """Waits until the Job has ended; answers its last condition: type and reason."""
        job = job or self.run

        def is_over(job):
            return any(is_end(condition) for condition in job["status"].get("conditions", []))

        def is_end(condition):
            return condition["type"] in ("Complete", "Failed") and condition["status"] == "True"

        ended = watch(self.name, ["job", job], is_over, f"the end of job {job}")
        condition = next(condition for condition in ended["status"]["conditions"] if is_end(condition))
        return condition["type"], condition.get("reason", "")

    def job(self):
        return read("job", self.run, f"--namespace={self.name}")

    def condition(self, kind):
        return next(condition for condition in self.job()["status"]["conditions"] if condition["type"] == kind)

    def pods(self):
        """The Job's pods, oldest first."""
        pods = read("pods", f"--namespace={self.name}", f"--selector=batch.kubernetes.io/job-name={self.run}")["items"]
        return sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def exits(self):
        """How each pod's program ended, oldest first."""
        return [terminated(pod).get("exitCode") for pod in self.pods()]

    def reaches(self, is_reached, what):
        """Waits for an event of the run."""
        events = self.left / "events.jsonl"

        def is_enough(line):
            return line.endswith("\n") and is_reached(json.loads(line))

        follow(["tail", "--lines=+1", "--follow=name", "--retry", str(events)], is_enough, what)

    def reaches_the_middle_of_score(self):
        """The first batch is scored; the service holds another. Answers the pod's name."""
        is_middle = lambda event: event["event"] == "progress" and event["step"] == "score" and event["done"] >= 20
        self.reaches(is_middle, "the first scored batch")
        return self.pods()[-1]["metadata"]["name"]

    # What it has come to.

    def says_once(self, text):
        """The only error that the run's log tells is this one."""
        log = self.shown_logs()
        told = [line for line in log.splitlines() if "error: " in line and not COUNT.search(line)]
        if len(told) != 1 or text not in told[0]:
            raise Trouble(f"expected one error, with `{text}`, found {len(told)}:\n{log}")

    def unchanged(self):
        """The steps whose work was not done again."""
        events = (self.left / "events.jsonl").read_text().splitlines()
        return [event["step"] for event in map(json.loads, events) if event["event"] == "step_unchanged"]

    def record(self):
        return json.loads((self.left / "run.json").read_text())

    def step(self, name):
        return next(step for step in self.record()["steps"] if step["id"] == name)

    def leaves_nothing(self):
        same("left in the services", self.stub.remaining(), [])

    def makes_nothing_twice(self):
        same("made", self.stub.made(), dict.fromkeys(self.stub.made(), 1))
        same("records of feedback", self.step("score")["outputs"]["feedback_records"], 171)

    def metrics_are_those_of_the_dry_run(self):
        expected = json.loads((EXPECTED / "tumour-screening.json").read_text())
        found = self.step("evaluate")["outputs"]
        close_to(expected["metrics"], found["metrics"], 1e-6)
        same("confusion matrix", found["confusion_matrix"]["values"], expected["confusion_matrix"]["values"])

    def predictions_are_those_of_the_dry_run(self):
        def rows(file):
            head, *lines = file.read_text().splitlines()
            return head, [[float(cell) for cell in line.split(",")] for line in lines]

        head, found = rows(self.left / "artifacts/score/predictions.csv")
        expected_head, expected = rows(EXPECTED / "tumour-screening.csv")
        same("columns of the predictions", head, expected_head)
        same("rows of the predictions", len(found), len(expected))
        for row, wanted in zip(found, expected):
            if any(abs(cell - value) > 1e-6 for cell, value in zip(row, wanted, strict=True)):
                raise Trouble(f"prediction: expected {wanted}, found {row}")

    def reports_are_there(self):
        for file in ("report.html", "report.css", "summary.md", "junit.xml"):
            if not (self.left / file).stat().st_size:
                raise Trouble(f"{file} is empty")

    def tells(self):
        """All that is known, for who looks for what went wrong."""
        parts = [
            self.shown("get", "jobs,pods", "--output=wide"),
            self.shown("get", "jobs", "--output=jsonpath={.items[*].status}"),
            self.shown("get", "events", "--sort-by=.lastTimestamp"),
            self.shown_logs(),
        ]
        return "\n".join(parts)

    def shown(self, *arguments):
        try:
            return self.kubectl(*arguments)
        except (Trouble, subprocess.TimeoutExpired) as error:
            return str(error)

    def shown_logs(self):
        return self.shown("logs", f"job/{self.run}", "--all-pods", "--tail=-1")


def replace(kind, name, path, value):
    patch = [{"op": "replace", "path": path, "value": value}]
    return {"target": {"kind": kind, "name": name}, "patch": json.dumps(patch)}


def job_patch(*operations):
    return {"target": {"kind": "Job"}, "patch": json.dumps(list(operations))}


def terminated(pod):
    statuses = pod["status"].get("containerStatuses") or [{}]
    return statuses[0].get("state", {}).get("terminated") or {}


def encoded(text):
    return base64.b64encode(text.encode()).decode()
