"""A client of OpenScale, the data mart and the service provider, and a subscription of each model."""

from pathlib import Path

import pytest
from ibm_cloud_sdk_core.authenticators import CloudPakForDataAuthenticator
from ibm_watson_machine_learning import APIClient as WmlClient
from ibm_watson_openscale import APIClient

from support.cases import CASES, Case
from support.product import Product, wml_credentials
from support.stub import PASSWORD, USERNAME, Stub
from support.subscribing import Subscribed, add_data_mart, add_provider, deploy, subscribe


@pytest.fixture(scope="module")
def wml(product: Product, stub: Stub) -> WmlClient:
    client = WmlClient(wml_credentials(product, stub))
    assert client.set.default_space(stub.space_id) == "SUCCESS"
    return client


@pytest.fixture(scope="module")
def client(stub: Stub) -> APIClient:
    authenticator = CloudPakForDataAuthenticator(
        url=stub.url, username=USERNAME, password=PASSWORD, disable_ssl_verification=True
    )
    return APIClient(authenticator, service_url=stub.url)


@pytest.fixture(scope="module")
def data_mart(client: APIClient) -> str:
    return add_data_mart(client)


@pytest.fixture(scope="module")
def provider(client: APIClient, data_mart: str, stub: Stub) -> str:
    return add_provider(client, stub.space_id)


@pytest.fixture(scope="module", params=CASES, ids=str)
def subscribed(
    request: pytest.FixtureRequest,
    wml: WmlClient,
    client: APIClient,
    data_mart: str,
    provider: str,
    product: Product,
    tmp_path_factory: pytest.TempPathFactory,
) -> Subscribed:
    case: Case = request.param
    folder: Path = tmp_path_factory.mktemp(case.name)
    model = deploy(wml, product, case, folder)
    return Subscribed(case, model, subscribe(client, data_mart, provider, case, model.deployment))
