"""The way to a subscription, as IBM's notebooks go it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibm_watson_machine_learning import APIClient as WmlClient
from ibm_watson_openscale import APIClient
from ibm_watson_openscale.base_classes.watson_open_scale_v2 import (
    Asset,
    AssetDeploymentRequest,
    AssetPropertiesRequest,
    ScoringEndpointRequest,
    SparkStruct,
    Target,
    WMLCredentialsCP4D,
)
from ibm_watson_openscale.supporting_classes.enums import (
    AssetTypes,
    DeploymentTypes,
    InputDataType,
    ProblemType,
    ServiceTypes,
    TargetTypes,
)

from support.cases import Case
from support.product import Product


@dataclass(frozen=True)
class ModelInUse:
    """A stored model and its deployment."""

    model: str
    deployment: str


@dataclass(frozen=True)
class Subscribed:
    """A model in use, and its subscription."""

    case: Case
    model: ModelInUse
    subscription: str


def deploy(wml: WmlClient, product: Product, case: Case, folder: Path) -> ModelInUse:
    """Stores a model, and deploys it."""
    names = wml.repository.ModelMetaNames
    details = wml.repository.store_model(
        model=str(case.archive(folder)),
        meta_props={
            names.NAME: case.name,
            names.TYPE: product.model_type,
            names.SOFTWARE_SPEC_UID: wml.software_specifications.get_id_by_name(product.software_specification),
            names.LABEL_FIELD: case.label,
            names.INPUT_DATA_SCHEMA: case.schema(),
        },
    )
    model = wml.repository.get_model_id(details)
    options = wml.deployments.ConfigurationMetaNames
    deployment = wml.deployments.create(model, meta_props={options.NAME: case.name, options.ONLINE: {}})
    return ModelInUse(model, wml.deployments.get_id(deployment))


def score(wml: WmlClient, case: Case, model: ModelInUse) -> tuple[dict[str, Any], dict[str, Any]]:
    """The scoring request of the case's rows, and the answer to it."""
    request = {"input_data": [{"fields": case.features, "values": case.rows}]}
    return request, wml.deployments.score(model.deployment, request)


def add_data_mart(client: APIClient, name: str = "tests") -> str:
    """The id of the data mart, which is made."""
    added = client.data_marts.add(name=name, internal_database=True, background_mode=False)
    return str(added.result.metadata.id)


def add_provider(client: APIClient, space: str, name: str = "tests") -> str:
    """The id of a service provider of the space."""
    added = client.service_providers.add(
        name=name,
        description=f"of {name}",
        service_type=ServiceTypes.WATSON_MACHINE_LEARNING,
        credentials=WMLCredentialsCP4D(),
        operational_space_id="pre_production",
        deployment_space_id=space,
        background_mode=False,
    )
    return str(added.result.metadata.id)


def subscribe(client: APIClient, data_mart: str, provider: str, case: Case, deployment: str) -> str:
    """The id of a subscription of the deployment."""
    space = client.service_providers.get(provider).result.entity.deployment_space_id
    found = client.service_providers.get_deployment_asset(
        data_mart_id=data_mart,
        service_provider_id=provider,
        deployment_id=deployment,
        deployment_space_id=space,
    )["entity"]
    added = client.subscriptions.add(
        data_mart_id=data_mart,
        service_provider_id=provider,
        asset=Asset(
            asset_id=found["asset"]["asset_id"],
            name=found["asset"]["name"],
            url=found["asset"]["url"],
            asset_type=AssetTypes.MODEL,
            input_data_type=InputDataType.STRUCTURED,
            problem_type=_problem_type(case),
        ),
        deployment=AssetDeploymentRequest(
            deployment_id=deployment,
            name=found["name"],
            deployment_type=DeploymentTypes.ONLINE,
            url=found["scoring_endpoint"]["url"],
            scoring_endpoint=ScoringEndpointRequest(url=found["scoring_endpoint"]["url"]),
        ),
        asset_properties=asset_properties(case),
        background_mode=False,
    )
    return str(added.result.metadata.id)


def asset_properties(case: Case) -> AssetPropertiesRequest:
    """What OpenScale is told of the columns."""
    return AssetPropertiesRequest(
        label_column=case.label,
        prediction_field="prediction",
        probability_fields=["probability"] if case.probabilities else None,
        feature_fields=case.features,
        categorical_fields=[],
        training_data_schema=SparkStruct.from_dict(schema(case, label=True)),
        input_data_schema=SparkStruct.from_dict(schema(case)),
        output_data_schema=SparkStruct.from_dict(schema(case, answer=True)),
    )


def schema(case: Case, *, label: bool = False, answer: bool = False) -> dict[str, Any]:
    """The features, and what else is asked for, as a Spark struct."""
    number = "integer" if case.label_type is int else "double"
    fields = [_field(name, "double", "feature") for name in case.features]
    if label:
        fields.append(_field(case.label, number, "target"))
    if answer:
        fields.append(_field("prediction", number, "prediction"))
    if answer and case.probabilities:
        array = {"type": "array", "elementType": "double", "containsNull": True}
        fields.append(_field("probability", array, "probability"))
    return {"type": "struct", "fields": fields}


def target(subscription: str) -> Target:
    return Target(target_type=TargetTypes.SUBSCRIPTION, target_id=subscription)


def data_set(client: APIClient, subscription: str, kind: str) -> str:
    """The id of a data set of the subscription, which may take its time to appear."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = client.data_sets.list(target_target_id=subscription, target_target_type="subscription", type=kind)
        if found.result.data_sets:
            return str(found.result.data_sets[0].metadata.id)
        time.sleep(5)
    raise TimeoutError(f"there is no data set of type {kind}")


def _problem_type(case: Case) -> ProblemType:
    return {
        "binary": ProblemType.BINARY_CLASSIFICATION,
        "multiclass": ProblemType.MULTICLASS_CLASSIFICATION,
        "regression": ProblemType.REGRESSION,
    }[case.problem]


def _field(name: str, kind: Any, role: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": {"modeling_role": role}}
