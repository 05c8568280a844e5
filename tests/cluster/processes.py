"""Processes of a pod, as the kernel sees them from the node."""

from pathlib import Path


def of_run(run, shard=None):
    """The process that runs this run, or this shard of it, in a pod, if there is one."""
    wanted = [run.encode(), *([b"--shard", shard.encode()] if shard else [])]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if all(word in arguments for word in wanted) and arguments[0].endswith(b"stepwise"):
            return folder
    raise LookupError(f"no process runs {run}")


def status(process):
    """The lines of its status, by their names."""
    lines = (process / "status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def root_options(process):
    """How its root file system is mounted."""
    mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    return next(mount[5] for mount in mounts if mount[4] == "/").split(",")
