"""Read one request against its operation's contract: path, query, headers and body, every violation at once."""

import re
from collections.abc import Mapping
from functools import cache

from flask import g, request
from marshmallow import Schema, missing
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from sas_service.api.echo import shorten
from sas_service.api.exchange import Ask
from sas_service.api.fields import Strict
from sas_service.api.operations import Body, Operation, Precondition
from sas_service.api.shape import Shaped, shape
from sas_service.api.strict_json import digest, parse
from sas_service.domain.callers import Caller
from sas_service.domain.errors import InvalidRequest, PreconditionMissing, Violation

_JSON = "application/json"
_STRICT = Strict()
_NOTHING = Shaped({}, ())
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_ENTITY_TAG = re.compile(r'"([\x21\x23-\x7e]{1,255})"|([0-9a-f]{64})')
"""One strong entity tag (RFC 9110, 8.8.3), or a plan's hash without its quotes."""


def read(operation: Operation, path: Mapping[str, str], caller: Caller | None) -> Ask:
    """Return what the view may look at; raises InvalidRequest unless the view tells violations itself."""
    in_path = _shape(operation.parameters, path, "path:")
    query = _query(operation)
    key, key_violations = _idempotency_key(operation)
    document = _document(operation.body)
    body = shape(operation.body.schema, document) if operation.body else _NOTHING
    if_match, tag_violations = _if_match(operation)
    violations = (*in_path.violations, *query.violations, *key_violations, *tag_violations, *body.violations)
    if violations and not (operation.body and operation.body.with_policy):
        raise InvalidRequest("The request does not have the documented shape.", violations=violations)
    if operation.precondition is Precondition.REQUIRED and if_match is None:
        raise PreconditionMissing("If-Match must name the plan's hash: the ETag of the revocation.")
    return Ask(
        request_id=g.request_id,
        address=request.path,
        path=in_path.values,
        query=query.values,
        said={} if operation.roles is None else request.args.to_dict(),
        body=body.values,
        body_hash=digest(document) if key else "",
        shape=violations,
        idempotency_key=key,
        if_none_match=request.headers.get("If-None-Match"),
        if_match=if_match,
        last_event_id=_last_event_id(operation),
        origin=request.headers.get("Origin"),
        wants=_wanted(operation),
        authenticated=caller,
    )


def _query(operation: Operation) -> Shaped:
    if operation.roles is None:
        # Probes and scrapers append parameters of their own; nothing public reads any.
        return _NOTHING
    given = request.args.to_dict(flat=False)
    repeated = tuple(
        Violation(f"query:{shorten(name)}", f"{len(values)} times", "once", "schema.unique")
        for name, values in sorted(given.items())
        if len(values) > 1
    )
    flat = {name: values[0] for name, values in given.items()}
    shaped = _shape(operation.query, flat, "query:")
    return Shaped(shaped.values, repeated + shaped.violations)


def _shape(schema: Schema | None, raw: Mapping[str, str], place: str) -> Shaped:
    """Load what stands outside of the body; most requests have nothing there, and loading nothing costs 40 us."""
    if not raw and (schema is None or _demands_nothing(schema)):
        return _NOTHING
    return shape(schema or _STRICT, raw, place=place)


@cache
def _demands_nothing(schema: Schema) -> bool:
    """Tell whether loading nothing with ``schema`` gives nothing: no field is required, none has a default."""
    return not any(each.required or each.load_default is not missing for each in schema.load_fields.values())


def _raw() -> bytes:
    try:
        return request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception:  # noqa: BLE001  the server's own errors of a wrongly chunked body; their text quotes it
        raise InvalidRequest("The body could not be read to its end.") from None


def _document(body: Body | None) -> object:
    if body is None:
        return {}
    raw = _raw()
    if not raw and body.optional:
        return {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    return parse(raw)


def _idempotency_key(operation: Operation) -> tuple[str | None, tuple[Violation, ...]]:
    key = request.headers.get("Idempotency-Key") if operation.idempotent_key else None
    if key is None or _IDEMPOTENCY_KEY.fullmatch(key):
        return key, ()
    allowed = "1 to 255 visible ASCII characters"
    return None, (Violation("header:Idempotency-Key", f"{len(key)} characters", allowed, "schema.pattern"),)


def _if_match(operation: Operation) -> tuple[str | None, tuple[Violation, ...]]:
    said = request.headers.get("If-Match") if operation.precondition else None
    if said is None:
        return None, ()
    tag = _ENTITY_TAG.fullmatch(said.strip())
    if tag:
        return tag[1] or tag[2], ()
    # Neither "*" nor a list: who decides about a plan has seen one.
    return None, (Violation("header:If-Match", shorten(said), "one entity tag in quotes", "schema.pattern"),)


def _last_event_id(operation: Operation) -> int | None:
    """Return the number; what is not one of ours is as good as none, as a browser that was never here says none."""
    said = request.headers.get("Last-Event-ID", "") if operation.resumable else ""
    return int(said) if re.fullmatch(r"[0-9]{1,15}", said, re.ASCII) else None


def _wanted(operation: Operation) -> str:
    """Return the media type of the answer: JSON unless another that the operation has is liked better."""
    accepted = request.headers.get("Accept", "")
    # Nearly nobody says more than "anything" or JSON; taking the header apart costs more than looking at it.
    if "text/" not in accepted and "ndjson" not in accepted:
        return _JSON
    offered = {media_type: None for answer in operation.answers.values() for media_type in answer.media_types}
    return request.accept_mimetypes.best_match(list(offered), default=_JSON) or _JSON
