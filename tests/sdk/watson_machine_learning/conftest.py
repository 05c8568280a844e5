"""A client that is logged in, in its space."""

import pytest
from ibm_watson_machine_learning import APIClient

from support.product import Product, wml_credentials
from support.stub import Stub


@pytest.fixture(scope="module")
def client(product: Product, stub: Stub) -> APIClient:
    client = APIClient(wml_credentials(product, stub))
    assert client.set.default_space(stub.space_id) == "SUCCESS"
    return client
