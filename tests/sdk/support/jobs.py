"""The same job, done by the pipeline and by IBM's clients."""

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ibm_cloud_sdk_core.authenticators import CloudPakForDataAuthenticator
from ibm_watson_machine_learning import APIClient as WmlClient
from ibm_watson_openscale import APIClient
from ibm_watson_openscale.base_classes.watson_open_scale_v2 import MetricThresholdOverride
from ibm_watson_openscale.supporting_classes.payload_record import PayloadRecord

from support.cases import BINARY
from support.product import Product, wml_credentials
from support.stub import API_KEY, REPOSITORY, STEPWISE, USERNAME, Stub
from support.subscribing import add_data_mart, add_provider, data_set, subscribe, target

RUN = "same-requests"
# What the pipeline marks as its own.
TAG = re.compile(rf"stepwise_\d+_[a-z-]+_{RUN}_[0-9a-f]+_\d+")


def run_pipeline(stub: Stub, product: Product, folder: Path) -> None:
    """Runs the sample pipeline."""
    settings = {
        "services.wml.ca_file": str(stub.certificate),
        "services.openscale.ca_file": str(stub.certificate),
        "steps.store.inputs.type": product.model_type,
        "steps.store.inputs.software_spec": product.software_specification,
    }
    command = [STEPWISE, "run", str(REPOSITORY / "model/pipeline.yaml"), "--run", RUN, "--runs", str(folder)]
    for path, value in settings.items():
        command += ["--set", f"{path}={value}"]
    login = {"CPD_URL": stub.url, "CPD_USERNAME": USERNAME, "CPD_API_KEY": API_KEY, "CPD_SPACE": stub.space_id}
    ended = subprocess.run(command, env=os.environ | login, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def run_clients(stub: Stub, product: Product, folder: Path) -> None:
    """Does with IBM's clients what the sample pipeline does, as IBM's notebooks do it."""
    case = BINARY
    wml = WmlClient(wml_credentials(product, stub, by_api_key=True))
    wml.set.default_space(stub.space_id)
    names = wml.repository.ModelMetaNames
    details = wml.repository.store_model(
        model=str(case.archive(folder)),
        meta_props={
            names.NAME: case.name,
            names.DESCRIPTION: "Malignant or benign, from 30 measurements of cell nuclei",
            names.TYPE: product.model_type,
            names.SOFTWARE_SPEC_UID: wml.software_specifications.get_id_by_name(product.software_specification),
            names.LABEL_FIELD: case.label,
            names.INPUT_DATA_SCHEMA: case.schema(),
            names.OUTPUT_DATA_SCHEMA: case.output_schema(),
        },
    )
    model = wml.repository.get_model_id(details)
    options = wml.deployments.ConfigurationMetaNames
    deployment = wml.deployments.get_id(
        wml.deployments.create(model, meta_props={options.NAME: case.name, options.ONLINE: {}})
    )

    authenticator = CloudPakForDataAuthenticator(
        url=stub.url, username=USERNAME, apikey=API_KEY, disable_ssl_verification=True
    )
    client = APIClient(authenticator, service_url=stub.url)
    assert client.data_marts.list().result.data_marts == []
    mart = add_data_mart(client, "stepwise")
    provider = add_provider(client, stub.space_id, "stepwise")
    client.service_providers.list_assets(
        data_mart_id=mart, service_provider_id=provider, deployment_space_id=stub.space_id
    )
    subscription = subscribe(client, mart, provider, case, deployment)
    monitor = client.monitor_instances.create(
        monitor_definition_id=client.monitor_definitions.MONITORS.QUALITY.ID,
        target=target(subscription),
        parameters={"min_feedback_data_size": 50},
        thresholds=[
            MetricThresholdOverride(metric_id="area_under_roc", type="lower_limit", value=0.9),
            MetricThresholdOverride(metric_id="false_positive_rate", type="upper_limit", value=0.1),
        ],
        data_mart_id=mart,
        background_mode=False,
    ).result.metadata.id
    payload = data_set(client, subscription, "payload_logging")
    feedback = data_set(client, subscription, "feedback")

    request = {"input_data": [{"fields": case.features, "values": case.rows}]}
    answer = wml.deployments.score(deployment, request)
    rows = answer["predictions"][0]["values"]
    assert client.data_sets.get_records_count(payload) == 0
    record = PayloadRecord(
        request={"fields": case.features, "values": case.rows},
        response={"fields": ["prediction", "probability"], "values": rows},
        response_time=460,
    )
    client.data_sets.store_records(payload, [record], background_mode=False)
    assert client.data_sets.get_records_count(payload) == len(case.rows)
    assert client.data_sets.get_records_count(feedback) == 0
    table = {
        "fields": [*case.features, case.label, "_original_prediction", "_original_probability"],
        "values": [[*row, label, *scored] for row, label, scored in zip(case.rows, case.labels, rows, strict=True)],
    }
    client.data_sets.store_records(feedback, [table], background_mode=False)
    assert client.data_sets.get_records_count(feedback) == len(case.rows)

    run = client.monitor_instances.run(monitor, background_mode=False).result
    now = datetime.now(UTC)
    since, until = now - timedelta(hours=1), now + timedelta(hours=1)
    measured = client.monitor_instances.list_measurements(monitor, start=since, end=until, run_id=run.metadata.id)
    assert measured.result.measurements

    client.monitor_instances.delete(monitor, force=True, background_mode=False)
    client.subscriptions.delete(subscription, force=True, background_mode=False)
    client.service_providers.delete(provider, background_mode=False)
    client.data_marts.delete(mart, background_mode=False)
    wml.deployments.delete(deployment)
    wml.repository.delete(model)
