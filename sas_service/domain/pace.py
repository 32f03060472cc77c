"""How long a revocation waits, and how often it looks: every wait is a setting, none is slept in a thread."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits of a run; the defaults are for production, the demo's are seconds."""

    plan_lifetime: timedelta = timedelta(hours=1)
    quarantine: timedelta = timedelta(hours=1)
    """How long nothing hangs on a key or identity after the last change that takes it away was sent."""
    proof_rounds: int = 3
    proof_span: timedelta = timedelta(seconds=60)
    """A slot is proven by this many rounds of probes in a row, over at least this long."""
    proof_limit: timedelta = timedelta(minutes=30)
    """After this a step that is not done waits for a human: a role takes ten minutes, and once took thirty."""
    deadline: timedelta = timedelta(hours=1)
    """How long consumers have in an expedited run whose admin named no deadline: none waits for ever unheard."""
    role_propagation: timedelta = timedelta(minutes=10)
    """How long Azure takes to spread a role; nothing waits for it, only a plan's expected time counts with it."""
    resend_after: timedelta = timedelta(seconds=30)
    regenerate_again_after: timedelta = timedelta(minutes=10)
    """When a regeneration of unknown outcome, whose key has not changed, is sent once more."""
    canary_lifetime: timedelta = timedelta(hours=24)
    call_deadline: timedelta = timedelta(seconds=30)
    lease: timedelta = timedelta(seconds=90)
    soon: timedelta = timedelta(minutes=30)
    """When everything that is meant expires within this, waiting is recommended."""
