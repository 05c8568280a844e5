"""The stub, served by the real binary over https."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
STEPWISE = os.environ.get("STEPWISE", str(REPOSITORY / "target/debug/stepwise"))
USERNAME = "stepwise"
PASSWORD = "stepwise-password"
API_KEY = "stepwise-api-key"


@dataclass(frozen=True)
class Stub:
    """A stub that is being served."""

    url: str
    platform_url: str
    space_id: str
    data_mart_id: str
    certificate: Path
    log: Path

    @classmethod
    @contextmanager
    def serve(cls, folder: Path, dialect: str) -> Iterator["Stub"]:
        """Serves a stub that the clients trust, on a free port; what it writes goes to the folder."""
        name = uuid.uuid4().hex
        certificate, log = folder / f"{name}.pem", folder / f"{name}.jsonl"
        command = [STEPWISE, "stub", "--tls", "--dialect", dialect]
        command += ["--certificate", str(certificate), "--request-log", str(log)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the stub did not start: {' '.join(command)}"
        ready = json.loads(line)
        # One at a time: all stubs' certificates have the same name, by which OpenSSL looks them up.
        Path(os.environ["REQUESTS_CA_BUNDLE"]).write_text(certificate.read_text())
        yield cls(
            url=ready["url"],
            platform_url=ready.get("platform_url", ready["url"]),
            space_id=ready["space_id"],
            data_mart_id=ready["data_mart_id"],
            certificate=certificate,
            log=log,
        )
        process.terminate()
        process.communicate()

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far, in the order of their ends."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def sent(self, method: str, path: str) -> list[dict[str, Any]]:
        """The requests of that method whose path ends so."""
        return [one for one in self.requests() if one["method"] == method and one["path"].endswith(path)]
