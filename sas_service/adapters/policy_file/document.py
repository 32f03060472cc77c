"""From the bytes of a policy document to a Policy, or to one refusal that lists every fault with file and line."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, cast

from marshmallow import ValidationError

from sas_service.adapters.policy_file.consistency import contradictions
from sas_service.adapters.policy_file.nodes import MAXIMUM_BYTES, UNREADABLE, Fault, Path, Written, read
from sas_service.adapters.policy_file.parts import HERE
from sas_service.adapters.policy_file.shape import DocumentPart
from sas_service.domain.errors import PolicyRefused, Violation
from sas_service.domain.policy import (
    Account,
    Approvals,
    Budget,
    Policy,
    Profile,
    SharedKeySecret,
    Sharing,
    Standby,
    Team,
    VaultSecret,
    usual_lifetime,
)
from sas_service.domain.quotas import Quota

_DOCUMENT = DocumentPart()


def load_policy(path: FilePath) -> Policy:
    """Return the policy of the file at ``path``; raises PolicyRefused."""
    return parse_policy(read_document(path), str(path))


def read_document(path: FilePath) -> bytes:
    """Return the bytes at ``path``, one more than allowed at most; raises PolicyRefused if there are none to be had."""
    try:
        with path.open("rb") as file:
            return file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read: {error.strerror or type(error).__name__}"
        raise refusal(str(path), "", (Violation("", None, reason, f"{path}:1"),)) from error


def parse_policy(data: bytes, source: str) -> Policy:
    """Return the policy that ``data`` says; raises PolicyRefused with every fault, by line."""
    written = read(data)
    document, shape_faults = _shaped(written)
    clashes = (Fault(path, written.line(path), reason) for path, reason in contradictions(document, written))
    faults = sorted((*written.faults, *shape_faults, *clashes), key=lambda fault: fault.line)
    digest = hashlib.sha256(data).hexdigest()
    if faults:
        raise refusal(source, digest, [_violation(fault, written, source) for fault in faults])
    return _policy(document, digest, source, written)


def refusal(source: str, digest: str, violations: Iterable[Violation]) -> PolicyRefused:
    """Return the error that refuses the document ``digest`` (empty if it could not be read) of ``source``."""
    listed = tuple(violations)
    faults = "one fault" if len(listed) == 1 else f"{len(listed)} faults"
    return PolicyRefused(f"{source} cannot be used: {faults}.", violations=listed, digest=digest, source=source)


def _shaped(written: Written) -> tuple[Mapping[str, Any], list[Fault]]:
    """Return what the shape makes of the document, and what is wrong with it beyond what could not be read."""
    if written.value is UNREADABLE:
        return {}, []
    try:
        return _DOCUMENT.load(cast("Any", written.value)), []
    except ValidationError as error:
        found = [
            Fault(path, written.line(path), reason)
            for path, reason in _flat(error.messages, ())
            if written.at(path) is not UNREADABLE
        ]
        valid: Any = error.valid_data
        return (valid if isinstance(valid, dict) else {}), found


def _flat(messages: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Unfold marshmallow's nested messages into paths and reasons."""
    if isinstance(messages, Mapping):
        for step, inner in messages.items():
            yield from _flat(inner, path if step == HERE else (*path, step))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flat(inner, path)
    else:
        yield path, str(messages)


def _violation(fault: Fault, written: Written, source: str) -> Violation:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in fault.path)
    asked = written.at(fault.path)
    scalar = asked if isinstance(asked, str | int | float | bool) else None
    return Violation("".join(f"/{step}" for step in steps), scalar, fault.reason, f"{source}:{fault.line}")


def _policy(document: Mapping[str, Any], digest: str, source: str, written: Written) -> Policy:
    return Policy(
        accounts={name: _account(name, keys) for name, keys in document["accounts"].items()},
        profiles={name: _profile(name, keys) for name, keys in document["profiles"].items()},
        teams={name: _team(name, keys) for name, keys in document["teams"].items()},
        digest=digest,
        source=source,
        approvals=_approvals(document.get("revocations", {})),
        retention=document.get("retention"),
        lines={".".join(map(str, path)): line for path, line in written.lines.items()},
    )


def _account(name: str, keys: Mapping[str, Any]) -> Account:
    secrets = tuple(
        SharedKeySecret(VaultSecret(each["vault"], each["secret"]), each["refresh_within"])
        for each in keys.get("shared_key_secrets", ())
    )
    return Account(
        name=name, **{"resource_name": name, **keys, "shared_key_secrets": secrets, "standby": Standby(keys["standby"])}
    )


def _approvals(keys: Mapping[str, Any]) -> Approvals:
    needed = keys.get("approvals", 0)
    return Approvals(needed, keys.get("emergency_approvals", needed))


def _profile(name: str, keys: Mapping[str, Any]) -> Profile:
    lifetime = keys["lifetime"]
    return Profile(
        name=name,
        account=keys["account"],
        data_role=keys["data_role"],
        identities=keys["identities"],
        regions=keys["regions"],
        max_rate_per_second=keys["max_rate_per_second"],
        minimum_lifetime=lifetime["min"],
        maximum_lifetime=lifetime["max"],
        default_lifetime=lifetime.get("default", usual_lifetime(lifetime["min"], lifetime["max"])),
        start_ahead=keys["start_ahead"],
        sharing=Sharing(keys["sharing"]),
        cors_origins=keys.get("cors", ()),
        window=keys.get("window"),
        budget=Budget(**keys["budget"]) if "budget" in keys else None,
        key_vault_secret=VaultSecret(**keys["key_vault_secret"]) if "key_vault_secret" in keys else None,
    )


def _team(name: str, keys: Mapping[str, Any]) -> Team:
    members = keys["members"]
    kinds = {kind: frozenset(members.get(kind, ())) for kind in ("applications", "objects", "groups")}
    quota = Quota(**keys["quota"]) if "quota" in keys else None
    return Team(name=name, profiles=keys["profiles"], quota=quota, **kinds)
