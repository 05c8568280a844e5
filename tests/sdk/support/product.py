"""The products whose dialects the clients speak, each with a model type of its time."""

from dataclasses import dataclass
from typing import Any

from support.stub import API_KEY, PASSWORD, USERNAME, Stub


@dataclass(frozen=True)
class Product:
    """A product, named as the stub's dialect."""

    dialect: str
    model_type: str
    software_specification: str


PRODUCTS = [
    Product("cp4d_4", "pytorch-onnx_2.0", "runtime-23.1-py3.10"),
    Product("cp4d_5", "pytorch-onnx_2.1", "runtime-24.1-py3.11"),
    Product("ibm_cloud", "onnxruntime_1.17", "onnxruntime_opset_21"),
]

# What the clients have built in for the region us-south.
CLOUD_HOST = "us-south.ml.cloud.ibm.com"
CLOUD_PLATFORM_HOSTS = ["api.dataplatform.cloud.ibm.com", "iam.cloud.ibm.com"]


def wml_credentials(product: Product, stub: Stub, *, by_api_key: bool = False) -> dict[str, Any]:
    """What the client of Watson Machine Learning logs in with."""
    if product.dialect == "ibm_cloud":
        return {"url": f"https://{CLOUD_HOST}", "apikey": API_KEY}
    secret = {"apikey": API_KEY} if by_api_key else {"password": PASSWORD}
    return {"url": stub.url, "instance_id": "openshift", "version": "4.8", "username": USERNAME} | secret
