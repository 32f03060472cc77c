"""Reading stored records, whichever layout they are in."""

from collections.abc import Sequence

from sas_service.adapters.redis.keys import Keys
from sas_service.adapters.redis.record_text import opened, read_record, record_words
from sas_service.adapters.redis.server import Server
from sas_service.adapters.redis.words import Words
from sas_service.domain.tokens import TokenRecord

Name = tuple[str, str]
"""Account and suffix."""


class Records:
    """The records of all accounts."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._words = Words(server)

    def of(self, names: Sequence[Name]) -> list[TokenRecord | None]:
        """Return the records of these tokens in the same order, one command per account."""
        accounts = sorted({account for account, _ in names})
        wanted = {account: [suffix for other, suffix in names if other == account] for account in accounts}
        answers = self._server.read(
            *(("MGET", *(Keys(account).token(suffix) for suffix in wanted[account])) for account in accounts)
        )
        records = {
            (account, suffix): record
            for account, found in zip(accounts, answers, strict=True)
            for suffix, record in zip(wanted[account], self.read_all(account, wanted[account], found), strict=True)
        }
        return [records[name] for name in names]

    def read_all(self, account: str, suffixes: Sequence[str], texts: Sequence[str | None]) -> list[TokenRecord | None]:
        """Return the records that these texts hold."""
        stored = [opened(text) if text else None for text in texts]
        words = self._words.of(account, (name for each in stored if each for name in record_words(each)))
        return [
            read_record(account, suffix, each, words) if each else None
            for suffix, each in zip(suffixes, stored, strict=True)
        ]

    def read(self, account: str, suffix: str, text: str) -> TokenRecord:
        """Return the record that this text holds."""
        members = opened(text)
        return read_record(account, suffix, members, self._words.of(account, record_words(members)))
