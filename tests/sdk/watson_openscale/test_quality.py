"""The quality monitor: made, run, read."""

from datetime import UTC, datetime, timedelta

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_watson_openscale import APIClient
from ibm_watson_openscale.base_classes.watson_open_scale_v2 import JsonPatchOperation, MetricThresholdOverride

from support.subscribing import Subscribed, data_set, target

# What a model of each problem type is judged by first, which of its sides is limited, and to what.
HEADLINES = {
    "binary": ("area_under_roc", "lower_limit", 0.99),
    "multiclass": ("accuracy", "lower_limit", 0.8),
    "regression": ("root_mean_squared_error", "upper_limit", 1.0),
}


@pytest.fixture(scope="module")
def monitor(client: APIClient, subscribed: Subscribed, data_mart: str) -> str:
    """The quality monitor's instance."""
    metric, side, value = HEADLINES[subscribed.case.problem]
    created = client.monitor_instances.create(
        monitor_definition_id=client.monitor_definitions.MONITORS.QUALITY.ID,
        target=target(subscribed.subscription),
        parameters={"min_feedback_data_size": 10},
        thresholds=[MetricThresholdOverride(metric_id=metric, type=side, value=value)],
        data_mart_id=data_mart,
        background_mode=False,
    )
    assert created.result.entity.status.state == "active"
    return str(created.result.metadata.id)


def test_a_run_needs_feedback(client: APIClient, monitor: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = client.monitor_instances.run(monitor, background_mode=False).result
    assert run.entity.status.state == "error"
    assert "there are 0 feedback records, 10 are needed" in capsys.readouterr().out


def test_a_second_monitor_of_a_subscription_is_refused(
    client: APIClient, subscribed: Subscribed, data_mart: str, monitor: str
) -> None:
    with pytest.raises(ApiException, match=f"monitor instance `{monitor}` is of the same monitor and target"):
        client.monitor_instances.create(
            monitor_definition_id="quality",
            target=target(subscribed.subscription),
            parameters={},
            data_mart_id=data_mart,
        )


def test_a_run_in_the_foreground_measures_what_scikit_learn_does(
    client: APIClient, subscribed: Subscribed, monitor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    case = subscribed.case
    feedback = data_set(client, subscribed.subscription, "feedback")
    rows = [[*row, label] for row, label in zip(case.rows, case.labels, strict=True)]
    table = [{"fields": [*case.features, case.label], "values": rows}]
    client.data_sets.store_records(feedback, table, background_mode=False)
    since = datetime.now(UTC) - timedelta(hours=1)
    run = client.monitor_instances.run(monitor, background_mode=False).result
    assert run.entity.status.state == "finished"
    details = client.monitor_instances.get_run_details(monitor, run.metadata.id).result
    assert details.entity.parameters["total_records_processed"] == len(rows)
    assert run.metadata.id in [one.metadata.id for one in client.monitor_instances.list_runs(monitor).result.runs]

    until = datetime.now(UTC) + timedelta(hours=1)
    measured = client.monitor_instances.list_measurements(monitor, start=since, end=until, run_id=run.metadata.id)
    [measurement] = measured.result.measurements
    values = {one.id: one.value for one in measurement.entity.values[0].metrics}
    assert {name: values[name] for name in case.metrics} == pytest.approx(case.metrics, abs=1e-5)
    metric, side, limit = HEADLINES[case.problem]
    beyond = values[metric] < limit if side == "lower_limit" else values[metric] > limit
    assert measurement.entity.issue_count == int(beyond)
    single = client.monitor_instances.get_measurement_details(monitor, measurement.metadata.id).result
    assert (single.entity.sources is None) == (case.problem == "regression")
    [latest] = client.monitor_instances.measurements.query(
        target_id=subscribed.subscription, target_type="subscription", monitor_definition_id="quality"
    ).result.measurements
    assert latest.metadata.id == measurement.metadata.id

    [group] = client.monitor_instances.get_metrics(monitor, start=since, end=until).result.groups
    last = {one.id: one.last.value[0] for one in group.metrics}
    assert last == values
    [group] = client.monitor_instances.get_metrics_count(monitor, start=since, end=until).result.groups
    assert {tuple(one.count.value) for one in group.metrics} == {(1,)}

    capsys.readouterr()
    client.monitor_instances.show_metrics(monitor, limit=None)
    shown = capsys.readouterr().out
    # The client cuts what is in its cells.
    lines = [line for line in shown.splitlines() if line.startswith("│")]
    for name, value in values.items():
        assert any(name[:11] in line and str(value)[:9] in line for line in lines), f"{name} is not in {shown}"


def test_thresholds_are_updated(client: APIClient, monitor: str) -> None:
    change = JsonPatchOperation(op="replace", path="/parameters/min_feedback_data_size", value=20)
    client.monitor_instances.update(monitor, [change])
    assert client.monitor_instances.get(monitor).result.entity.parameters["min_feedback_data_size"] == 20
