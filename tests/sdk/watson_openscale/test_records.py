"""Payload and feedback, in every form that the service takes."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ibm_watson_machine_learning import APIClient as WmlClient
from ibm_watson_openscale import APIClient
from ibm_watson_openscale.supporting_classes.enums import RecordsFormatTypes, ResponseTypes
from ibm_watson_openscale.supporting_classes.payload_record import PayloadRecord

from support.cases import Case
from support.subscribing import Subscribed, data_set, score, target


def outputs(case: Case) -> dict[str, Any]:
    """The expected answer under the subscription's names."""
    if not case.probabilities:
        return {"fields": ["prediction"], "values": [[one] for one in case.predictions]}
    predictions = [int(one) for one in case.predictions]
    rows = [list(row) for row in zip(predictions, case.probabilities, strict=True)]
    return {"fields": ["prediction", "probability"], "values": rows}


def test_payload_is_stored_in_both_forms(client: APIClient, subscribed: Subscribed) -> None:
    case = subscribed.case
    payload = data_set(client, subscribed.subscription, "payload_logging")
    assert client.data_sets.get_records_count(payload) == 0
    asked = {"fields": case.features, "values": case.rows}
    plain = PayloadRecord(request=asked, response=outputs(case), response_time=460, scoring_id="plain")
    stored = client.data_sets.store_records(payload, [plain], background_mode=False)
    assert stored.result.state == "active"
    as_wml = PayloadRecord(request={"input_data": [asked]}, response={"predictions": [outputs(case)]})
    client.data_sets.store_records(payload, [as_wml], background_mode=False)
    assert client.data_sets.get_records_count(payload) == 2 * len(case.rows)
    values = client.data_sets.get_list_of_records(payload, limit=1).result["records"][0]["entity"]["values"]
    assert values["scoring_id"] == "plain-1"
    assert values["deployment_id"] == subscribed.model.deployment
    assert [values[name] for name in case.features] == case.rows[0]
    assert values["prediction"] == outputs(case)["values"][0][0]


def rows(case: Case) -> list[dict[str, Any]]:
    labelled = zip(case.rows, case.labels, strict=True)
    return [dict(zip([*case.features, case.label], [*row, label], strict=True)) for row, label in labelled]


def table(case: Case) -> list[dict[str, Any]]:
    labelled = zip(case.rows, case.labels, strict=True)
    return [{"fields": [*case.features, case.label], "values": [[*row, label] for row, label in labelled]}]


@pytest.fixture(scope="module")
def feedback(client: APIClient, subscribed: Subscribed, data_mart: str) -> str:
    """The feedback data set, which comes with the quality monitor."""
    created = client.monitor_instances.create(
        monitor_definition_id=client.monitor_definitions.MONITORS.QUALITY.ID,
        target=target(subscribed.subscription),
        parameters={"min_feedback_data_size": 10},
        data_mart_id=data_mart,
        background_mode=False,
    )
    assert created.result.entity.status.state == "active"
    return data_set(client, subscribed.subscription, "feedback")


@pytest.mark.parametrize("form", [rows, table])
def test_feedback_is_stored_as_rows_and_as_a_table(
    form: Callable[[Case], list[dict[str, Any]]], client: APIClient, subscribed: Subscribed, feedback: str
) -> None:
    before = client.data_sets.get_records_count(feedback)
    stored = client.data_sets.store_records(feedback, form(subscribed.case), background_mode=False)
    assert stored.result.state == "active"
    assert client.data_sets.get_records_count(feedback) == before + len(subscribed.case.rows)


def test_feedback_is_stored_as_csv(client: APIClient, subscribed: Subscribed, feedback: str, tmp_path: Path) -> None:
    before = client.data_sets.get_records_count(feedback)
    semicolons = tmp_path / "feedback.csv"
    with subscribed.case.target.open(newline="") as source, semicolons.open("w", newline="") as sink:
        csv.writer(sink, delimiter=";").writerows(csv.reader(source))
    for file, delimiter in ((subscribed.case.target, ","), (semicolons, ";")):
        with file.open("rb") as body:
            stored = client.data_sets.store_records(
                feedback, body, header=True, delimiter=delimiter, csv_max_line_length=8196, background_mode=False
            )
        assert stored.result.state == "active"
    assert client.data_sets.get_records_count(feedback) == before + 2 * len(subscribed.case.rows)


def test_a_request_is_polled_until_its_records_are_in(client: APIClient, subscribed: Subscribed, feedback: str) -> None:
    stored = client.data_sets.store_records(feedback, rows(subscribed.case)[:1])
    assert (stored.status_code, stored.result.state) == (202, "preparing")
    request = stored.headers["location"].rsplit("/", 1)[-1]
    seen = []
    while not seen or seen[-1] == "preparing":
        seen.append(client.data_sets.get_update_status(feedback, request).result.state)
    assert seen[-1] == "active"


def test_feedback_without_a_label_ends_as_an_error(
    client: APIClient, subscribed: Subscribed, feedback: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = client.data_sets.get_records_count(feedback)
    without = [
        {name: value for name, value in row.items() if name != subscribed.case.label} for row in rows(subscribed.case)
    ]
    stored = client.data_sets.store_records(feedback, without, background_mode=False)
    assert stored.result.state == "error"
    reason = f"record 1: the label `{subscribed.case.label}` is missing"
    assert stored.result.failure.errors[0].message == reason
    assert "Store records failed with status: error" in capsys.readouterr().out
    assert client.data_sets.get_records_count(feedback) == before


def test_records_are_read_in_every_form(
    wml: WmlClient,
    client: APIClient,
    subscribed: Subscribed,
    feedback: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    case = subscribed.case
    client.data_sets.store_records(feedback, table(case), background_mode=False)
    _, answer = score(wml, case, subscribed.model)
    assert answer["predictions"]
    page = client.data_sets.get_list_of_records(
        feedback, limit=2, offset=1, include_total_count=True, format=RecordsFormatTypes.DICT
    ).result
    assert len(page["records"]) == 2
    assert page["total_count"] == client.data_sets.get_records_count(feedback)
    assert page["records"][0]["entity"]["values"][case.label] == case.labels[1]
    listed = client.data_sets.get_list_of_records(feedback, limit=2, format=RecordsFormatTypes.LIST).result
    assert case.label in listed["records"][0]["fields"]
    assert len(listed["records"][0]["values"]) == 2
    frame = client.data_sets.get_list_of_records(feedback, limit=3, output_type=ResponseTypes.PANDAS).result
    assert frame[case.label].tolist() == case.labels[:3]
    equal = client.data_sets.get_list_of_records(feedback, limit=1000, filter=f"{case.label}:eq:{case.labels[0]}")
    assert {one["entity"]["values"][case.label] for one in equal.result["records"]} == {case.labels[0]}
    client.data_sets.show_records(feedback, limit=2)
    client.data_sets.print_records_schema(feedback)
    shown = capsys.readouterr().out
    assert "record_timestamp" in shown
    assert case.features[0] in shown
