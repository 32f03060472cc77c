"""The generated part of docs/revocation.md: `python -m sas_service.services.playbook_page` prints it."""

from collections.abc import Iterator

from sas_service.domain.drift import CODES
from sas_service.domain.revocations import LEGAL
from sas_service.playbooks import PLAYBOOKS
from sas_service.steps.waits import WAITS

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def render() -> str:
    """Return the steps, the states, the waits and the drifts as Markdown."""
    return "\n".join((BEGIN, *_steps(), *_states(), *_waits(), *_drifts(), END)) + "\n"


def _steps() -> Iterator[str]:
    yield "## What will happen"
    for lever, steps in PLAYBOOKS.items():
        yield from ("", f"### Lever `{lever.value}`", "")
        cut = next(number for number, step in enumerate(steps) if not step.reversible)
        for number, step in enumerate(steps):
            if number == cut:
                yield from ("", "*From here on there is no way back; `abort` is refused.*", "")
            yield f"{number + 1}. **{step.name}**: {step.purpose}"


def _states() -> Iterator[str]:
    yield from ("", "## What may be done when", "", "| state | actions |", "|---|---|")
    for state, actions in LEGAL.items():
        yield f"| {state.value} | {', '.join(sorted(actions)) or 'none: it is over'} |"


def _waits() -> Iterator[str]:
    yield from ("", "## When it waits for you", "", "| code | what it means | what helps |", "|---|---|---|")
    for wait in WAITS:
        yield f"| `{wait.code}` | {wait.meaning} | {wait.remedy} |"


def _drifts() -> Iterator[str]:
    yield from ("", "## What drift is called", "", "| code | what it means, and what to do |", "|---|---|")
    for code, meaning in CODES.items():
        yield f"| `{code}` | {meaning} |"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201  this is what it is for
