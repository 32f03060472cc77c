"""The doctor's view of one identity's roles: enough, not more, and such that a revocation can take them away."""

from collections.abc import Iterator, Sequence

from sas_service.domain.arm_scopes import in_words
from sas_service.domain.data_power import beyond
from sas_service.domain.policy import Profile
from sas_service.ports import EffectiveRole
from sas_service.services.findings import Finding, Subject


def role_findings(
    subject: Subject, profiles: Sequence[Profile], found: Sequence[EffectiveRole], account: str
) -> Iterator[Finding]:
    """Yield findings for each data role that a profile wants of the identity."""
    for wanted in sorted({profile.data_role for profile in profiles}):
        held = [role for role in found if _is(role, wanted)]
        if not held:
            has = ", ".join(sorted({_name(role) for role in found})) or "none"
            yield subject.fail(
                f"has not the role {wanted}",
                f"assign it at the scope of {account}; its roles there now: {has}",
            )
            continue
        yield from _placed(subject, wanted, held)
        yield from _stronger(subject, wanted, held, found)


def _placed(subject: Subject, wanted: str, held: Sequence[EffectiveRole]) -> Iterator[Finding]:
    """Removing a role assignment revokes only if it is the identity's own, at the account, and the only one."""
    own = [role for role in held if not role.inherited and not role.through_group]
    if own and all(role.conditional for role in own):
        yield subject.warn(
            f"has the role {wanted} only under a condition",
            "whether Azure Maps accepts its tokens depends on it: leave conditions to the operator's roles",
        )
    elif own:
        yield subject.ok(f"has the role {wanted}")
    for role in held:
        if role not in own:
            yield subject.warn(
                f"has the role {wanted} {'also' if own else 'only'} {_origin(role)}",
                "removing the identity's own assignment would not revoke its tokens: give it the role at the account"
                " itself, and nowhere else",
            )


def _stronger(
    subject: Subject, wanted: str, held: Sequence[EffectiveRole], found: Sequence[EffectiveRole]
) -> Iterator[Finding]:
    allowed = [action for role in held for action in role.data_actions or ()]
    others = {role.role_id: role for role in found if not _is(role, wanted)}
    for role in others.values():
        if role.data_actions is None:
            yield subject.warn(
                f"has another role, {_name(role)}, that cannot be read",
                "whether it gives more than it should nobody can tell: the operator needs roleDefinitions/read",
            )
        elif more := beyond(role.data_actions, allowed):
            yield subject.warn(
                f"can do more than {wanted}: {_name(role)} gives {', '.join(more)}",
                "its tokens can do all of that: remove that assignment, or name the role as the profile's dataRole",
            )


def _is(role: EffectiveRole, wanted: str) -> bool:
    return wanted.lower() in {role.role_id.lower(), (role.role_name or "").lower()}


def _name(role: EffectiveRole) -> str:
    return role.role_name or role.role_id


def _origin(role: EffectiveRole) -> str:
    places = [
        f"inherited from {in_words(role.scope)}" if role.inherited else "",
        f"through the group {role.principal_id}" if role.through_group else "",
    ]
    return " and ".join(place for place in places if place)
