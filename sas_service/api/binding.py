"""Give declared operations to Flask: authenticate, authorise, read, call the view, answer."""

from collections.abc import Callable, Iterable

from flask import Flask, Response, g, request

from sas_service.api.access import UNIDENTIFIED
from sas_service.api.auth import Gate, require
from sas_service.api.cors import Cors
from sas_service.api.exchange import Answer
from sas_service.api.operations import Operation, Resource
from sas_service.api.reading import read
from sas_service.api.short_way import REFUSED
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Caller
from sas_service.domain.errors import MissingRole


def bind(app: Flask, resources: Iterable[Resource], *, use_cases: UseCases, gate: Gate, cors: Cors) -> None:
    """Register every operation, and OPTIONS where pages of other origins may call."""
    for_pages: dict[str, tuple[str, ...]] = {}
    for operation in (each for resource in resources for each in resource.operations):
        _rule(app, operation.method, operation.path, _bound(operation, use_cases, gate))
        if operation.cors:
            for_pages[operation.path] = (*for_pages.get(operation.path, ()), operation.method)
    for path, methods in for_pages.items():
        _rule(app, "OPTIONS", path, _preflight(cors, methods))


def _rule(app: Flask, method: str, path: str, view: Callable[..., Response]) -> None:
    rule = path.replace("{", "<").replace("}", ">")
    # Flask's own OPTIONS would answer on every path, without asking who is there.
    app.add_url_rule(rule, f"{method} {path}", view, methods=[method], provide_automatic_options=False)


def _bound(operation: Operation, use_cases: UseCases, gate: Gate) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        g.cors = operation.cors
        caller = _admit(operation, use_cases, gate)
        refusal: Exception | None = request.environ.get(REFUSED)
        if refusal is not None:
            raise refusal
        return _response(operation.view(use_cases, read(operation, path, caller)))

    return view


def _preflight(cors: Cors, methods: tuple[str, ...]) -> Callable[..., Response]:
    def view(**_: str) -> Response:
        return cors.preflight(methods)

    return view


def _admit(operation: Operation, use_cases: UseCases, gate: Gate) -> Caller | None:
    if operation.roles is None:
        return None
    unidentified: Exception | None = request.environ.get(UNIDENTIFIED)
    if unidentified is not None:
        raise unidentified
    caller = gate.identify(request.headers.get("Authorization"))
    g.caller = caller
    try:
        require(caller, operation.roles)
    except MissingRole as refusal:
        use_cases.deciding.role_missing(
            refusal,
            caller,
            operation=f"{operation.method} {operation.path}",
            now=use_cases.clock.now(),
            request_id=g.request_id,
        )
        raise
    return caller


def _response(answer: Answer) -> Response:
    content = answer.content if answer.stream is None else answer.stream
    return Response(content, answer.status, dict(answer.headers), content_type=answer.content_type)
