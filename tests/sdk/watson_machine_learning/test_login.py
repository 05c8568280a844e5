"""Logging in."""

import pytest
from ibm_watson_machine_learning import APIClient
from ibm_watson_machine_learning.wml_client_error import WMLClientError

from support.product import Product, wml_credentials
from support.stub import API_KEY, Stub


def test_a_login_gives_a_token_that_opens_the_space(client: APIClient, stub: Stub) -> None:
    assert client.wml_token.count(".") == 2
    assert client.spaces.get_details(stub.space_id)["entity"]["name"] == "stepwise"


def test_an_api_key_logs_in(product: Product, stub: Stub) -> None:
    client = APIClient(wml_credentials(product, stub, by_api_key=True))
    assert client.spaces.get_details(stub.space_id)["metadata"]["id"] == stub.space_id


def test_a_ready_token_needs_no_login(client: APIClient, product: Product, stub: Stub) -> None:
    before = len(stub.sent("POST", ""))
    credentials = wml_credentials(product, stub)
    kept = {key: value for key, value in credentials.items() if key not in ("username", "password", "apikey")}
    again = APIClient(kept | {"token": client.wml_token})
    assert again.spaces.get_details(stub.space_id)["metadata"]["id"] == stub.space_id
    assert len(stub.sent("POST", "")) == before


def test_a_wrong_secret_is_refused(product: Product, stub: Stub) -> None:
    # IBM Cloud has no passwords, and IAM another word for it.
    is_cloud = product.dialect == "ibm_cloud"
    for secret in ["apikey"] if is_cloud else ["password", "apikey"]:
        credentials = wml_credentials(product, stub, by_api_key=secret == "apikey")
        with pytest.raises(WMLClientError, match="400" if is_cloud else "401"):
            APIClient(credentials | {secret: "wrong"})


def test_a_token_of_nobody_is_refused(product: Product, stub: Stub) -> None:
    credentials = wml_credentials(product, stub)
    kept = {key: value for key, value in credentials.items() if key not in ("username", "password", "apikey")}
    with pytest.raises(WMLClientError):
        APIClient(kept | {"token": "never.given.out"}).set.default_space(stub.space_id)
    assert API_KEY not in stub.log.read_text()
