"""What is there to say of the manifests without running them: are they read strictly, and taken without a warning?"""

import json
import subprocess

from delivery import ROOT
from kubernetes import Trouble, kubectl

FOLDER = ROOT / "resources/openshift"
NAMESPACE = "models"  # the one that the manifests make
# The API server of Kubernetes does not know these; they are read strictly all the same.
OPENSHIFT = ("build.openshift.io/", "image.openshift.io/")


def check():
    are_read_strictly()
    template_is_up_to_date("template", "template.yaml")
    template_is_up_to_date("template/shards", "template-shards.yaml")
    # Pods are only looked at where their namespace and service account are.
    kubectl("apply", "--kustomize", f"{FOLDER}/kubernetes", "--selector=app.kubernetes.io/component!=run")
    for overlay, at_least in ("kubernetes", 7), ("kubernetes/shards", 3):
        made = kubectl("kustomize", str(FOLDER / overlay))
        are_taken(objects("/dev/stdin", stdin=made), NAMESPACE, at_least)
    commit = ["RUN=3f2c1ab", "TAG=3f2c1ab"]
    are_taken(objects(str(FOLDER / "template.yaml"), *commit), NAMESPACE, at_least=7)
    are_taken(objects(str(FOLDER / "template-shards.yaml"), *commit), NAMESPACE, at_least=3)
    is_taken(agent_pod(), NAMESPACE)
    what_is_not_allowed_is_refused()


def agent_pod():
    """As the Kubernetes plugin asks for it on plain Kubernetes."""
    pod = objects(str(FOLDER / "agent-pod.yaml"))[0]
    pod["spec"]["securityContext"]["runAsUser"] = 1000
    names = [container["name"] for container in pod["spec"]["containers"]]
    if names != ["stepwise", "jnlp"]:
        raise Trouble(f"the agent's containers are {names}")
    pod["spec"]["containers"][1]["image"] = "jenkins/inbound-agent"
    return pod


def what_is_not_allowed_is_refused():
    """Else the checks above would prove nothing."""
    pod = agent_pod()
    pod["spec"]["securityContext"]["runAsNonRoot"] = False
    try:
        is_taken(pod, NAMESPACE)
    except Trouble as error:
        if "violates PodSecurity" in str(error):
            return
        raise
    raise Trouble("a pod that runs as root was taken")


def are_read_strictly():
    files = [file for file in FOLDER.rglob("*.yaml") if file.name not in ("kustomization.yaml", "header.yaml")]
    checked = subprocess.run(["check", *map(str, sorted(files))], capture_output=True, text=True)
    if checked.returncode != 0:
        raise Trouble(checked.stdout + checked.stderr)
    if len(files) < 10:
        raise Trouble(f"only {len(files)} manifests were checked")


def template_is_up_to_date(manifests, template):
    command = [FOLDER / "template/make", FOLDER / manifests]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if made != (FOLDER / template).read_text():
        raise Trouble(f"resources/openshift/{template} is not what its manifests make: run `make manifests`")


def objects(*arguments, stdin=None):
    """The objects of a file, those of a Template as `oc process` makes them."""
    printed = subprocess.run(["check", "--print", *arguments], input=stdin, capture_output=True, text=True)
    if printed.returncode != 0:
        raise Trouble(printed.stderr)
    return json.loads(printed.stdout)["items"]


def are_taken(things, namespace, at_least):
    """The API server takes them without a warning, and the pods of Jobs too, which it only looks at when they come."""
    known = [thing for thing in things if not thing["apiVersion"].startswith(OPENSHIFT)]
    if len(known) < at_least:
        raise Trouble(f"only {len(known)} objects are known to the API server")
    for thing in known:
        is_taken(thing, namespace)
        if thing["kind"] == "Job":
            is_taken({"apiVersion": "v1", "kind": "Pod", **thing["spec"]["template"]}, namespace)


def is_taken(thing, namespace):
    """It is asked for strictly, and not made."""
    thing.setdefault("metadata", {}).setdefault("name", "of-a-template")
    if thing["kind"] != "Namespace":
        thing["metadata"]["namespace"] = namespace
    command = ["kubectl", "apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "--filename=-"]
    ran = subprocess.run(command, input=json.dumps(thing), capture_output=True, text=True)
    if ran.returncode != 0 or ran.stderr:
        raise Trouble(f"{thing['kind']} {thing['metadata']['name']}: {ran.stderr}")
