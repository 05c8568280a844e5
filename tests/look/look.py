"""Opens the reports of every end of a run in Chromium, served with the policy that Jenkins sends with published files: says
what the browser refuses or reports, and what is wider than the window. Screenshots go to a folder, to be looked at.

Usage: look.py CHROMIUM STEPWISE FOLDER, in the repository.
"""

import functools
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

POLICY = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';"
WIDTHS = [800, 1600]
SCORING = "POST /ml/v4/deployments/*/predictions"

# Name, folder of the sample, a change to its spec, the fault that strikes its scoring, the exit code.
RUNS = [
    ("succeeded", "model", None, None, 0),
    ("missed", "model", ("gates: *gates", "gates: {accuracy: {at_least: 0.99}, recall: {at_least: 0.5, at_most: 0.6}}"), None, 4),
    ("failed", "model", ("retry: {attempts: 3}", "retry: {attempts: 1}"), "status: 503", 3),
    ("interrupted", "model", None, "stall: true", 130),
    ("left", "model", ("  - step: cleanup\n    when: always\n", ""), None, 0),
    ("multiclass", "tests/models/iris", None, None, 0),
    ("regression", "tests/models/diabetes", None, None, 0),
    ("custom", None, None, None, 3),
]
CUSTOM = """version: 1
name: custom
services:
  wml: {url: "${{ env.CPD_URL }}", auth: {kind: cp4d, username: "${{ env.CPD_USERNAME }}", api_key: "${{ secrets.CPD_API_KEY }}"}}
steps:
  - {module: greet.wasm, inputs: {limit: 5}, grant: {wml: ["GET /v2/spaces"]}}
  - {module: rogue.wasm, inputs: {do: panic, text: "<b>no</b> & `why`", times: 40}}
"""


class Jenkins(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_GET(self):
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


def run(stepwise, folder, name, sample, change, fault, code):
    """One dry run in a folder of its own."""
    work = folder / "work" / name
    if sample:
        shutil.copytree(sample, work)
    else:
        work.mkdir(parents=True)
        (work / "pipeline.yaml").write_text(CUSTOM)
        for guest in ["greet.wasm", "rogue.wasm"]:
            shutil.copy(stepwise.parent.parent / "guests" / guest, work)
    spec = work / "pipeline.yaml"
    if change:
        assert change[0] in spec.read_text(), change[0]
        spec.write_text(spec.read_text().replace(*change))
    command = [stepwise, "run", "--dry-run", spec, "--run", name, "--runs", folder / "runs"]
    if fault:
        faults = work / "faults.yaml"
        faults.write_text(f"faults:\n  - {{route: {SCORING}, from: 1, {fault}}}\n")
        command += ["--faults", faults]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if code == 130:
        for line in process.stderr:
            if line.startswith("score"):
                break
        process.send_signal(signal.SIGINT)
    errors = process.communicate()[1]
    assert process.returncode == code, f"{name} ended with {process.returncode}\n{errors}"
    return folder / "runs" / name


def killed(stepwise, folder):
    """A run that was killed while it scored, and then cleaned up; a stub of its own outlives it."""
    work = folder / "work" / "killed"
    shutil.copytree("model", work)
    faults = work / "faults.yaml"
    faults.write_text(f"faults:\n  - {{route: {SCORING}, nth: 1, stall: true}}\n")
    login = ["--username", "ci", "--api-key", "a-key-of-the-stub"]
    stub = subprocess.Popen([stepwise, "stub", *login, "--faults", faults], stdout=subprocess.PIPE, text=True)
    ready = json.loads(stub.stdout.readline())
    cluster = {"CPD_URL": ready["url"], "CPD_USERNAME": "ci", "CPD_API_KEY": "a-key-of-the-stub", "CPD_SPACE": ready["space_id"]}
    start = functools.partial(subprocess.Popen, env=os.environ | cluster, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    which = ["--run", "killed", "--runs", folder / "runs"]
    process = start([stepwise, "run", work / "pipeline.yaml", *which])
    for line in process.stderr:
        if line.startswith("score"):
            break
    process.kill()
    process.communicate()
    cleanup = start([stepwise, "cleanup", *which])
    errors = cleanup.communicate()[1]
    assert cleanup.returncode == 0, errors
    stub.terminate()
    stub.wait()
    return folder / "runs" / "killed"


def look(browser, report, shots):
    """What is wrong with a report."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Jenkins, directory=report))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    problems = []
    for width in WIDTHS:
        for scheme in ["light", "dark"]:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.on("console", lambda message: problems.append(message.text))
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("requestfailed", lambda request: problems.append(f"{request.url} was not loaded"))
            page.goto(f"http://127.0.0.1:{server.server_port}/report.html")
            for box in page.locator("header, section, figure, footer, table:not(.wide *), .facts > div").all():
                bounds = box.bounding_box()
                if bounds["x"] < 0 or bounds["x"] + bounds["width"] > width:
                    problems.append(f"at {width} pixels something reaches to {bounds['x'] + bounds['width']}")
            page.screenshot(path=shots / f"{report.name}-{width}-{scheme}.png", full_page=True)
            page.close()
    server.shutdown()
    return [f"{report.name}: {problem}" for problem in problems]


def main():
    chromium, stepwise, folder = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reports = [run(stepwise, folder, *case) for case in RUNS] + [killed(stepwise, folder)]
    problems = []
    with sync_playwright() as playwright:
        # The sandbox of the browser itself cannot be had as root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for report in reports:
            problems += look(browser, report, folder)
        browser.close()
    print("\n".join(problems) or f"{len(reports)} reports opened; look at them in {os.path.relpath(folder)}")
    sys.exit(bool(problems))


main()
