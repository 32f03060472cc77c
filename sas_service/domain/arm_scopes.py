"""ARM scopes in words, for people who read advice."""

import re

_FORMS = (
    (re.compile(r"/subscriptions/[^/]+/resourceGroups/([^/]+)", re.IGNORECASE), "the resource group"),
    (re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE), "the subscription"),
    (
        re.compile(r"/providers/Microsoft\.Management/managementGroups/([^/]+)", re.IGNORECASE),
        "the management group",
    ),
    (re.compile(r"/.*/([^/]+)"), "the resource"),
)


def in_words(scope: str) -> str:
    """Return ``/subscriptions/s/resourceGroups/g`` as "the resource group g"."""
    for form, kind in _FORMS:
        found = form.fullmatch(scope.rstrip("/"))
        if found:
            return f"{kind} {found[1]}"
    return "the tenant's root"
