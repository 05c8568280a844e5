"""kubectl: what the tests ask of the cluster, and how they wait for it."""

import json
import subprocess
import threading

# Seconds. Nothing that is waited for takes this long, even where others use the machine too; and much less than the whole cluster
# may take, so that a scenario that waits in vain can tell.
PATIENCE = 300


class Trouble(Exception):
    """Something is not as it should be."""


def kubectl(*arguments, stdin=None):
    """Runs kubectl; answers its output."""
    ran = subprocess.run(["kubectl", *arguments], input=stdin, capture_output=True, text=True, timeout=PATIENCE)
    if ran.returncode != 0:
        raise Trouble(f"kubectl {' '.join(arguments)}: {ran.stderr.strip()}")
    return ran.stdout


def read(*arguments):
    """What `kubectl get` answers."""
    return json.loads(kubectl("get", *arguments, "--output=json"))


def follow(command, is_enough, what):
    """Runs a command that prints as things happen, until a line is enough; answers what `is_enough` says of it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = threading.Timer(PATIENCE, process.kill)
    end.start()
    said = ""
    try:
        for line in process.stdout:
            said += line
            found = is_enough(line)
            if found:
                return found
    finally:
        end.cancel()
        process.kill()
        errors = process.stderr.read()
        process.wait()
    raise Trouble(f"waited in vain for {what}\n{said[-3000:]}{errors}")


def watch(namespace, kind, is_so, what):
    """Waits until an object is as it should be; answers it."""
    command = ["kubectl", "--namespace", namespace, "get", *kind, "--watch", "--output=json"]
    decoder, text = json.JSONDecoder(), ""

    def is_enough(line):
        nonlocal text
        text += line
        # Each object ends with a brace at the beginning of a line.
        if not line.startswith("}"):
            return None
        found, _ = decoder.raw_decode(text.lstrip())
        text = ""
        return found if is_so(found) else None

    return follow(command, is_enough, what)
