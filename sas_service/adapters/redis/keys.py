"""Every key name, in one place: one hash tag per account, so that each script touches a single cluster slot."""

import base64

from sas_service.domain.audit import SERVICE_STREAM

_BUCKET_BYTES = 2
_SHORT_BYTES = 17
_TOKEN_BUCKET = 3
_OBJECT_BUCKET = 3
EVENT_KEYS = 8
"""How many keys an event needs: always the last ones of a script, the stream itself first (lua/events.lua)."""


class Keys:
    """The keys of one account, or of the service's own stream (``Keys(SERVICE_STREAM)``)."""

    __slots__ = ("_tag", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._tag = "{" + name + "}:"

    def token(self, suffix: str) -> str:
        """The record of a token: one JSON text."""
        return f"{self._tag}token:{suffix}"

    @property
    def open_reservations(self) -> str:
        """Sorted set: suffix -> deadline in ms. A reservation is open as long as it is a member."""
        return f"{self._tag}open"

    @property
    def slots(self) -> str:
        """Hash: ``epoch``, ``generation``, ``signingKey``, ``identity:<profile>``; ``frozen``: a lockdown."""
        return f"{self._tag}slots"

    @property
    def suspended(self) -> str:
        """Hash: ``<kind>:<id>`` -> JSON, and the ``version`` of the service's list that it copies."""
        return f"{self._tag}suspended"

    def fingerprint(self, fingerprint: str) -> tuple[str, str, str]:
        """Hash that names the suffix of a fingerprint's token, and its field in the first layout and in the second.

        65,536 buckets keep each hash a listpack (512 fields of 64 bytes) up to 33 million tokens. The second layout
        keeps 136 of the 256 bits: nobody finds two tokens that agree in those.
        """
        digits = bytes.fromhex(fingerprint)[_BUCKET_BYTES:_SHORT_BYTES]
        short = base64.urlsafe_b64encode(digits).decode()
        return f"{self._tag}fp:{fingerprint[: 2 * _BUCKET_BYTES]}", fingerprint[2 * _BUCKET_BYTES :], short

    @property
    def issued(self) -> str:
        """Sorted set of all committed tokens of the first layout: suffix by ms issued; empty after the migration."""
        return f"{self._tag}issued"

    def issued_for(self, lifetime: int | str) -> str:
        """Sorted set of the committed tokens of one class of lifetimes (``lifetimes.py``): suffix by ms issued.

        All of them together are the list of all tokens; the class bounds how far back a live one may lie.
        """
        return f"{self._tag}issued-for:{lifetime}"

    @property
    def lifetimes(self) -> str:
        """Set of the classes of lifetimes that ever occurred."""
        return f"{self._tag}lifetimes"

    def issued_to_application(self, application: str, *, for_itself: bool) -> str:
        """The same for one client application: what it asked for itself, and what it asked for its users."""
        return f"{self._tag}issued-to:{'a' if for_itself else 'u'}:{application}"

    def issued_to_object(self, object_id: str) -> str:
        """The same for one object id: a signed-in user's, as a rule."""
        return f"{self._tag}issued-to:o:{object_id}"

    @property
    def applications(self) -> str:
        """Hash: object id of an application's service principal -> application id."""
        return f"{self._tag}applications"

    @property
    def words(self) -> str:
        """Hash: digest -> a piece of text that many records or events contain; it is never changed."""
        return f"{self._tag}words"

    def issued_as(self, pair: str) -> str:
        """The same for one team and profile; ``pair`` is a member of ``issued_pairs``."""
        return f"{self._tag}issued:{pair}"

    @property
    def issued_pairs(self) -> str:
        """Set of every pair of team and profile that ever got a token, as JSON: as few as the policy allows.

        Lists by team, by profile and by both are merged from the pairs, so one index serves all three.
        """
        return f"{self._tag}issued-pairs"

    def slot(self, slot: str) -> str:
        """Sorted set of the tokens that hang on a slot (``<key>|<identity>``): suffix by ms of expiry."""
        return f"{self._tag}slot:{slot}"

    @property
    def slots_used(self) -> str:
        """Set of every ``<key>|<identity>`` that ever signed."""
        return f"{self._tag}slots-used"

    @property
    def expired(self) -> str:
        """Hash: slot -> ``<ms of expiry> <suffix>`` of the last token whose expiry is on record."""
        return f"{self._tag}expired"

    def idempotency(self, key: str) -> str:
        """JSON of the Idempotency-Key's token suffix and body hash; gone after a day."""
        return f"{self._tag}idempotency:{key}"

    def budget(self, profile: str) -> str:
        """Sorted set of what counts against a profile's budget: ``<suffix>:<requests per second>`` by ms of expiry."""
        return f"{self._tag}budget:{profile}"

    @property
    def budgets(self) -> str:
        """Hash: profile -> its members' requests per second, ``:epoch``, whether older ones are ``:counted``."""
        return f"{self._tag}budgets"

    @property
    def events(self) -> str:
        """Stream of events with the ids ``<seq>-0``."""
        return f"{self._tag}events"

    @property
    def last_seq(self) -> str:
        """Number of the newest event."""
        return f"{self._tag}events:seq"

    @property
    def team_heads(self) -> str:
        """Hash: team -> number of its newest event, where its chain begins."""
        return f"{self._tag}events:teams"

    def token_head(self, token_id: str) -> tuple[str, str]:
        """Hash and field that hold the number of a token's newest event.

        Buckets are cut by the last characters because those are random; the first ones are the time.
        """
        name = token_id.removeprefix(f"{self.name}.")
        return f"{self._tag}events:tokens:{name[-_TOKEN_BUCKET:]}", name[:-_TOKEN_BUCKET]

    def user_head(self, object_id: str) -> str:
        """Hash: object id -> number of the newest event of which it was the caller; by last digits, as tokens."""
        return f"{self._tag}events:objects:{object_id[-_OBJECT_BUCKET:]}"

    @property
    def chains(self) -> str:
        """Hash: heads of the chains by application (``a:<id>``) and by revocation (``r:<id>``).

        ``last`` is the newest event that is in its chains; ``since`` the newest that was written by the first release,
        which knew chains by team and by token alone.
        """
        return f"{self._tag}events:chains"

    @property
    def late(self) -> str:
        """Sorted set: numbers of events that say another time than the server's, by the ms that they say."""
        return f"{self._tag}events:late"

    @property
    def mirrored(self) -> str:
        """Number up to which the stream is known to be in the mirror."""
        return f"{self._tag}events:mirrored"

    @property
    def once(self) -> str:
        """Hash: prefix -> last ``once`` key used under it."""
        return f"{self._tag}once"

    @property
    def folds_due(self) -> str:
        """Sorted set: digest of a fold key -> ms at which its minute is over."""
        return f"{self._tag}folds:due"

    @property
    def folds(self) -> str:
        """Hash: ``n:<digest>`` -> denials counted, ``d:<digest>`` -> the newest of them."""
        return f"{self._tag}folds"

    def shared(self, profile: str, team: str, terms: str) -> str:
        """Hash: the current shared token, sealed, with its record; gone when it is of no use any more."""
        return f"{self._tag}shared:{profile}:{team}:{terms}"

    def shared_flight(self, profile: str, team: str, terms: str) -> str:
        """Hash, an hour: ``fence``, ``holder``, ``until`` (server ms), ``generation``: of who makes the next."""
        return f"{self._tag}shared-flight:{profile}:{team}:{terms}"

    def tally(self, minute: int) -> str:
        """Hash: token suffix, a space and who (JSON) -> how often it was handed out in a minute since 1970."""
        return f"{self._tag}handed-out:{minute}"

    @property
    def tallied(self) -> str:
        """Set of the minutes that have a tally: what is left to be folded."""
        return f"{self._tag}handed-out"

    @property
    def revocations(self) -> str:
        """Hash: revocation id -> its newest entry, one JSON text that begins with the revision."""
        return f"{self._tag}revocations"

    @property
    def revocations_order(self) -> str:
        """Sorted set: revocation id by the order in which they were planned."""
        return f"{self._tag}revocations:order"

    @property
    def running_revocation(self) -> str:
        """Id of the revocation that holds the account."""
        return f"{self._tag}revocations:running"

    @property
    def lease(self) -> str:
        """Hash: ``fence``, which never expires, and ``holder`` and ``until`` (ms of the server) of the lease."""
        return f"{self._tag}lease"

    @property
    def lockdowns(self) -> str:
        """Hash: lockdown id -> its newest text, which begins with the revision."""
        return f"{self._tag}lockdowns"

    @property
    def notes(self) -> str:
        """Hash: ``known`` (what the worker last saw of the account) and ``standby`` (its upkeep), each one JSON."""
        return f"{self._tag}notes"

    @property
    def acknowledgements(self) -> str:
        """Hash: id of a replaced token -> JSON of the word that its replacement is loaded."""
        return f"{self._tag}acknowledgements"

    @property
    def seal(self) -> str:
        """JSON of how far the stream is sealed: size, frontier, the newest checkpoints."""
        return f"{self._tag}seal"

    def tile(self, level: int, number: int) -> str:
        """Hashes of the stream's Merkle tree side by side, 43 characters each (``domain/tiles.py``)."""
        return f"{self._tag}tile:{level}:{number}"

    @property
    def repair_lock(self) -> str:
        """Who repairs the stream right now; expires with its lease."""
        return f"{self._tag}repair:lock"

    @property
    def acknowledgements_until(self) -> str:
        """Sorted set: id of a replaced token by the ms at which the word for it is needed no more."""
        return f"{self._tag}acknowledgements:until"


def stream_of(key: str) -> str:
    """Return the account (or ``service``) that a key belongs to."""
    return key[1:].partition("}:")[0]


SERVICE = Keys(SERVICE_STREAM)

_SERVICE_TAG = "{" + SERVICE_STREAM + "}:"
STREAMS = f"{_SERVICE_TAG}streams"
"""Set of every stream that was ever in the policy or folded a denial: where the worker looks for what is over."""

SUSPENSIONS = f"{_SERVICE_TAG}suspensions"
"""Hash: ``<kind>:<id>`` -> JSON, and ``version``: the list that the accounts copy."""

REVOCATIONS = f"{_SERVICE_TAG}revocations"
"""Hash: revocation id -> account; written before the entry itself, which lies in the account's cluster slot."""

SCHEMA = f"{_SERVICE_TAG}schema"
"""Hash: ``current`` and ``minReader``."""

MIGRATIONS = f"{_SERVICE_TAG}schema:applied"
"""Hash: migration name -> instant applied."""

MIGRATION_PROGRESS = f"{_SERVICE_TAG}schema:progress"
"""Hash: migration and account -> how many of how many are done."""

MIGRATION_LOCK = f"{_SERVICE_TAG}schema:lock"
"""Who migrates right now; expires with its lease."""


def arm_budget_keys(subscription: str, principal: str) -> tuple[str, str, str]:
    """Hashes of a principal's budget in a subscription: its bucket, turn -> promises, team -> what it had of late."""
    bucket = f"{_SERVICE_TAG}arm-budget:{subscription}/{principal}"
    return bucket, f"{bucket}:turns", f"{bucket}:teams"


def quota_key(team: str) -> str:
    """Requests that the team made in its window; gone with the window."""
    return f"{_SERVICE_TAG}quota:{team}"
