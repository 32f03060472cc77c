"""JSON read strictly: UTF-8, one value per name, finite numbers; what two readers could read differently is refused."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NoReturn

from sas_service.api.echo import shorten
from sas_service.domain.errors import InvalidRequest, Violation

DEEPEST = 8
"""No request has more than three; what is deeper would only be carried into violations."""


def parse(raw: bytes) -> object:
    """Return the document in ``raw``; raises InvalidRequest for anything that is not strict JSON."""
    try:
        text = raw.decode("utf-8")
        document: object = json.loads(text, object_pairs_hook=_members, parse_constant=_constant, parse_float=_finite)
        if "\\u" in text:
            # An escaped lone surrogate is a string that no answer and no record could hold.
            canonical(document)
    except json.JSONDecodeError as error:
        raise _refused("valid JSON", f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except UnicodeError:
        raise _refused("UTF-8 without lone surrogates", "something else") from None
    except ValueError:
        raise _refused("numbers of at most 4300 digits", "a longer one") from None
    except RecursionError:
        raise _too_deep() from None
    _refuse_deep(document)
    return document


def digest(document: object) -> str:
    """Return the SHA-256 of the document's canonical form: spaces and order do not make another body of it."""
    return sha256(canonical(document)).hexdigest()


def canonical(document: object) -> bytes:
    """Return the document without spaces, its members sorted; raises UnicodeError for a lone surrogate."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _refuse_deep(document: object) -> None:
    level = [document]
    for _ in range(DEEPEST + 1):
        level = [child for node in level for child in _children(node)]
    if level:
        raise _too_deep()


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _too_deep() -> InvalidRequest:
    return _refused(f"at most {DEEPEST} levels of nesting", "more")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise _refused("each member once", f"twice: {', '.join(shorten(name) for name in twice)}")
    return members


def _constant(name: str) -> NoReturn:
    raise _refused("JSON numbers", name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _refused("numbers that a double can hold", "a larger one")
    return number


def _refused(allowed: str, asked: str) -> InvalidRequest:
    return InvalidRequest(
        "The body cannot be read as JSON.",
        violations=(Violation(pointer="", asked=shorten(asked), allowed=allowed, rule="schema.json"),),
    )
