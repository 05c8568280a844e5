"""From the login to a subscription, and all of it deleted again."""

from pathlib import Path

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import CloudPakForDataAuthenticator
from ibm_watson_machine_learning import APIClient as WmlClient
from ibm_watson_openscale import APIClient
from ibm_watson_openscale.base_classes.watson_open_scale_v2 import JsonPatchOperation, WMLCredentialsCP4D
from ibm_watson_openscale.utils.client_errors import DuplicateError

from support.cases import BINARY
from support.product import Product
from support.stub import API_KEY, PASSWORD, USERNAME, Stub
from support.subscribing import add_data_mart, add_provider, data_set, deploy, subscribe, target


def authenticator(stub: Stub, **secret: str) -> CloudPakForDataAuthenticator:
    return CloudPakForDataAuthenticator(url=stub.url, username=USERNAME, disable_ssl_verification=True, **secret)


def test_password_and_api_key_log_in(stub: Stub) -> None:
    for secret in ({"password": PASSWORD}, {"apikey": API_KEY}):
        client = APIClient(authenticator(stub, **secret), service_url=stub.url)
        assert client.service_instance_id == stub.data_mart_id


@pytest.mark.parametrize("secret", ["password", "apikey"])
def test_a_wrong_secret_is_refused(secret: str, stub: Stub) -> None:
    with pytest.raises(Exception, match=r"invalid credentials|Unknown Host"):
        APIClient(authenticator(stub, **{secret: "wrong"}), service_url=stub.url)


def test_definitions_become_constants(client: APIClient, capsys: pytest.CaptureFixture[str]) -> None:
    monitors = client.monitor_definitions.MONITORS
    assert monitors.QUALITY.ID == "quality"
    assert monitors.QUALITY.METRIC.AREA_UNDER_ROC == "area_under_roc"
    assert (monitors.PERFORMANCE.ID, monitors.FAIRNESS.ID) == ("performance", "fairness")
    assert client.monitor_definitions.get("quality").result.entity.name == "Quality"
    client.monitor_definitions.show()
    assert "quality" in capsys.readouterr().out


def test_a_subscription_is_made_read_and_deleted(
    wml: WmlClient, client: APIClient, product: Product, stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client.data_marts.list().result.data_marts == []
    data_mart = add_data_mart(client)
    assert data_mart == stub.data_mart_id
    assert client.data_marts.get(data_mart).result.entity.status.state == "active"
    with pytest.raises(ApiException, match="the service instance has a data mart") as refusal:
        client.data_marts.add(name="another", internal_database=True)
    assert refusal.value.code == 409

    provider = add_provider(client, stub.space_id)
    entity = client.service_providers.get(provider).result.entity
    assert (entity.deployment_space_id, entity.instance_id) == (stub.space_id, "99999999-9999-9999-9999-999999999999")
    assert [one.metadata.id for one in client.service_providers.list().result.service_providers] == [provider]
    for name, space in (("tests", None), ("another", stub.space_id)):
        with pytest.raises(DuplicateError):
            client.service_providers.add(
                name=name,
                service_type="watson_machine_learning",
                credentials=WMLCredentialsCP4D(),
                deployment_space_id=space,
            )

    model = deploy(wml, product, BINARY, tmp_path)
    listed = client.service_providers.list_assets(
        data_mart_id=data_mart, service_provider_id=provider, deployment_space_id=stub.space_id
    )
    assert [one["metadata"]["guid"] for one in listed.result["resources"]] == [model.deployment]
    subscription = subscribe(client, data_mart, provider, BINARY, model.deployment)
    read = client.subscriptions.get(subscription).result.entity
    assert (read.status.state, read.asset.problem_type) == ("active", "binary")
    assert read.asset_properties.feature_fields == BINARY.features
    roles = {one["name"]: one["metadata"]["modeling_role"] for one in read.asset_properties.training_data_schema.fields}
    assert (roles[BINARY.label], roles[BINARY.features[0]]) == ("target", "feature")
    found = client.subscriptions.list(deployment_deployment_id=model.deployment).result.subscriptions
    assert [one.metadata.id for one in found] == [subscription]
    # The client makes the default monitors itself.
    instances = client.monitor_instances.list(target_target_id=subscription).result.monitor_instances
    assert [one.entity.monitor_definition_id for one in instances] == ["performance"]

    change = JsonPatchOperation(op="replace", path="/asset_properties/prediction_field", value="scored")
    client.subscriptions.update(subscription, [change])
    assert client.subscriptions.get(subscription).result.entity.asset_properties.prediction_field == "scored"
    kinds = [one.entity.type for one in client.data_sets.list(target_target_id=subscription).result.data_sets]
    assert kinds == ["payload_logging", "payload_logging_error", "manual_labeling", "model_health"]
    made = client.subscriptions.create_feedback_table(subscription)
    assert made.result.metadata.id == data_set(client, subscription, "feedback")
    for show in (client.data_marts, client.service_providers, client.subscriptions, client.data_sets):
        show.show()
    client.monitor_instances.show()
    shown = capsys.readouterr().out
    # The client cuts what is in its cells.
    assert all(name[:7] in shown for name in (data_mart, provider, subscription, "payload_logging", "performance"))

    with pytest.raises(ApiException, match="uses the service provider"):
        client.service_providers.delete(provider)
    for instance in instances:
        client.monitor_instances.delete(instance.metadata.id, background_mode=False)
    assert client.monitor_instances.list().result.monitor_instances == []
    client.data_sets.delete(data_set(client, subscription, "manual_labeling"), background_mode=False)
    client.subscriptions.delete(subscription, background_mode=False)
    with pytest.raises(ApiException, match="does not exist") as refusal:
        client.subscriptions.get(subscription)
    assert refusal.value.code == 404
    client.service_providers.delete(provider, background_mode=False)
    assert client.service_providers.list().result.service_providers == []
    client.data_marts.delete(data_mart, background_mode=False)
    assert client.data_marts.list().result.data_marts == []
    assert wml.deployments.delete(model.deployment) == "SUCCESS"
    assert wml.repository.delete(model.model) == "SUCCESS"


def test_what_does_not_exist_is_told_so(client: APIClient) -> None:
    nobody = "11111111-1111-1111-1111-111111111111"
    for ask in (
        lambda: client.data_marts.get(nobody),
        lambda: client.service_providers.get(nobody),
        lambda: client.subscriptions.get(nobody),
        lambda: client.data_sets.get(nobody),
        lambda: client.monitor_definitions.get("qality"),
        lambda: client.monitor_instances.get(nobody),
        lambda: client.monitor_instances.delete(nobody),
        lambda: client.monitor_instances.create(
            monitor_definition_id="quality", target=target(nobody), parameters={}, data_mart_id=nobody
        ),
    ):
        with pytest.raises(ApiException, match="does not exist") as refusal:
            ask()
        assert refusal.value.code == 404
