"""A revocation as JSON: what the journal stores, and the event of its start repeats; old ones stay readable."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sas_service.domain.runs import Revocation
from sas_service.domain.typed_json import from_json, to_json

VERSION = 1
"""Grows only when a text of the version before has to be changed to be understood: a member renamed, not one added."""

Document = dict[str, Any]
UPGRADES: Mapping[int, Callable[[Document], Document]] = {}
"""Version -> what turns a document of it into one of the next."""


def run_document(run: Revocation) -> Document:
    """Return ``run`` as JSON; the revision comes first, where scripts look for it."""
    return {"revision": run.revision, "version": VERSION, **to_json(replace(run, revision=0))}


def read_run_document(document: Document) -> Revocation:
    """Return the run; AttributeError, KeyError, TypeError or ValueError for what a newer release wrote."""
    run: Revocation = from_json(Revocation, _upgraded(dict(document)))
    return run


def _upgraded(document: Document) -> Document:
    version = document.pop("version")
    while version < VERSION:
        document = UPGRADES[version](document)
        version += 1
    if version > VERSION:
        raise ValueError("a newer release wrote it")
    return document
