"""What a revocation needs: its memory, its lease, the tokens it moves, and Azure's levers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sas_service.domain.consumers import Acknowledgement
from sas_service.domain.runs import Revocation
from sas_service.domain.slots import AccountSlots, SigningKey
from sas_service.domain.tokens import SasToken, TokenRecord
from sas_service.ports.azure import EffectiveRole
from sas_service.ports.control import Slots


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run an account until ``until``; ``fence`` is larger than that of every earlier lease."""

    account: str
    holder: str
    fence: int
    until: datetime


class Leases(Protocol):
    """One lease per account; all methods raise AuditLogUnavailable."""

    def take(self, account: str, holder: str, *, until: datetime, now: datetime) -> Lease | None:
        """Return a lease with a new fence, the holder's own prolonged with its fence, or None: somebody has it."""
        ...

    def release(self, lease: Lease) -> None:
        """Give it back; nothing happens if it is not the newest."""
        ...


class Journal(Protocol):
    """The memory of revocations, durable when a write returns. All methods raise AuditLogUnavailable."""

    def add(self, run: Revocation) -> Revocation:
        """Remember a plan; returns it with its first revision."""
        ...

    def read(self, run_id: str) -> Revocation:
        """Return it as it is. Raises NotFound."""
        ...

    def of(self, account: str) -> tuple[Revocation, ...]:
        """Return all of an account, newest first."""
        ...

    def running(self, account: str) -> Revocation | None:
        """Return the run that holds the account."""
        ...

    def accounts(self) -> frozenset[str]:
        """Return every account that has a plan or a run, also those that the policy has no more."""
        ...

    def forget(self, run: Revocation) -> None:
        """Remove a plan that nobody started, if ``run`` has the newest revision; one that is gone is no error.

        Raises RevisionConflict, also for the run that holds its account.
        """
        ...

    def start(self, run: Revocation, *, instead_of: Revocation | None = None) -> Revocation:
        """Write ``run`` as the one that holds its account, in one atomic step.

        ``instead_of`` is the run that it adopts, already in its last state; its runner's fence is old from here on.
        Raises RunInProgress, RevisionConflict.
        """
        ...

    def amend(self, run: Revocation) -> Revocation:
        """Write what a person decided, if ``run`` has the newest revision. Raises RevisionConflict."""
        ...

    def save(self, run: Revocation, *, fence: int) -> Revocation:
        """Write what a runner did, if ``run`` has the newest revision and ``fence`` is the account's newest.

        Raises RevisionConflict, LeaseLost.
        """
        ...


class SlotSwitch(Slots, Protocol):
    """The one step that moves an account from slot to slot."""

    def switch(
        self, account: str, *, after_epoch: int, signing_key: SigningKey, identities: Mapping[str, str], fence: int
    ) -> AccountSlots:
        """Set the account's key and the identities of the profiles named, and count the epoch up, all or nothing.

        ``identities`` has every profile that uses, or would start with, a cut identity. Repeated, it returns what it
        did the first time. Raises EpochMoved when the epoch is not ``after_epoch``, LeaseLost for an older fence.
        """
        ...


class TokenCensus(Protocol):
    """All unexpired tokens of an account at once. Raises AuditLogUnavailable."""

    def unexpired(self, account: str, now: datetime) -> tuple[TokenRecord, ...]:
        """Return every record that is not refused and expires after ``now``, reserved and abandoned ones included."""
        ...


class Acknowledgements(Protocol):
    """Which tokens are replaced by one that is loaded. All methods raise AuditLogUnavailable."""

    def put(self, account: str, acknowledgement: Acknowledgement) -> bool:
        """Remember it durably; returns whether it is new: the first word for a replaced token stands.

        Words whose ``until`` is not after this one's ``at`` are forgotten on the way.
        """
        ...

    def get(self, account: str, replaced: str) -> Acknowledgement | None:
        """Return the word for one replaced token, or None."""
        ...

    def of(self, account: str) -> Mapping[str, Acknowledgement]:
        """Return replaced token id -> acknowledgement of everything that is remembered."""
        ...


@dataclass(frozen=True, slots=True)
class KeyReading:
    """The two keys as HMACs, and when Azure says they were made; a key itself is never returned."""

    fingerprints: Mapping[SigningKey, str]
    last_updated: Mapping[SigningKey, datetime | None]


class AccountKeys(Protocol):
    """The keys of Azure Maps accounts; all methods raise AzureUnavailable, AzureThrottled, AzureRefused."""

    def read(self, account: str) -> KeyReading:
        """Return the keys' fingerprints as they are now."""
        ...

    def regenerate(self, account: str, key: SigningKey, *, request_id: str) -> str | None:
        """Make the key anew; sent once, whatever happens.

        ``extra['effect']`` of an error is ``none`` if the key is the same for sure, else ``unknown``.
        """
        ...


@dataclass(frozen=True, slots=True)
class IdentitiesReading:
    """What is attached: ``attached`` by the policy's names; ``others`` is all else of the account, comparable."""

    attached: frozenset[str]
    others: Mapping[str, str]


class AccountIdentities(Protocol):
    """The managed identities on an account; all methods raise AzureUnavailable, AzureThrottled, AzureRefused.

    A change raises WriteUnconfirmed if the account shows more than it afterwards.
    """

    def read(self, account: str) -> IdentitiesReading:
        """Return what is attached now."""
        ...

    def attach(self, account: str, identity: str, *, request_id: str) -> str | None:
        """Attach one, and touch nothing else; ``extra['effect']`` as in ``AccountKeys.regenerate``."""
        ...

    def detach(self, account: str, identity: str, *, request_id: str) -> str | None:
        """Detach one, and touch nothing else."""
        ...


class IdentityRoles(Protocol):
    """Role assignments at the account; all methods raise AzureUnavailable, AzureThrottled, AzureRefused."""

    def effective(self, account: str, principal_id: str) -> tuple[EffectiveRole, ...]:
        """Return every role that ``principal_id`` has at the account: its own, inherited ones, those through groups."""
        ...

    def assign(self, account: str, principal_id: str, data_role: str, *, request_id: str) -> str | None:
        """Give the role, under a name that makes repeating it harmless."""
        ...

    def remove(self, account: str, assignment_id: str, *, request_id: str) -> str | None:
        """Take one assignment away; one that is gone already is no error."""
        ...


@dataclass(frozen=True, slots=True)
class Probed:
    """The data plane's answer: accepted, refused, or neither (throttled, away)."""

    status: int

    @property
    def accepted(self) -> bool:
        """Whether the token was let in."""
        return self.status == 200  # noqa: PLR2004  HTTP's own word

    @property
    def refused(self) -> bool:
        """Whether the token was turned away for what it is."""
        return self.status in {401, 403}


class DataPlane(Protocol):
    """Azure Maps as applications meet it."""

    def probe(self, account: str, host: str, token: SasToken) -> Probed:
        """Ask ``host`` whether it accepts ``token``; never raises: what cannot be asked has status 0."""
        ...


class Sealing(Protocol):
    """Encryption with a key outside Redis."""

    def seal(self, token: SasToken, *, about: str) -> str:
        """Return the token encrypted and bound to ``about``."""
        ...

    def open(self, sealed: str, *, about: str) -> SasToken:
        """Return it again."""
        ...
