"""From the login to a model that is deleted again, by the client of Cloud Pak for Data 5.1."""

import zipfile
from pathlib import Path

import pytest
from ibm_watsonx_ai import APIClient, Credentials
from ibm_watsonx_ai.wml_client_error import WMLClientError

from support.answers import check_answer
from support.cases import CASES, MULTICLASS, Case
from support.product import Product
from support.stub import API_KEY, PASSWORD, USERNAME, Stub


def credentials(stub: Stub, **secret: str) -> Credentials:
    return Credentials(url=stub.url, username=USERNAME, instance_id="openshift", version="5.1", **secret)


def store(client: APIClient, product: Product, name: str, archive: Path, case: Case | None = None) -> str:
    """The id of a stored model."""
    names = client.repository.ModelMetaNames
    meta_props = {
        names.NAME: name,
        names.TYPE: product.model_type,
        names.SOFTWARE_SPEC_ID: client.software_specifications.get_id_by_name(product.software_specification),
    }
    if case is not None:
        meta_props |= {names.LABEL_FIELD: case.label, names.INPUT_DATA_SCHEMA: case.schema()}
    details = client.repository.store_model(model=str(archive), meta_props=meta_props)
    return str(client.repository.get_model_id(details))


def deploy(client: APIClient, model: str) -> str:
    """The id of a deployment that is ready."""
    names = client.deployments.ConfigurationMetaNames
    details = client.deployments.create(model, meta_props={names.NAME: "d", names.ONLINE: {}})
    assert details["entity"]["status"]["state"] == "ready"
    return str(client.deployments.get_id(details))


def remove(client: APIClient, model: str) -> None:
    """Deletes a model after its deployments."""
    for one in client.deployments.get_details()["resources"]:
        if one["entity"]["asset"]["id"] == model:
            assert client.deployments.delete(one["metadata"]["id"]) == "SUCCESS"
    assert client.repository.delete(model) == "SUCCESS"


@pytest.mark.parametrize("secret", [{"password": PASSWORD}, {"api_key": API_KEY}], ids=["password", "api key"])
def test_password_and_api_key_log_in(secret: dict[str, str], stub: Stub) -> None:
    client = APIClient(credentials(stub, **secret))
    assert client.spaces.get_details(stub.space_id)["entity"]["name"] == "stepwise"


@pytest.mark.parametrize("secret", [{"password": "wrong"}, {"api_key": "wrong"}], ids=["password", "api key"])
def test_a_wrong_secret_is_refused(secret: dict[str, str], stub: Stub) -> None:
    with pytest.raises(WMLClientError, match="401"):
        APIClient(credentials(stub, **secret))


def test_spaces_are_listed_and_read(client: APIClient, stub: Stub) -> None:
    assert stub.space_id in client.spaces.list()["ID"].tolist()
    with pytest.raises(WMLClientError):
        client.set.default_space("00000000-0000-0000-0000-000000000001")
    assert client.set.default_space(stub.space_id) == "SUCCESS"


def test_a_software_specification_is_found_by_name_or_not_found(client: APIClient, product: Product) -> None:
    assert client.software_specifications.get_id_by_name(product.software_specification).count("-") == 4
    with pytest.raises(WMLClientError, match=r"runtime-1\.0-py2\.7"):
        client.software_specifications.get_id_by_name("runtime-1.0-py2.7")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_is_stored_deployed_scored_and_deleted(
    client: APIClient, product: Product, case: Case, tmp_path: Path
) -> None:
    model = store(client, product, case.name, case.archive(tmp_path), case)
    details = client.repository.get_details(model)
    assert details["metadata"]["name"] == case.name
    assert details["entity"]["label_column"] == case.label
    assert model in client.repository.list_models()["ID"].tolist()
    deployment = deploy(client, model)
    assert deployment in client.deployments.list()["ID"].tolist()
    fields = client.deployments.ScoringMetaNames
    rows = {fields.INPUT_DATA: [{"fields": case.features, "values": case.rows}]}
    check_answer(client.deployments.score(deployment, rows), case)
    assert client.deployments.delete(deployment) == "SUCCESS"
    assert client.repository.delete(model) == "SUCCESS"
    with pytest.raises(WMLClientError):
        client.deployments.get_details(deployment)
    with pytest.raises(WMLClientError):
        client.repository.get_model_details(model)


def test_a_model_that_is_deployed_is_not_deleted_even_by_force(
    client: APIClient, product: Product, tmp_path: Path
) -> None:
    model = store(client, product, "iris", MULTICLASS.archive(tmp_path))
    deployment = deploy(client, model)
    with pytest.raises(WMLClientError, match="existing deployments"):
        client.repository.delete(model)
    # Now the client does not look for deployments itself.
    with pytest.raises(WMLClientError, match=f"model `{model}` has the deployment `{deployment}`"):
        client.repository.delete(model, force=True)
    remove(client, model)


def test_a_deployment_of_a_broken_archive_fails_with_its_reason(
    client: APIClient, product: Product, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("readme.txt", "no model")
    model = store(client, product, "broken", broken)
    with pytest.raises(WMLClientError, match=r"no `\.onnx` file at its top level"):
        deploy(client, model)
    remove(client, model)


def test_a_taken_serving_name_is_known(client: APIClient, product: Product, tmp_path: Path) -> None:
    model = store(client, product, "iris", MULTICLASS.archive(tmp_path))
    names = client.deployments.ConfigurationMetaNames
    meta_props = {names.NAME: "d", names.ONLINE: {"parameters": {"serving_name": "iris"}}}
    client.deployments.create(model, meta_props=meta_props)
    assert not client.deployments.is_serving_name_available("iris")
    assert client.deployments.is_serving_name_available("another")
    with pytest.raises(WMLClientError, match="the serving name is taken"):
        client.deployments.create(model, meta_props=meta_props)
    remove(client, model)
