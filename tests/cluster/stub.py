"""The stub of the services, on the node's address, and what there is in it."""

import json
import os
import ssl
import subprocess
import urllib.request

VERSION = "2021-06-24"
API_KEY = "an-api-key-of-the-cluster-tests"
# What a client can make, as the services list it.
WML = ["models", "deployments"]
OPENSCALE = ["data_marts", "service_providers", "subscriptions", "monitor_instances", "data_sets"]


class Stub:
    """A stub of its own for each scenario: its faults, its certificate, its log."""

    def __init__(self, stepwise, folder, faults):
        self.certificate = folder / "stub.pem"
        self.log = folder / "requests.jsonl"
        command = [stepwise, "stub", "--tls", f"--listen={os.environ['NODE_ADDRESS']}:0", f"--api-key={API_KEY}"]
        command += [f"--certificate={self.certificate}", f"--request-log={self.log}"]
        if faults:
            file = folder / "faults.yaml"
            file.write_text(json.dumps({"faults": faults}))
            command.append(f"--faults={file}")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ready = json.loads(self.process.stdout.readline())
        self.url, self.username, self.space = ready["url"], ready["username"], ready["space_id"]
        self.mart = ready["data_mart_id"]
        self.context = ssl.create_default_context(cafile=self.certificate)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def send(self, path, body=None, token=""):
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        with urllib.request.urlopen(request, context=self.context) as answer:
            return json.load(answer)

    def token(self):
        """A token, as whoever keeps a token file fresh fetches it."""
        login = {"username": self.username, "api_key": API_KEY}
        return self.send("/icp4d-api/v1/authorize", login)["token"]

    def remaining(self):
        """What there is: kind and id."""
        token = self.token()
        lists = {kind: f"/ml/v4/{kind}?version={VERSION}&space_id={self.space}" for kind in WML}
        lists |= {kind: f"/openscale/{self.mart}/v2/{kind}" for kind in OPENSCALE}
        remaining = []
        for kind, path in lists.items():
            answer = self.send(path, token=token)
            objects = answer["resources"] if kind in WML else answer[kind]
            remaining += [f"{kind} {thing['metadata']['id']}" for thing in objects]
        return remaining

    def requests(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def made(self):
        """How many of each kind were made."""
        made = dict.fromkeys([*WML, *OPENSCALE[:-1]], 0)
        for request in self.requests():
            kind = request["path"].rsplit("/", 1)[1]
            if request["method"] == "POST" and kind in made and request["status"] in (200, 201, 202):
                made[kind] += 1
        return made
