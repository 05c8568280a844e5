"""The pipeline sends what IBM's clients send for the same job, or there is a reason why not."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from support.comparison import Conversation, Difference, compare
from support.jobs import TAG, run_clients, run_pipeline
from support.product import Product
from support.stub import Stub

FOLDER = Path(__file__).parent
TABLE = FOLDER / "differences.md"
HEADER = """# What the pipeline sends otherwise than IBM's clients

The sample pipeline and IBM's own clients (`ibm-watson-machine-learning` 1.0.370, `ibm-watson-openscale` 3.1.11) do the
same job, each on a stub of its own: store, deploy, subscribe, monitor, score with payload and feedback, evaluate,
delete everything. What they sent is compared: methods, paths, queries, content types, fields of bodies, number and
order of writes. Ids, times, the order of reads and the number of polls do not count. All else is the same.
`make sdk BLESS=1` writes this page; the reasons are in [`reasons.toml`](reasons.toml).

| request | what | the pipeline | the clients | why |
| --- | --- | --- | --- | --- |
"""


@pytest.fixture(scope="module")
def differences(product: Product, tmp_path_factory: pytest.TempPathFactory) -> list[Difference]:
    folder = tmp_path_factory.mktemp("same-requests")
    with Stub.serve(folder, product.dialect) as stub:
        run_pipeline(stub, product, folder)
        ours = Conversation(stub, TAG)
    with Stub.serve(folder, product.dialect) as stub:
        run_clients(stub, product, folder)
        theirs = Conversation(stub, TAG)
    return compare(ours, theirs)


class Reason:
    """Why some requests differ in some way; `*` stands for any text."""

    def __init__(self, table: dict[str, str]) -> None:
        self.request, self.what, self.why = table["request"], table["what"], table["why"]

    def explains(self, difference: Difference) -> bool:
        pairs = ((self.request, difference.operation), (self.what, difference.where))
        return all(re.fullmatch(".*".join(map(re.escape, one.split("*"))), text) for one, text in pairs)


REASONS = [Reason(table) for table in tomllib.loads((FOLDER / "reasons.toml").read_text()).get("reason", [])]


def test_every_difference_has_a_reason_and_every_reason_a_difference(differences: list[Difference]) -> None:
    reasons = {one: [reason for reason in REASONS if reason.explains(one)] for one in differences}
    assert [f"{one}" for one, found in reasons.items() if not found] == []
    assert [f"{one}" for one, found in reasons.items() if len(found) > 1] == []
    used = {id(found[0]) for found in reasons.values()}
    assert [f"{reason.request} {reason.what}" for reason in REASONS if id(reason) not in used] == []


def test_the_page_of_differences_is_up_to_date(differences: list[Difference]) -> None:
    page = HEADER
    for one in differences:
        why = next((reason.why for reason in REASONS if reason.explains(one)), "")
        cells = [one.operation, one.where, one.ours, one.theirs, why]
        page += f"| {' | '.join(f'`{cell}`' for cell in cells[:4])} | {cells[4]} |\n"
    if "BLESS" in os.environ:
        TABLE.write_text(page)
    assert TABLE.read_text() == page
