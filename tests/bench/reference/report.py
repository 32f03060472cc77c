"""Writes docs/benchmarks.md: what was measured, beside its target, with the machine that it was measured on."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

PAGE = Path(__file__).parents[3] / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Written by `make bench`; the last run is what stands here, whatever it shows. Ratios are of one run in turns with their
reference, so that a busy machine slows both; figures in seconds are of that machine and hour.
"""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *([str(each) for each in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median with the lowest and the highest."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def bars(title: str, unit: str, values: Mapping[str, float]) -> str:
    """Return a bar chart as GitHub draws it."""
    names = ", ".join(f'"{name}"' for name in values)
    numbers = ", ".join(f"{value:.2f}" for value in values.values())
    axes = f'x-axis [{names}]\n    y-axis "{unit}" 0 --> {max(values.values()) * 1.1:.1f}'
    return f'```mermaid\nxychart-beta\n    title "{title}"\n    {axes}\n    bar [{numbers}]\n```'


def machine() -> str:
    """Return what it was measured on."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; load average at the end {load}"
    )


def write(title: str, text: str) -> None:
    """Put the chapter ``title`` into the page, in place of what an earlier run said there."""
    page = PAGE.read_text() if PAGE.exists() else _HEAD
    before, _, rest = page.partition(f"\n## {title}\n")
    _, divider, after = rest.partition("\n## ")
    PAGE.write_text(f"{before.rstrip()}\n\n## {title}\n\n{text.strip()}\n{divider}{after}")
    print(f"\n## {title}\n\n{text}")
