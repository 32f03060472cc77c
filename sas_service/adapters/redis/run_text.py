"""Entries of the journal as the text that Redis stores; texts of every earlier version stay readable."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sas_service.adapters.redis.failures import unavailable
from sas_service.adapters.redis.typed_json import from_json, to_json
from sas_service.domain.runs import Revocation

VERSION = 1
"""Grows only when a text of the version before has to be changed to be understood: a member renamed, not one added."""

READ_BEFORE = 2000
"""How many texts are remembered with what they hold; two kilobytes each, more with a list of casualties."""

_Document = dict[str, Any]
_UPGRADES: Mapping[int, Callable[[_Document], _Document]] = {}
"""Version -> what turns a document of it into one of the next."""


def write_run(run: Revocation) -> str:
    """Return the text of ``run``; the revision comes first, where scripts look for it."""
    document = {"revision": run.revision, "version": VERSION, **to_json(replace(run, revision=0))}
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


@lru_cache(maxsize=READ_BEFORE)
def read_run(text: str) -> Revocation:
    """Return the run that ``text`` holds; raises AuditLogUnavailable for what a newer release wrote.

    An entry is read again at every tick and for every plan, and hardly any has changed since.
    """
    try:
        run: Revocation = from_json(Revocation, _upgraded(json.loads(text)))
    except (AttributeError, KeyError, TypeError, ValueError):
        # ``from None``: the original quotes what is stored.
        raise unavailable("holds a revocation that this release cannot read") from None
    return run


def _upgraded(document: _Document) -> _Document:
    version = document.pop("version")
    while version < VERSION:
        document = _UPGRADES[version](document)
        version += 1
    if version > VERSION:
        raise ValueError("a newer release wrote it")
    return document
