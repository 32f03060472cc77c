"""Every kind of fault in a document: refused, with the line, the place and the reason, and all of them at once."""

import re
from datetime import timedelta

import pytest

from sas_service.adapters.policy_file import parse_policy
from sas_service.domain.errors import PolicyRefused, Violation
from sas_service.domain.policy import VaultSecret
from tests.unit.policy.documents import GOOD, IDENTITIES, STOREFRONT_APP, varied
from tests.unit.policy.faulty_documents import FAULTS, HERE


def faults(text: str) -> list[Violation]:
    with pytest.raises(PolicyRefused) as caught:
        parse_policy(text.encode(), "policy.yaml")
    return list(caught.value.violations)


def marked_lines(text: str) -> list[str]:
    return [f"policy.yaml:{number}" for number, line in enumerate(text.splitlines(), 1) if HERE in line]


@pytest.mark.parametrize(("change", "pointer", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_refused_with_its_line_place_and_reason(change: tuple[str, str], pointer: str, reason: str) -> None:
    text = varied(change)
    (fault,) = faults(text)
    assert [fault.rule] == marked_lines(text)
    assert fault.pointer == pointer
    assert reason in str(fault.allowed)


def test_what_was_written_is_repeated() -> None:
    assert faults(varied(("maxRatePerSecond: 50\n", "maxRatePerSecond: 501\n")))[0].asked == 501


def test_ten_faults_come_together_in_the_order_of_their_lines() -> None:
    text = varied(
        ("version: 1\n", "version: 3 # <-\ncolour: red # <-\n"),
        ("platformCeiling: P365D\n", "platformCeiling: P1M # <-\n"),
        (f"world-a: {IDENTITIES}/world-a\n", f"world-a: {IDENTITIES}/../world-a # <-\n"),
        ("storefront-web-a, storefront-web-b]\n", "storefront-web-a] # <-\n"),
        ("maxRatePerSecond: 50\n", "maxRatePerSecond: 501 # <-\n"),
        ("      default: PT1H\n", "      default: PT1M # <-\n"),
        ("cors: [https://shop.example]\n", "cors: ['*'] # <-\n"),
        ("    sharing: shared\n", "    sharing: shared\n    sharing: shared # <-\n"),
        (f"applications: [{STOREFRONT_APP}]\n", "applications: [no] # <-\n"),
        ("profiles: [logistics-batch]\n", "profiles: [logistic] # <-\n"),
    )
    assert [fault.rule for fault in faults(text)] == marked_lines(text)


def test_a_fault_inside_a_part_does_not_hide_what_its_other_keys_contradict() -> None:
    text = varied(
        ("[world-a, world-b]\n", "[World, nobody]\n"),
        ("    lifetime: {max: PT24H}\n", "    lifetime: {max: PT25H, colour: red}\n"),
    )
    assert [fault.pointer for fault in faults(text)] == [
        "/profiles/world/identities/0",
        "/profiles/world/identities/1",
        "/profiles/world/lifetime/colour",
        "/profiles/world/lifetime/max",
    ]


@pytest.mark.parametrize("kind", ["accounts", "profiles", "teams"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [("{}", "is empty"), ("[]", "must be a mapping"), ("", "has no value"), ("5", "must be a mapping")],
)
def test_an_empty_or_wrong_section_is_refused_for_what_it_is(kind: str, value: str, reason: str) -> None:
    without = re.sub(rf"^{kind}:\n(  .*\n)+", f"{kind}: {value}\n", GOOD, flags=re.MULTILINE)
    told = {fault.pointer: str(fault.allowed) for fault in faults(without)}
    assert reason in told[f"/{kind}"]


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "5\n", "null\n"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    (fault,) = faults(text)
    assert (fault.pointer, fault.rule) == ("", "policy.yaml:1")
    assert "must be a mapping" in str(fault.allowed)


VAULT = "https://maps-vault.vault.azure.net"
SHARED = f"""\
    platformCeiling: P365D
    sharedKeySecrets:
      - {{vault: {VAULT}, secret: key, refreshWithin: PT1H}}
      - {{vault: {VAULT}, secret: other, refreshWithin: PT0S}}
"""


def test_secrets_and_approvals_are_read() -> None:
    text = varied(
        ("version: 1\n", "version: 1\nrevocations: {approvals: 2, emergencyApprovals: 1}\n"),
        ("    platformCeiling: P365D\n", SHARED),
        (
            "    lifetime: {max: P365D}\n",
            f"    lifetime: {{max: P365D}}\n    keyVaultSecret: {{vault: {VAULT}, secret: t}}\n",
        ),
    )
    policy = parse_policy(text.encode(), "policy.yaml")
    assert (policy.approvals.of(is_emergency=False), policy.approvals.of(is_emergency=True)) == (2, 1)
    first, second = policy.accounts["maps-demo"].shared_key_secrets
    assert (first.place.name, first.refresh_within) == (f"{VAULT}/secrets/key", timedelta(hours=1))
    assert second.refresh_within == timedelta()
    assert policy.profiles["logistics-batch"].key_vault_secret == VaultSecret(VAULT, "t")
    assert policy.profiles["storefront-web"].key_vault_secret is None


def test_approvals_are_those_of_an_emergency_too_unless_it_has_its_own() -> None:
    policy = parse_policy(varied(("version: 1\n", "version: 1\nrevocations: {approvals: 1}\n")).encode(), "p")
    assert policy.approvals.of(is_emergency=True) == 1
    assert parse_policy(GOOD.encode(), "p").approvals.of(is_emergency=False) == 0


def test_a_secret_has_one_writer() -> None:
    text = varied(
        ("    platformCeiling: P365D\n", SHARED),
        (
            "    lifetime: {max: P365D}\n",
            f"    lifetime: {{max: P365D}}\n    keyVaultSecret: {{vault: {VAULT}, secret: KEY}} # <-\n",
        ),
    )
    (fault,) = faults(text)
    assert [fault.rule] == marked_lines(text)
    assert "is the same secret as accounts.maps-demo.sharedKeySecrets.0" in str(fault.allowed)
