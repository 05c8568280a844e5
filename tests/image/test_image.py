#!/usr/bin/env python3
"""Tests the image as a cluster would have it: an arbitrary user id, a root that cannot be written, no shell.

`make test-image` calls this. The image is built as `make image` builds it, unpacked, and its program is run in it
with chroot, in namespaces of its own; the registry that it is pushed to is a real one.
"""

import base64
import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

TREE = pathlib.Path(__file__).resolve().parents[2]
ARCHIVE = TREE / "target/image/stepwise.tar"
# A user id as OpenShift gives one to a namespace.
USER = 1000650000
# What UBI says of itself.
OF_UBI = ["name", "version", "release", "summary", "description", "maintainer", "vendor", "url", "build-date", "vcs-ref",
          "com.redhat.component", "io.k8s.display-name", "io.k8s.description", "io.openshift.tags"]  # fmt: skip
# Of the loopback network, and not that of a name server that may be there.
NAMESERVER = "127.0.53.1"


def why_not():
    """Why the tests cannot run here, if so."""
    if os.geteuid() != 0:
        return "they need root"
    if not shutil.which("apt-get"):
        return "they need Debian's packages"
    return None


def run(*command, check=True, **more):
    ran = subprocess.run(command, capture_output=True, text=True, cwd=more.pop("cwd", TREE), **more)
    if check and ran.returncode:
        raise AssertionError(f"{command} ended with {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran


def make(*arguments, **more):
    return run("make", "--no-print-directory", *arguments, **more)


def tool():
    return run("resources/image/tool").stdout.split()


class Image:
    """An image in an archive, as `docker save` makes it."""

    def __init__(self, file):
        self.tar = tarfile.open(fileobj=io.BytesIO(pathlib.Path(file).read_bytes()))
        self.manifest = self.json("manifest.json")[0]
        self.config = self.json(self.manifest["Config"])

    def json(self, name):
        return json.load(self.tar.extractfile(name))

    @property
    def layers(self):
        return self.config["rootfs"]["diff_ids"]

    def unpack(self, folder):
        """Unpacks it as a container engine does, which also makes what it mounts on."""
        for name in self.manifest["Layers"]:
            with tarfile.open(fileobj=io.BytesIO(self.tar.extractfile(name).read())) as layer:
                layer.extractall(folder, numeric_owner=True, filter="fully_trusted")
        for name in ["dev", "proc"]:
            (folder / name).mkdir(exist_ok=True)
        for name in ["hosts", "resolv.conf"]:
            (folder / "etc" / name).touch()
        return folder

    def size(self):
        return sum(self.tar.getmember(name).size for name in self.manifest["Layers"])


class Names(threading.Thread):
    """A name server that knows every name, by the one address."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.asked = address, set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((NAMESERVER, 53))

    def run(self):
        while True:
            question, client = self.socket.recvfrom(512)
            name, place = [], 12
            while question[place]:
                name.append(question[place + 1 : place + 1 + question[place]].decode())
                place += question[place] + 1
            kind = question[place + 2]
            self.asked.add(".".join(name))
            end = place + 5
            # Type 1 asks for an IPv4 address; there are no others.
            found = kind == 1
            header = question[:2] + b"\x81\x80\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(self.address) if found else b""
            self.socket.sendto(header + question[12:end] + answer, client)


class Pod:
    """The files of an image as a container has them: read-only, with a volume, as a user that nobody knows."""

    # The mounts end with the namespace.
    SCRIPT = """
        mount --bind "$ROOT" "$ROOT"
        for name in hosts resolv.conf; do mount --bind "$FOLDER/$name" "$ROOT/etc/$name"; done
        mount --bind "$FOLDER/work" "$ROOT/work"
        mount --bind /dev "$ROOT/dev"
        mount -t proc proc "$ROOT/proc"
        mount -o remount,bind,ro "$ROOT"
        cd "$ROOT"
        unset ROOT FOLDER
        exec setpriv --no-new-privs \
            chroot --userspec="$0:0" --groups=0 . /usr/local/bin/stepwise "$@"
    """

    def __init__(self, image, root, hosts="127.0.0.1 localhost\n", volume=0o775):
        self.image, self.root = image, root
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.volume = self.folder / "work"
        self.volume.mkdir()
        os.chmod(self.volume, volume)
        (self.folder / "hosts").write_text(hosts)
        (self.folder / "resolv.conf").write_text(f"nameserver {NAMESERVER}\noptions timeout:1 attempts:1\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def start(self, *arguments, **variables):
        environment = dict(entry.split("=", 1) for entry in self.image.config["config"]["Env"])
        environment |= {"PATH": os.environ["PATH"], "ROOT": str(self.root), "FOLDER": str(self.folder)} | variables
        return subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec", self.SCRIPT, str(USER), *arguments],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def stepwise(self, *arguments, code=0, **variables):
        with self.start(*arguments, **variables) as process:
            stdout, stderr = process.communicate()
        if process.returncode != code:
            raise AssertionError(f"{arguments} ended with {process.returncode}\n{stdout}{stderr}")
        return stdout, stderr

    @contextlib.contextmanager
    def stub(self):
        """The stub of the image, with the variables that lead to it; by its name, and with its certificate."""
        with self.start("stub", "--tls", "--certificate", "/work/stub.pem", "--api-key", "an-api-key") as process:
            ready = json.loads(process.stdout.readline())
            try:
                yield {
                    "CPD_URL": re.sub("//[^:]*", "//localhost", ready["url"]),
                    "CPD_USERNAME": ready["username"],
                    "CPD_SPACE": ready["space_id"],
                    "CPD_API_KEY": "an-api-key",
                }
            finally:
                process.kill()


class TheImage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        started = time.monotonic()
        make("image", "BASE=scratch", "TAG=test")
        print(f"make image: {time.monotonic() - started:.1f} s")
        cls.image = Image(ARCHIVE)
        cls.root = cls.image.unpack(cls.folder / "root")
        shutil.copytree(TREE / "model", cls.root / "model", dirs_exist_ok=True)

    def pod(self, **more):
        return Pod(self.image, self.root, **more)

    def test_it_says_what_it_is(self):
        config = self.image.config["config"]
        labels = {name.rpartition(".")[2]: text for name, text in config["Labels"].items() if "opencontainers" in name}
        self.assertEqual(config["User"], "1001:0")
        self.assertEqual(config["Entrypoint"], ["/usr/local/bin/stepwise"])
        self.assertEqual(config["WorkingDir"], "/model")
        self.assertEqual(list(config["Volumes"]), ["/work"])
        version = re.search('^version = "(.*)"', (TREE / "Cargo.toml").read_text(), re.MULTILINE)[1]
        self.assertEqual(labels["version"], version)
        self.assertIn(f"ARG VERSION={version}\n", (TREE / "Dockerfile").read_text())
        self.assertEqual(labels["revision"], run("git", "rev-parse", "HEAD").stdout.strip())
        committed = int(run("git", "log", "-1", "--format=%ct").stdout)
        self.assertEqual(labels["created"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(committed)))
        self.assertEqual(self.image.config["created"], labels["created"])
        for name in ["title", "description", "licenses", "source"]:
            self.assertIn(name, labels)
        for name in OF_UBI:
            self.assertIn(name, config["Labels"])

    def test_its_folder_for_all_that_is_written_is_the_groups(self):
        work = (self.root / "work").stat()
        self.assertEqual((oct(work.st_mode & 0o7777), work.st_gid), ("0o775", 0))

    def test_its_program_is_static(self):
        program = self.root / "usr/local/bin/stepwise"
        told = run("ldd", str(program), check=False)
        self.assertIn("statically linked", told.stdout + told.stderr)
        size = self.image.size()
        print(f"the image on scratch: {size / 1e6:.1f} MB, the program {program.stat().st_size / 1e6:.1f} MB of it")
        self.assertLess(size, 60e6)

    def test_it_is_made_of_what_its_sbom_says(self):
        folder = self.root / "usr/local/share/stepwise"
        names = {path.name.partition(".")[0] for path in (folder / "sbom").iterdir()}
        self.assertEqual(names, {path.stem for path in (folder / "steps").glob("*.wasm")} | {"stepwise"})
        for path in (folder / "sbom").iterdir():
            text = path.read_text()
            self.assertNotIn(str(TREE), text)
            sbom = json.loads(text)
            self.assertEqual(sbom["bomFormat"], "CycloneDX")
            self.assertEqual(sbom["metadata"]["component"]["name"], path.name.partition(".")[0])
            wanted = "wasmtime" if path.name == "stepwise.cdx.json" else "wit-bindgen"
            self.assertIn(wanted, {component["name"] for component in sbom["components"]})

    def test_two_builds_give_the_same_layers(self):
        files = TREE / "target/image"
        shutil.rmtree(files)

        make("image", "BASE=scratch", "TAG=test")

        again = Image(ARCHIVE)
        self.assertEqual(again.layers, self.image.layers)
        self.assertEqual(again.config, self.image.config)

    def test_a_base_may_have_its_certificates_elsewhere(self):
        context = self.folder / "base"
        for name in ["etc/pki/tls/certs", "etc/ssl"]:
            (context / name).mkdir(parents=True)
        (context / "etc/ssl/certs").symlink_to("../pki/tls/certs")
        (context / "Dockerfile").write_text("FROM scratch\nCOPY etc /etc/\n")
        run(*tool(), "build", "--quiet", "--tag", "localhost/stepwise-test-base", str(context))

        make("image", "BASE=localhost/stepwise-test-base", "TAG=test-base")

        root = Image(ARCHIVE).unpack(self.folder / "elsewhere")
        self.assertTrue((root / "etc/ssl/certs").is_symlink())
        self.assertIn("BEGIN CERTIFICATE", (root / "etc/pki/tls/certs/ca-certificates.crt").read_text())

    def test_a_dry_run_writes_to_the_volume_alone(self):
        before = sorted(path for path in self.root.rglob("*"))
        with self.pod() as pod:
            stdout, stderr = pod.stepwise("run", "--dry-run", "/model/pipeline.yaml", "--run", "r")

            self.assertIn("accuracy", stdout)
            self.assertNotIn("warning", stderr)
            self.assertEqual(os.listdir(pod.volume), ["runs"], "nothing was compiled")
            record = json.loads((pod.volume / "runs/r/run.json").read_text())
            self.assertEqual({step["outcome"] for step in record["steps"]}, {"succeeded"})
            self.assertEqual((pod.volume / "runs/r/run.json").stat().st_uid, USER)
        self.assertEqual(sorted(path for path in self.root.rglob("*")), before)

    def test_nothing_need_be_written_where_nothing_runs(self):
        with self.pod(volume=0o555) as pod:
            stdout, stderr = pod.stepwise("check", "--dry-run", "/model/pipeline.yaml")

            self.assertEqual((stdout, stderr), ("/model/pipeline.yaml: 7 steps, no errors\n", ""))
            told, _ = pod.stepwise("--version", "--verbose")
            self.assertIn("\nsteps /usr/local/share/stepwise/steps\n  cleanup ", told)

    def test_names_are_looked_up_and_certificates_checked(self):
        names = Names("127.0.0.1")
        names.start()
        # The one has the name in its file, the other must ask for it.
        for hosts, asked in [("127.0.0.1 localhost\n", set()), ("", {"localhost"})]:
            with self.subTest(hosts=hosts), self.pod(hosts=hosts) as pod, pod.stub() as variables:
                spec = (TREE / "model/pipeline.yaml").read_text()
                spec = re.sub("(\n +)(url: .*)", r"\1\2\1ca_file: stub.pem", spec)
                for path in (TREE / "model").rglob("*.*"):
                    copy = pod.volume / path.relative_to(TREE / "model")
                    copy.parent.mkdir(exist_ok=True)
                    shutil.copy(path, copy)
                (pod.volume / "pipeline.yaml").write_text(spec)

                _, stderr = pod.stepwise("run", "/work/pipeline.yaml", "--run", "r", **variables)

                self.assertNotIn("warning", stderr)
                self.assertEqual(names.asked, asked)
                wrong = spec.replace("\n    ca_file: stub.pem", "")
                self.assertNotEqual(wrong, spec)
                (pod.volume / "pipeline.yaml").write_text(wrong)
                _, stderr = pod.stepwise("run", "/work/pipeline.yaml", code=3, **variables)
                self.assertIn("certificate", stderr)


class WhatIsMadeOfIt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make("image", "BASE=scratch", "TAG=test")

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_a_models_image_is_one_copy_more(self):
        shutil.copy(TREE / "resources/model-repository/Dockerfile", self.folder)
        shutil.copytree(TREE / "model", self.folder / "model")
        name, archive = "localhost/stepwise-test-model:test", self.folder / "model.tar"
        started = time.monotonic()
        arguments = ["--build-arg", "STEPWISE_IMAGE=localhost/stepwise:test", "--tag", name]
        run(*tool(), "build", "--quiet", *arguments, str(self.folder))
        print(f"the image of a model: {time.monotonic() - started:.1f} s")
        run("resources/image/save", name, "docker-archive", str(archive))
        image = Image(archive)

        with Pod(image, image.unpack(self.folder / "root")) as pod:
            stdout, _ = pod.stepwise("run", "--dry-run", "/model/pipeline.yaml")

        self.assertIn("accuracy", stdout)

    def test_a_release_is_whole(self):
        make("dist", "BASE=scratch", "TAG=test")

        dist = TREE / "target/dist"
        listed = {line.split()[1] for line in (dist / "SHA256SUMS").read_text().splitlines()}
        self.assertEqual(listed | {"SHA256SUMS"}, set(os.listdir(dist)))
        run("sha256sum", "--check", "--quiet", "SHA256SUMS", cwd=dist)
        [archive] = dist.glob("*.tar.gz")
        run("tar", "-xzf", str(archive), "-C", str(self.folder))
        told = run("bin/stepwise", "--version", "--verbose", cwd=self.folder, env={}).stdout
        for path in (self.folder / "steps").iterdir():
            self.assertIn(f"  {path.stem} {hashlib.sha256(path.read_bytes()).hexdigest()}\n", told)
        program = dist / archive.name.removesuffix(".tar.gz")
        self.assertEqual(program.read_bytes(), (self.folder / "bin/stepwise").read_bytes())
        [layout] = dist.glob("*-image.tar")
        with tarfile.open(layout) as tar:
            names = {name.removeprefix("./") for name in tar.getnames()}
            read = lambda name: json.load(tar.extractfile(name))
            [manifest] = read("index.json")["manifests"]
            config = read(blob(read(blob(manifest))["config"]))
            print(f"the image as a registry keeps it: {layout.stat().st_size / 1e6:.1f} MB")
        self.assertIn("oci-layout", names)
        self.assertEqual(config["rootfs"]["diff_ids"], Image(ARCHIVE).layers)

    def test_it_is_pushed_to_a_registry_with_its_login(self):
        # Unpacked only: as a package it would be a service of this machine.
        run("apt-get", "download", "docker-registry", cwd=self.folder)
        [package] = self.folder.glob("docker-registry_*.deb")
        run("dpkg", "--extract", str(package), str(self.folder / "registry"))
        serve = [str(self.folder / "registry/usr/bin/docker-registry"), "serve", str(self.folder / "registry.yml")]
        password = "the-password-of-ci"
        hashed = run("perl", "-e", "print crypt($ENV{PASSWORD}, q($2b$04$abcdefghijklmnopqrstuu))",
                     env={"PASSWORD": password}).stdout  # fmt: skip
        (self.folder / "users").write_text(f"ci:{hashed}\n")
        (self.folder / "registry.yml").write_text(json.dumps({
            "version": 0.1,
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "images")}},
            "http": {"addr": "127.0.0.1:0"},
            "auth": {"htpasswd": {"realm": "test", "path": str(self.folder / "users")}},
        }))  # fmt: skip
        registry = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(registry.communicate)
        self.addCleanup(registry.kill)
        address = next(found[1] for line in registry.stderr if (found := re.search(r"listening on ([\d.:]+)", line)))
        threading.Thread(target=registry.stderr.read, daemon=True).start()
        (self.folder / "registries.conf").write_text(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
        variables = {**os.environ, "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf"),
                     "REGISTRY_USERNAME": "ci"}  # fmt: skip
        push = ["publish", "BASE=scratch", f"IMAGE={address}/ml/stepwise", "TAG=test"]

        refused = make(*push, check=False, env={**variables, "REGISTRY_PASSWORD": "another"})
        self.assertNotEqual(refused.returncode, 0)
        pushed = make(*push, env={**variables, "REGISTRY_PASSWORD": password})

        self.assertNotIn(password, pushed.stdout + pushed.stderr)
        request = urllib.request.Request(f"http://{address}/v2/ml/stepwise/manifests/test")
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(request)
        login = base64.b64encode(f"ci:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        kinds = ["vnd.oci.image.manifest.v1", "vnd.docker.distribution.manifest.v2"]
        request.add_header("Accept", ", ".join(f"application/{kind}+json" for kind in kinds))
        with urllib.request.urlopen(request) as answer:
            manifest = json.load(answer)
        self.assertEqual(len(manifest["layers"]), len(Image(ARCHIVE).layers))

    def test_a_push_without_a_login_or_a_registry_says_what_is_missing(self):
        variables = {name: text for name, text in os.environ.items() if not name.startswith("REGISTRY_")}
        for name, said in [
            ("localhost/stepwise:1", "hint: give IMAGE=registry.example.com/stepwise\n"),
            ("registry.example.com/stepwise:1", "hint: set REGISTRY_USERNAME and REGISTRY_PASSWORD\n"),
        ]:
            ran = run("resources/image/publish", check=False, env={**variables, "NAME": name})
            self.assertNotEqual(ran.returncode, 0)
            self.assertTrue(ran.stderr.endswith(said), ran.stderr)


def blob(descriptor):
    return "blobs/" + descriptor["digest"].replace(":", "/")


if __name__ == "__main__":
    if reason := why_not():
        print(f"skipped: the tests of the image: {reason}")
        sys.exit()
    unittest.main(verbosity=2)
