"""What holds for every client: one stub per test file, short sleeps, and no way out of this machine."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.product import CLOUD_HOST, CLOUD_PLATFORM_HOSTS, PRODUCTS, Product
from support.proxy import Proxy
from support.stub import Stub

# The clients sleep 2 to 10 seconds between their polls, and nobody can tell them otherwise.
LONGEST_SLEEP = 0.03

_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(seconds, LONGEST_SLEEP))

_folder = tempfile.TemporaryDirectory()
_proxy = Proxy()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--product", choices=[one.dialect for one in PRODUCTS], required=True)


def pytest_configure() -> None:
    """The clients read some of these when they are imported, so they are set before that."""
    authorities = Path(_folder.name) / "authorities.pem"
    authorities.touch()
    for name in ("REQUESTS_CA_BUNDLE", "WML_CLIENT_VERIFY_REQUESTS", "WX_CLIENT_VERIFY_REQUESTS"):
        os.environ[name] = str(authorities)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)
    os.environ.update(HTTPS_PROXY=_proxy.url, NO_PROXY="127.0.0.1")


def pytest_unconfigure() -> None:
    _proxy.stop()
    _folder.cleanup()


@pytest.fixture(scope="session")
def product(request: pytest.FixtureRequest) -> Product:
    return next(one for one in PRODUCTS if one.dialect == request.config.getoption("--product"))


@pytest.fixture(scope="module")
def stub(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    """The stub of a test file."""
    with Stub.serve(tmp_path_factory.mktemp("stub"), product.dialect) as stub:
        _proxy.lead(CLOUD_HOST, stub.url)
        for host in CLOUD_PLATFORM_HOSTS:
            _proxy.lead(host, stub.platform_url)
        yield stub
