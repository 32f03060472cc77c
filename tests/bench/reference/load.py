"""Load on a server: wrk for the closed loop, and a constant rate of our own for the open one."""

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Load:
    """What one run saw: requests a second, milliseconds by percentile, and answers that were no success."""

    rate: float
    latency: Mapping[str, float]
    failed: int


def wrk_is_missing() -> bool:
    return shutil.which("wrk") is None


def closed_loop(url: str, headers: Mapping[str, str], *, seconds: int, connections: int = 16) -> Load:
    """Run wrk: each connection asks again as soon as it is answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    text = subprocess.run([*command, url], check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert rate, text
    latency = {
        f"p{each[1]}": float(each[2]) * _UNITS[each[3]]
        for each in re.finditer(r"^\s+(50|90|99)%\s+([\d.]+)(us|ms|s|m)$", text, re.MULTILINE)
    }
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    lost = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return Load(float(rate[1]), latency, int(bad[1] if bad else 0) + sum(map(int, lost.groups() if lost else ())))


def open_loop(port: int, path: str, *headers: Mapping[str, str], rate: float, seconds: float) -> Load:
    """Ask at a constant rate over kept connections, whatever becomes of it; a wait counts from the planned time.

    Requests take turns with ``headers``. A connection that breaks is a failure, and is followed by another.
    """
    return asyncio.run(_open_loop(port, [_request(path, each) for each in headers], rate, seconds))


def _request(path: str, headers: Mapping[str, str]) -> bytes:
    said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{said}\r\n".encode()


async def _open_loop(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> Load:
    idle: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.LifoQueue()
    for _ in range(64):
        idle.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    waits: list[float] = []
    failed = 0

    async def one(planned: float, request: bytes) -> None:
        nonlocal failed
        reader, writer = await idle.get()
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            failed += not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304"))
        except (OSError, asyncio.IncompleteReadError):
            failed += 1
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        waits.append((time.perf_counter() - planned) * 1000)
        idle.put_nowait((reader, writer))

    begin, tasks = time.perf_counter() + 0.05, []
    for number in range(int(rate * seconds)):
        planned = begin + number / rate
        await asyncio.sleep(max(0.0, planned - time.perf_counter()))
        tasks.append(asyncio.create_task(one(planned, requests[number % len(requests)])))
    await asyncio.gather(*tasks)
    while not idle.empty():
        idle.get_nowait()[1].close()
    waits.sort()
    at = {name: waits[min(len(waits) - 1, int(len(waits) * part))] for name, part in _PARTS.items()}
    return Load(len(waits) / (time.perf_counter() - begin), at, failed)


_PARTS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
