"""What two clients sent for the same job, compared: methods, paths, queries, and the fields of bodies.

Ids are replaced by what they stand for, so that the right id in the right place is compared, too. Times, the order of
reads and the number of polls do not count; the order and number of writes do.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from support.stub import Stub

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")
# What stands for what, by the path that it is seen in.
ROLES = [
    (re.compile(rf"/ml/v4/models/({UUID.pattern})"), "<model>"),
    (re.compile(rf"/ml/v4/deployments/({UUID.pattern})"), "<deployment>"),
    (re.compile(rf"/v2/service_providers/({UUID.pattern})"), "<provider>"),
    (re.compile(rf"/v2/subscriptions/({UUID.pattern})"), "<subscription>"),
    (re.compile(rf"/v2/monitor_instances/({UUID.pattern})/runs"), "<quality monitor>"),
    (re.compile(rf"/runs/({UUID.pattern})"), "<run>"),
    (re.compile(rf"/requests/({UUID.pattern})"), "<request>"),
    (re.compile(rf"/measurements/({UUID.pattern})"), "<measurement>"),
]
RECORDS = re.compile(rf"/v2/data_sets/({UUID.pattern})/records")
RECORD_SETS = re.compile("<payload>|<feedback>")
LONGEST_VALUE = 60


@dataclass(frozen=True, order=True)
class Difference:
    """Something that only one of the two sends, or that they send otherwise."""

    operation: str
    where: str
    ours: str
    theirs: str


class Conversation:
    """What a client sent, normalized."""

    def __init__(self, stub: Stub, tag: re.Pattern[str]) -> None:
        self._requests = stub.requests()
        self._names = {stub.space_id: "<space>", stub.data_mart_id: "<data mart>"}
        self._url, self._tag = stub.url, tag
        for request in self._requests:
            for pattern, role in ROLES:
                if found := pattern.search(request["path"]):
                    self._names.setdefault(found[1], role)
            if request["method"] == "POST" and (found := RECORDS.search(request["path"])):
                payload = isinstance(request["body"], list) and "request" in request["body"][0]
                self._names[found[1]] = "<payload>" if payload else "<feedback>"
            if request["method"] == "POST" and request["path"].endswith("/ml/v4/models"):
                self._names[request["body"]["software_spec"]["id"]] = "<software specification>"
        # A monitor of the other kinds is never run, so the first patterns do not name it.
        for request in self._requests:
            if found := re.search(rf"/v2/monitor_instances/({UUID.pattern})$", request["path"]):
                self._names.setdefault(found[1], "<other monitor>")

    def operations(self) -> dict[str, list[dict[str, Any]]]:
        """The requests by what they do, in the order of their first ones."""
        found: dict[str, list[dict[str, Any]]] = {}
        for request in self._requests:
            found.setdefault(self._operation(request), []).append(request)
        return found

    def query(self, requests: Iterable[dict[str, Any]]) -> dict[str, set[str]]:
        """The values of each query parameter; `(none)` where a request lacks it."""
        requests = list(requests)
        names = {name for request in requests for name, _ in request["query"]}
        values: dict[str, set[str]] = {}
        for name in names:
            given = [[value for key, value in request["query"] if key == name] for request in requests]
            values[name] = {self._text(value) for one in given for value in one[:1]}
            if any(not one for one in given):
                values[name].add("(none)")
        return values

    def content_types(self, requests: Iterable[dict[str, Any]]) -> set[str]:
        headers = [dict(request["headers"]) for request in requests if request["body"] is not None]
        return {one.get("content-type", "(none)").split(";")[0] for one in headers}

    def fields(self, requests: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
        """The values at each place of the bodies, in their order; `[]` stands for every place of a list."""
        found: dict[str, list[str]] = {}
        for request in requests:
            self._flatten(request["body"], "body", found)
        return found

    def _flatten(self, value: Any, where: str, found: dict[str, list[str]]) -> None:
        if isinstance(value, dict) and value:
            for name, member in value.items():
                self._flatten(member, f"{where}.{name}", found)
        elif isinstance(value, list) and value:
            for member in value:
                self._flatten(member, f"{where}[]", found)
        elif value is not None or where != "body":
            found.setdefault(where, []).append(self._leaf(value, where))

    def _leaf(self, value: Any, where: str) -> str:
        if where.endswith((".response_time", "body.bytes")):
            return "<number>"
        return json.dumps(self._text(value) if isinstance(value, str) else value)

    def _operation(self, request: dict[str, Any]) -> str:
        path = self._text(request["path"])
        creates = path.endswith("/monitor_instances") and request["body"]
        kind = request["body"]["monitor_definition_id"] if creates else ""
        return f"{request['method']} {path}{f' ({kind})' if kind else ''}"

    def _text(self, text: str) -> str:
        text = self._tag.sub("<tag>", text.replace(self._url, "<host>"))
        return UUID.sub(lambda found: self._names.get(found[0], "<uuid>"), TIME.sub("<time>", text))


def compare(ours: Conversation, theirs: Conversation) -> list[Difference]:
    """Every difference, the same in each comparison of the same two clients."""
    found: list[Difference] = []
    left, right = ours.operations(), theirs.operations()
    for operation in sorted(left.keys() | right.keys()):
        if operation not in right or operation not in left:
            found.append(Difference(operation, "request", *(("sent", "-") if operation in left else ("-", "sent"))))
            continue
        mine, other = left[operation], right[operation]
        queries = ours.query(mine), theirs.query(other)
        for name in sorted(queries[0].keys() | queries[1].keys()):
            values = [query.get(name, {"(none)"}) for query in queries]
            if values[0] != values[1]:
                found.append(Difference(operation, f"query.{name}", *(" or ".join(sorted(one)) for one in values)))
        if operation.startswith("GET "):
            continue
        if len(mine) != len(other):
            found.append(Difference(operation, "times", str(len(mine)), str(len(other))))
        types = ours.content_types(mine), theirs.content_types(other)
        if types[0] != types[1]:
            found.append(Difference(operation, "content type", *(" or ".join(sorted(one)) for one in types)))
        bodies = ours.fields(mine), theirs.fields(other)
        for where in sorted(bodies[0].keys() | bodies[1].keys()):
            values = [body.get(where) for body in bodies]
            if len(mine) != len(other):
                # Then they cannot be the same one by one.
                values = [sorted(set(one)) if one else None for one in values]
            if values[0] != values[1]:
                found.append(Difference(operation, where, *map(_short, values)))
    # The pipeline has payload and feedback under way at the same time: either may be there first.
    orders = [
        [RECORD_SETS.sub("<payload or feedback>", one) for one in side if one in left.keys() & right.keys()]
        for side in (left, right)
    ]
    orders = [[one for one in order if not one.startswith("GET ")] for order in orders]
    if orders[0] != orders[1]:
        found.append(Difference("all", "order of writes", *(_short(order) for order in orders)))
    return found


def _short(values: list[str] | None) -> str:
    if values is None:
        return "-"
    text = ", ".join(dict.fromkeys(values))
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
