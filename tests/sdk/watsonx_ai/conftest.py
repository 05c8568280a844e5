"""A client that is logged in, in its space."""

import pytest
from ibm_watsonx_ai import APIClient, Credentials

from support.stub import PASSWORD, USERNAME, Stub


@pytest.fixture(scope="module")
def client(stub: Stub) -> APIClient:
    credentials = Credentials(
        url=stub.url, username=USERNAME, password=PASSWORD, instance_id="openshift", version="5.1"
    )
    return APIClient(credentials, space_id=stub.space_id)
