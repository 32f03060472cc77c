"""How an account stands, for who watches a worker: its run, who is late, what has drifted, how the standby is."""

from collections.abc import Mapping
from dataclasses import dataclass

from sas_service.domain.runs import Revocation
from sas_service.ports import AccountNotes, Journal


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known without asking Azure; ``run`` is the one that holds the account."""

    account: str
    run: Revocation | None
    drifts: tuple[tuple[str, str], ...]

    @property
    def late(self) -> tuple[str, ...]:
        """The consumers who had not moved at the run's last look, by name."""
        step = next((each for each in self.run.steps if each.name == "replace"), None) if self.run else None
        named = step.evidence.get("late", ()) if step and not step.done else ()
        return tuple(str(each) for each in named) if isinstance(named, list | tuple) else ()

    def words(self) -> Mapping[str, object]:
        """Return what is worth a line in the log whenever it changes."""
        run = self.run
        return {
            "revocation": run.id if run else None,
            "state": run.state.value if run else None,
            "step": run.step.name if run and run.step else None,
            "waitingFor": run.waiting_code if run else None,
            "warnedAtPercent": run.warned if run and run.warned else None,
            "drift": [f"{code} {about}" for code, about in self.drifts] or None,
        }


def standing(account: str, journal: Journal, notes: AccountNotes) -> Standing:
    """Read how ``account`` stands. Raises AuditLogUnavailable."""
    known = notes.known(account)
    return Standing(account, journal.running(account), tuple(each.name for each in known.drifts) if known else ())
