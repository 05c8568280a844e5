#!/usr/bin/env python3
"""Runs the pipeline's image on a cluster, one scenario at a time or several, and says of each how it ended.

usage: scenarios.py --stepwise PROGRAM --image NAME:TAG --folder FOLDER [SCENARIO]...
Started by `run` inside `tests/kubernetes/cluster`. Every function with `scenario` above it is one.
"""

import argparse
import filecmp
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import large
import manifests
import processes
from delivery import USER, Delivery, close_to, encoded, job_patch, same, terminated
from kubernetes import Trouble, kubectl, read
from stub import API_KEY

# On two cores more at once would only wait for each other.
AT_ONCE = 3
PREDICTIONS = "POST /ml/v4/deployments/*/predictions"
SCENARIOS = {"manifests": lambda options: manifests.check()}


def scenario(*faults):
    """Declares a scenario: a delivery of its own, the stub with these faults."""
    def declare(function):
        name = function.__name__.replace("_", "-")

        def play(options):
            with Delivery(name, options.folder, options.stepwise, options.image, faults) as delivery:
                function(delivery)

        SCENARIOS[name] = play
        return function
    return declare


@scenario()
def whole_pipeline(delivery):
    """The Job runs the pipeline as an arbitrary user, and leaves its reports and nothing else."""
    delivery.apply()
    same("end", delivery.ends()[0], "Complete")
    same("exit codes", delivery.exits(), [0])
    delivery.metrics_are_those_of_the_dry_run()
    delivery.predictions_are_those_of_the_dry_run()
    delivery.reports_are_there()
    delivery.makes_nothing_twice()
    delivery.leaves_nothing()


@scenario()
def missed_gate(delivery):
    """The Job fails with 4, once."""
    delivery.apply(["steps.evaluate.inputs.gates.accuracy.at_least=0.99"])
    same("end", delivery.ends(), ("Failed", "PodFailurePolicy"))
    same("exit codes", delivery.exits(), [4])
    same("outcome", delivery.record()["outcome"], "gate_missed")
    delivery.metrics_are_those_of_the_dry_run()
    delivery.leaves_nothing()


# Held for longer than anybody waits.
HELD = {"route": PREDICTIONS, "nth": 2, "delay_ms": 3_600_000}
SMALL = ["steps.score.inputs.batch_rows=20"]


@scenario(HELD)
def deleted_pod(delivery):
    """SIGTERM in the middle of `score`: what must follow runs, and the Job is not tried again."""
    delivery.apply(SMALL)
    pod = delivery.reaches_the_middle_of_score()
    is_confined(delivery)
    delivery.kubectl("delete", "pod", pod)
    same("end", delivery.ends(), ("Failed", "PodFailurePolicy"))
    message = delivery.condition("Failed")["message"]
    if "failed with exit code 143 matching FailJob rule at index 2" not in message:
        raise Trouble(f"the Job failed otherwise: {message}")
    same("outcome", delivery.record()["outcome"], "interrupted")
    same("score", delivery.step("score")["outcome"], "interrupted")
    same("cleanup", delivery.step("cleanup")["outcome"], "succeeded")
    delivery.reports_are_there()
    delivery.leaves_nothing()


def is_confined(delivery):
    """What the kernel says of the process while it runs."""
    process = processes.of_run(delivery.run)
    status = processes.status(process)
    same("user", status["Uid"], [str(USER)] * 4)
    same("group", status["Gid"], ["0"] * 4)
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        same(capabilities, int(status[capabilities][0], 16), 0)
    same("no new privileges", status["NoNewPrivs"], ["1"])
    same("seccomp", status["Seccomp"], ["2"])
    same("root file system", processes.root_options(process)[0], "ro")
    if API_KEY.encode() in (process / "environ").read_bytes():
        raise Trouble("the API key is in the environment")


@scenario(HELD)
def evicted_pod(delivery):
    """A drained node is not the run's fault: the next pod goes on, and the Job counts no failure."""
    delivery.apply(SMALL)
    pod = delivery.reaches_the_middle_of_score()
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": delivery.name}}
    path = f"/api/v1/namespaces/{delivery.name}/pods/{pod}/eviction"
    kubectl("create", "--raw", path, "--filename=-", stdin=json.dumps(eviction))
    same("end", delivery.ends()[0], "Complete")
    same("failures", delivery.job()["status"].get("failed", 0), 0)
    delivery.metrics_are_those_of_the_dry_run()
    delivery.leaves_nothing()


@scenario({"route": PREDICTIONS, "nth": 2, "endless": True})
def out_of_memory(delivery):
    """An answer without end, which the step may keep, kills the pod; the next one resumes the run from the volume."""
    lifted = [f"steps.score.limits.{limit}=8GiB" for limit in ("memory", "response")]
    memory = {"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/memory", "value": "512Mi"}
    delivery.apply([*SMALL, *lifted], [job_patch(memory)])
    same("end", delivery.ends()[0], "Complete")
    same("reasons", [terminated(pod)["reason"] for pod in delivery.pods()], ["OOMKilled", "Completed"])
    same("steps that were not done again", delivery.unchanged(), ["store", "deploy", "subscribe"])
    delivery.makes_nothing_twice()
    delivery.metrics_are_those_of_the_dry_run()
    delivery.predictions_are_those_of_the_dry_run()
    delivery.leaves_nothing()


@scenario({"route": PREDICTIONS, "nth": 2, "expire_tokens": True})
def changed_token(delivery):
    """The token ends in the middle of `score`; the run goes on with the one that Kubernetes puts into the file."""
    logins = [f"services.{service}.auth.{value}" for service in ("wml", "openscale") for value in (
        "kind=token_file", "file=/token/token", "username=null", "api_key=null")]
    patience = ["steps.score.retry.attempts=20", "steps.score.retry.on=[unavailable, refused]",
                "steps.score.retry.backoff={first: 1s, factor: 1, jitter: 0}"]
    projected = {"name": "token", "projected": {"sources": [{"secret": {"name": "token"}}]}}
    mount = {"name": "token", "mountPath": "/token", "readOnly": True}
    volume = job_patch({"op": "add", "path": "/spec/template/spec/volumes/-", "value": projected},
                       {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts/-", "value": mount})
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"},
              "stringData": {"token": delivery.stub.token()}}
    delivery.apply([*SMALL, *logins, *patience], [volume], secret={}, more=[secret])
    delivery.reaches(lambda event: event["event"] == "step_retried", "a try with the ended token")
    change = {"data": {"token": encoded(delivery.stub.token())}}
    delivery.kubectl("patch", "secret", "token", "--patch", json.dumps(change))
    same("end", delivery.ends()[0], "Complete")
    same("exit codes", delivery.exits(), [0])
    if not any(request["status"] == 401 for request in delivery.stub.requests()):
        raise Trouble("the token did not end")
    delivery.makes_nothing_twice()
    delivery.metrics_are_those_of_the_dry_run()
    delivery.leaves_nothing()


@scenario()
def wrong_authority(delivery):
    """Whom the bundle does not vouch for gets no credential; the run says what to do."""
    other = delivery.folder / "other.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-days", "2"]
    subprocess.run([*make, "-keyout", "/dev/null", "-out", other], check=True, capture_output=True)
    delivery.apply(authority=other)
    same("end", delivery.ends(), ("Failed", "PodFailurePolicy"))
    same("exit codes", delivery.exits(), [3])
    delivery.says_once("no secure connection to")
    same("requests", [request["path"] for request in delivery.stub.requests()], [])


@scenario()
def missing_secret(delivery):
    """A Secret without the key that the spec reads: nothing is run, and the error names it."""
    delivery.apply(secret={"OTHER_KEY": "of no use here"})
    same("end", delivery.ends(), ("Failed", "PodFailurePolicy"))
    same("exit codes", delivery.exits(), [2])
    delivery.says_once("CPD_API_KEY")
    same("requests", delivery.stub.requests(), [])


ROWS = 400_000
SHARDS = 4
BIG = [f"steps.score.shards={SHARDS}", "steps.score.timeout=1h", "steps.evaluate.inputs.timeout_seconds=1200",
       "steps.evaluate.timeout=1h"]


@scenario()
def shards(delivery):
    """Four pods score 400,000 rows; one is killed, another one deleted, both are tried again: all is as in one piece."""
    delivery.run = "tumour-screening-3f2c1ab"
    delivery.left = delivery.work / "runs" / delivery.run
    target = delivery.data / "target.csv"
    large.write(target, ROWS)
    cheap = {"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "100m"}
    delivery.apply(BIG, [job_patch(cheap)], start="prepare")
    same("preparation", delivery.ends("tumour-screening-prepare-3f2c1ab")[0], "Complete")
    delivery.start("score")
    middle = lambda event: event["event"] == "progress" and event["step"] == "score.2" and event["done"] >= 20_000
    delivery.reaches(middle, "the middle of shard 2")
    os.kill(int(processes.of_run(delivery.run, "2").name), signal.SIGKILL)
    delivery.kubectl("delete", "pod", "--wait=false", "--selector=batch.kubernetes.io/job-completion-index=1")
    same("shards", delivery.ends("tumour-screening-score-3f2c1ab")[0], "Complete")
    counts = read("job", "tumour-screening-score-3f2c1ab", f"--namespace={delivery.name}")["status"]
    same("pods that failed", counts["failed"], 2)
    delivery.start("finish")
    same("end", delivery.ends("tumour-screening-finish-3f2c1ab")[0], "Complete")
    same("work not done again", delivery.unchanged()[-7:],
         ["store", "deploy", "subscribe", *[f"score.{shard}" for shard in range(SHARDS)]])
    whole = large.in_one_piece(delivery.stepwise, delivery.folder, target, BIG[1:])
    # The monitor sums up the records in the order of their coming, so that last digits differ.
    close_to(whole.step("evaluate")["outputs"]["metrics"], delivery.step("evaluate")["outputs"]["metrics"], 1e-9)
    for count in ("rows", "payload_records", "feedback_records"):
        same(count, delivery.step("score")["outputs"][count], ROWS)
    if not filecmp.cmp(delivery.left / large.PREDICTIONS, whole.left / large.PREDICTIONS, shallow=False):
        raise Trouble("the predictions are not those of one piece")
    same("made", delivery.stub.made(), dict.fromkeys(delivery.stub.made(), 1))
    delivery.leaves_nothing()


def run(name, options):
    """Runs one scenario; answers what went wrong, if anything did."""
    start, wrong = time.monotonic(), ""
    try:
        SCENARIOS[name](options)
    except Trouble as error:
        wrong = "\n".join([str(error), *getattr(error, "__notes__", [])])
    except Exception:  # whatever it is, the other scenarios go on
        wrong = traceback.format_exc()
    print(f"{'failed' if wrong else 'passed'}  {name:<18} {time.monotonic() - start:5.1f} s", flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stepwise", required=True, help="program that serves the stub")
    parser.add_argument("--image", required=True, help="image that the node knows")
    parser.add_argument("--folder", required=True, type=lambda folder: Path(folder).resolve())
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="all, if none is named")
    options = parser.parse_args()
    names = options.names or sorted(SCENARIOS, key=lambda name: name != "shards")  # the longest first
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"there is no scenario {', '.join(unknown)}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        troubles = dict(zip(names, pool.map(lambda name: run(name, options), names)))
    for name, wrong in troubles.items():
        if wrong:
            print(f"\nscenario {name} failed: {wrong}", file=sys.stderr)
    failed = [name for name, wrong in troubles.items() if wrong]
    if failed:
        sys.exit(f"{len(failed)} of {len(names)} scenarios failed: {', '.join(failed)}")
    print(f"{len(names)} scenarios passed")


if __name__ == "__main__":
    main()
