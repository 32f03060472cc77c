"""The page for the admin says what the steps say, and every reason to wait is explained."""

import re
from pathlib import Path

import pytest

from sas_service.domain.revocations import Lever
from sas_service.playbooks import PLAYBOOKS
from sas_service.services.playbook_page import BEGIN, render
from sas_service.steps.waits import WAITS

ROOT = Path(__file__).parents[3]


def test_the_generated_part_is_the_committed_one() -> None:
    page = (ROOT / "docs" / "revocation.md").read_text()
    assert page[page.index(BEGIN) :] == render(), "python -m sas_service.services.playbook_page"


def test_the_playbooks_are_the_designs() -> None:
    names = {lever: " ".join(step.name for step in steps) for lever, steps in PLAYBOOKS.items()}
    assert names == {
        Lever.BOTH: "attach-identity assign-role prove-standby switch settle move-daemons replace regenerate-key"
        " detach-identity remove-role prove-revoked complete",
        Lever.KEY: "prove-standby switch settle move-daemons replace regenerate-key prove-revoked complete",
        Lever.ROLE: "attach-identity assign-role prove-standby switch settle replace remove-role detach-identity"
        " prove-revoked complete",
    }


@pytest.mark.parametrize("lever", list(Lever))
def test_what_comes_before_the_first_cut_can_be_undone_or_leaves_nothing(lever: Lever) -> None:
    steps = PLAYBOOKS[lever]
    first = next(number for number, step in enumerate(steps) if not step.reversible)
    assert [step.name for step in steps[:first] if step.do and not step.undo] == ["prove-standby"]
    assert not any(step.undo for step in steps[first:])


def test_every_reason_to_wait_is_explained() -> None:
    source = "".join(path.read_text() for path in (ROOT / "sas_service" / "steps").glob("*.py"))
    used = set(re.findall(r"human=(\w+)", source)) - {"code", "name", "_overdue"}
    known = {"LATE", "SLOTS_MOVED", "UNREPLACED", "INHERITED", "UNPROVABLE", "STILL_ACCEPTED"}
    assert used == known
    assert len({wait.code for wait in WAITS}) == len(WAITS) == len(known) + 8
