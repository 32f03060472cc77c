"""openapi.yaml is what the views do: committed byte for byte, complete, and true of real answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from sas_service.api.catalogue import RESOURCES
from sas_service.api.openapi import render
from sas_service.api.problem_table import PROBLEMS
from tests.unit.api.revocation_world import BODY, HttpWorld
from tests.unit.api.revocation_world import issue as issue_token
from tests.unit.api.world import World, app_of, as_caller, issue

ROOT = Path(__file__).parents[3]
DOCUMENT: dict[str, Any] = yaml.safe_load(render())
OPERATIONS = [
    (path, method, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in {"get", "post", "put", "delete"}
]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> FlaskClient:
    return app_of(world).test_client()


def test_the_committed_document_is_this_one() -> None:
    assert (ROOT / "openapi.yaml").read_text(encoding="utf-8") == render()


def test_rendering_gives_the_same_bytes_every_time() -> None:
    assert render() == render()


def test_every_rule_is_documented_and_every_path_exists(world: World) -> None:
    rules = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app_of(world).url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in OPERATIONS} == rules


def test_every_operation_lists_its_problems() -> None:
    declared = {
        (each.path, each.method.lower()): {PROBLEMS[error].type for error in each.refusals}
        for resource in RESOURCES
        for each in resource.operations
    }
    for path, method, operation in OPERATIONS:
        listed = {type_ for response in operation["responses"].values() for type_ in response.get("x-problems", ())}
        assert listed == declared[path, method]
        assert path in {"/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs"} or listed


def test_every_problem_type_is_in_the_document() -> None:
    assert [each["type"] for each in DOCUMENT["x-problem-types"]] == [each.type for each in PROBLEMS.values()]


def test_operation_ids_are_unique_and_security_is_said() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    for path, _, operation in OPERATIONS:
        assert bool(operation["security"]) == path.startswith("/v1/")


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(child)


def test_references_lead_somewhere_and_schemas_are_json_schema() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for node in _nodes(DOCUMENT):
        if isinstance(node, dict) and "$ref" in node:
            assert node["$ref"].removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


def test_the_document_has_the_form_of_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for path, _, operation in OPERATIONS:
        assert set(operation) <= {
            "tags", "operationId", "summary", "description", "security", "parameters", "requestBody", "responses",
        }  # fmt: skip
        assert set(operation["tags"]) <= tags
        in_path = {
            each["name"] for each in operation.get("parameters", ()) if each["in"] == "path" and each["required"]
        }
        assert in_path == set(re.findall(r"{(\w+)}", path))
        assert all("description" in response for response in operation["responses"].values())


def _validator(schema: dict[str, Any], *, closed: bool = False) -> Draft202012Validator:
    """Return a validator that knows the components; ``closed`` also refuses members that no schema declares."""
    components = DOCUMENT["components"]
    if closed:
        components = _closed(components)
    return Draft202012Validator({**schema, "components": components})


def _closed(node: Any) -> Any:
    if isinstance(node, dict):
        closed = {name: _closed(child) for name, child in node.items()}
        return {"additionalProperties": False, **closed} if isinstance(node.get("properties"), dict) else closed
    return [_closed(child) for child in node] if isinstance(node, list) else node


def test_examples_are_true_to_their_schemas() -> None:
    checked = 0
    for _, _, operation in OPERATIONS:
        places = [*operation["responses"].values(), operation.get("requestBody", {})]
        for content in (each.get("content", {}).get("application/json", {}) for each in places):
            if "example" in content:
                _validator(content["schema"], closed=True).validate(content["example"])
                checked += 1
    assert checked > 15


CALLS: list[tuple[str, str, str, str, dict[str, Any], int]] = [
    ("/v1/tokens", "post", "/v1/tokens", "storefront", {"json": {"profile": "storefront-web"}}, 201),
    ("/v1/tokens", "post", "/v1/tokens", "storefront", {"json": {"profile": "logistics-batch", "x": 1}}, 400),
    ("/v1/tokens", "post", "/v1/tokens", "storefront", {"json": {"profile": "storefront-web", "regions": []}}, 422),
    ("/v1/tokens", "post", "/v1/tokens", "auditor", {"json": {}}, 403),
    ("/v1/tokens", "post", "/v1/tokens", "forged", {"json": {}}, 401),
    ("/v1/tokens", "post", "/v1/tokens", "storefront", {"data": b"{}"}, 415),
    ("/v1/tokens/preview", "post", "/v1/tokens/preview", "storefront", {"json": {"profile": "storefront-web"}}, 200),
    ("/v1/tokens", "get", "/v1/tokens", "auditor", {}, 200),
    ("/v1/tokens/{id}", "get", "/v1/tokens/TOKEN", "storefront", {}, 200),
    ("/v1/tokens/{id}", "get", "/v1/tokens/x", "storefront", {}, 404),
    ("/v1/tokens/{id}/renewal", "get", "/v1/tokens/TOKEN/renewal", "auditor", {}, 200),
    ("/v1/profiles", "get", "/v1/profiles", "storefront", {}, 200),
    ("/v1/accounts", "get", "/v1/accounts", "admin", {}, 200),
    ("/v1/accounts", "get", "/v1/accounts", "nobody", {}, 200),
    ("/v1/accounts/{account}", "get", "/v1/accounts/maps-demo", "admin", {}, 200),
    ("/v1/accounts/{account}/cors", "get", "/v1/accounts/maps-demo/cors", "auditor", {}, 200),
    (
        "/v1/accounts/{account}/cors",
        "put",
        "/v1/accounts/maps-demo/cors",
        "admin",
        {"json": {"allowedOrigins": ["https://shop.example"]}},
        200,
    ),
    ("/v1/accounts/{account}/cors", "put", "/v1/accounts/maps-demo/cors", "storefront", {"json": {}}, 403),
    ("/v1/suspensions/{kind}/{id}", "put", "/v1/suspensions/team/storefront", "admin", {"json": {"reason": "r"}}, 201),
    ("/v1/suspensions", "get", "/v1/suspensions", "admin", {}, 200),
    ("/v1/audit/events", "get", "/v1/audit/events", "auditor", {}, 200),
    ("/healthz", "get", "/healthz", "nobody", {}, 200),
    ("/readyz", "get", "/readyz", "nobody", {}, 200),
]


@pytest.mark.parametrize(("path", "method", "address", "caller", "sent", "status"), CALLS)
def test_answers_are_true_to_the_document(
    client: FlaskClient, path: str, method: str, address: str, caller: str, sent: dict[str, Any], status: int
) -> None:
    client.put("/v1/suspensions/profile/logistics-batch", headers=as_caller("admin"))
    address = address.replace("TOKEN", issue(client).get_json()["id"])
    answer = client.open(address, method=method.upper(), headers=as_caller(caller), **sent)
    assert answer.status_code == status, answer.text
    documented = DOCUMENT["paths"][path][method]["responses"][str(status)]["content"]
    media_type = answer.content_type.partition(";")[0]
    _validator(documented[media_type]["schema"], closed=True).validate(answer.get_json())


_RUN = "/v1/revocations/{id}"
RUN_CALLS: list[tuple[str, str, str, str, dict[str, Any], int]] = [
    ("/v1/revocations", "post", "/v1/revocations", "admin", {"json": dict(BODY)}, 201),
    ("/v1/revocations", "post", "/v1/revocations", "admin", {"json": {"mode": "fast"}}, 400),
    ("/v1/revocations", "get", "/v1/revocations", "auditor", {}, 200),
    (_RUN, "get", "/v1/revocations/RUN", "approver", {}, 200),
    (_RUN, "get", "/v1/revocations/RUN", "storefront-0", {}, 403),
    (f"{_RUN}/consumers", "get", "/v1/revocations/RUN/consumers", "auditor", {}, 200),
    (f"{_RUN}/start", "post", "/v1/revocations/RUN/start", "admin", {"headers": {"If-Match": "HASH"}}, 200),
    (f"{_RUN}/start", "post", "/v1/revocations/RUN/start", "admin", {"headers": {"If-Match": '"x"'}}, 412),
    (f"{_RUN}/start", "post", "/v1/revocations/RUN/start", "admin", {}, 428),
    (f"{_RUN}/pause", "post", "/v1/revocations/RUN/pause", "admin", {}, 409),
    (f"{_RUN}/abort", "post", "/v1/revocations/RUN/abort", "admin", {}, 200),
    ("/v1/tokens/{id}/renewal", "get", "/v1/tokens/TOKEN/renewal", "storefront-0", {}, 200),
    ("/v1/tokens/{id}/replacement", "post", "/v1/tokens/TOKEN/replacement", "storefront-0", {}, 201),
    ("/v1/tokens/{id}/replacement", "post", "/v1/tokens/OLD/replacement", "storefront-0", {}, 200),
    ("/v1/tokens/{id}/replacement", "post", "/v1/tokens/TOKEN/replacement", "storefront-1", {}, 404),
    (
        "/v1/tokens/{id}/acknowledgement",
        "post",
        "/v1/tokens/NEW/acknowledgement",
        "storefront-0",
        {"json": "PRINT"},
        200,
    ),
]


@pytest.mark.parametrize(("path", "method", "address", "caller", "sent", "status"), RUN_CALLS)
def test_answers_about_revocations_are_true_to_the_document(
    path: str, method: str, address: str, caller: str, sent: dict[str, Any], status: int
) -> None:
    world = HttpWorld()
    token, old = issue_token(world), issue_token(world)
    new = world.call("storefront-0", "POST", f"/v1/tokens/{old['id']}/replacement").get_json()
    run = world.plan(reason="tokenLeak", target={"tokens": [old["id"]]}).get_json()
    for word, value in {"RUN": run["id"], "TOKEN": token["id"], "OLD": old["id"], "NEW": new["id"]}.items():
        address = address.replace(word, value)
    if sent.get("json") == "PRINT":
        sent = {"json": {"fingerprint": new["fingerprint"]}}
    if sent.get("headers") == {"If-Match": "HASH"}:
        sent = {"headers": {"If-Match": f'"{run["planHash"]}"'}}
    answer = world.call(caller, method.upper(), address, **sent)
    assert answer.status_code == status, answer.text
    documented = DOCUMENT["paths"][path][method]["responses"][str(status)]["content"]
    media_type = answer.content_type.partition(";")[0]
    _validator(documented[media_type]["schema"], closed=True).validate(answer.get_json())
