"""Spaces, software specifications, and what becomes of a model."""

import zipfile
from pathlib import Path

import pytest
from ibm_watson_machine_learning import APIClient
from ibm_watson_machine_learning.wml_client_error import WMLClientError

from support.answers import check_answer
from support.cases import CASES, MULTICLASS, Case
from support.product import Product
from support.stub import Stub


def store(client: APIClient, product: Product, case: Case, folder: Path) -> str:
    """The id of a stored model."""
    names = client.repository.ModelMetaNames
    specification = client.software_specifications.get_id_by_name(product.software_specification)
    details = client.repository.store_model(
        model=str(case.archive(folder)),
        meta_props={
            names.NAME: case.name,
            names.TYPE: product.model_type,
            names.SOFTWARE_SPEC_UID: specification,
            names.DESCRIPTION: "a model of the tests",
            names.TAGS: ["tests"],
            names.LABEL_FIELD: case.label,
            names.INPUT_DATA_SCHEMA: case.schema(),
        },
    )
    return str(client.repository.get_model_id(details))


def deploy(client: APIClient, model: str, name: str) -> str:
    """The id of a deployment that is ready."""
    names = client.deployments.ConfigurationMetaNames
    details = client.deployments.create(model, meta_props={names.NAME: name, names.ONLINE: {}})
    assert details["entity"]["status"]["state"] == "ready"
    return str(client.deployments.get_id(details))


def test_spaces_are_listed_and_read(client: APIClient, stub: Stub) -> None:
    assert stub.space_id in client.spaces.list()["ID"].tolist()
    assert client.spaces.get_details(stub.space_id)["entity"]["status"]["state"] == "active"
    with pytest.raises(WMLClientError, match="00000000"):
        client.set.default_space("00000000-0000-0000-0000-000000000001")
    client.set.default_space(stub.space_id)


def test_a_software_specification_is_found_by_name_or_not_found(client: APIClient, product: Product) -> None:
    identifier = client.software_specifications.get_id_by_name(product.software_specification)
    assert identifier.count("-") == 4
    assert client.software_specifications.get_id_by_name("runtime-1.0-py2.7") == "Not Found"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_model_is_stored_deployed_scored_and_deleted(
    client: APIClient, product: Product, case: Case, tmp_path: Path
) -> None:
    model = store(client, product, case, tmp_path)
    details = client.repository.get_details(model)
    assert details["metadata"]["name"] == case.name
    assert details["entity"]["type"] == product.model_type
    assert details["entity"]["label_column"] == case.label
    assert details["entity"]["schemas"]["input"][0]["fields"] == case.schema()["fields"]
    assert model in client.repository.list_models()["ID"].tolist()
    assert model in [one["metadata"]["id"] for one in client.repository.get_model_details()["resources"]]

    deployment = deploy(client, model, case.name)
    assert deployment in client.deployments.list().to_numpy()
    assert client.deployments.get_details(deployment)["entity"]["asset"]["id"] == model
    fields = client.deployments.ScoringMetaNames
    rows = {fields.INPUT_DATA: [{"fields": case.features, "values": case.rows}]}
    check_answer(client.deployments.score(deployment, rows), case)

    assert client.deployments.delete(deployment) == "SUCCESS"
    assert client.repository.delete(model) == "SUCCESS"
    assert model not in client.repository.list_models()["ID"].tolist()
    with pytest.raises(WMLClientError):
        client.deployments.get_details(deployment)
    with pytest.raises(WMLClientError):
        client.repository.get_model_details(model)
    with pytest.raises(WMLClientError, match="does not exist"):
        client.repository.delete(model)


def test_the_stored_content_comes_back_as_it_was(client: APIClient, product: Product, tmp_path: Path) -> None:
    model = store(client, product, MULTICLASS, tmp_path)
    file = tmp_path / "downloaded.tar.gz"
    client.repository.download(model, str(file))
    assert file.read_bytes() == MULTICLASS.archive(tmp_path).read_bytes()
    assert client.repository.delete(model) == "SUCCESS"


def test_a_model_that_is_deployed_is_not_deleted(client: APIClient, product: Product, tmp_path: Path) -> None:
    model = store(client, product, MULTICLASS, tmp_path)
    deployment = deploy(client, model, "iris")
    with pytest.raises(WMLClientError, match="Cannot delete artifact that has existing deployments"):
        client.repository.delete(model)
    assert client.deployments.delete(deployment) == "SUCCESS"
    assert client.repository.delete(model) == "SUCCESS"


def test_a_model_is_renamed(client: APIClient, product: Product, tmp_path: Path) -> None:
    model = store(client, product, MULTICLASS, tmp_path)
    names = client.repository.ModelMetaNames
    details = client.repository.update_model(model, updated_meta_props={names.NAME: "another"})
    assert details["metadata"]["name"] == "another"
    assert client.repository.delete(model) == "SUCCESS"


def test_a_deployment_of_a_broken_archive_fails_with_its_reason(
    client: APIClient, product: Product, tmp_path: Path
) -> None:
    names = client.repository.ModelMetaNames
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("readme.txt", "no model")
    meta_props = {
        names.NAME: "broken",
        names.TYPE: product.model_type,
        names.SOFTWARE_SPEC_UID: client.software_specifications.get_id_by_name(product.software_specification),
    }
    details = client.repository.store_model(model=str(broken), meta_props=meta_props)
    model = client.repository.get_model_id(details)
    with pytest.raises(WMLClientError, match=r"no `\.onnx` file at its top level"):
        deploy(client, model, "broken")
    for one in client.deployments.get_details()["resources"]:
        if one["entity"]["asset"]["id"] == model:
            assert client.deployments.delete(one["metadata"]["id"]) == "SUCCESS"
    assert client.repository.delete(model) == "SUCCESS"


def test_rows_that_do_not_fit_are_refused(client: APIClient, product: Product, tmp_path: Path) -> None:
    model = store(client, product, MULTICLASS, tmp_path)
    deployment = deploy(client, model, "iris")
    fields = client.deployments.ScoringMetaNames
    with pytest.raises(WMLClientError, match="invalid_request_entity"):
        client.deployments.score(deployment, {fields.INPUT_DATA: [{"fields": ["petal_length"], "values": [[1.0]]}]})
    assert client.deployments.delete(deployment) == "SUCCESS"
    with pytest.raises(WMLClientError, match="does_not_exist"):
        client.deployments.score(deployment, {fields.INPUT_DATA: [{"values": [[1.0, 2.0, 3.0, 4.0]]}]})
    assert client.repository.delete(model) == "SUCCESS"
