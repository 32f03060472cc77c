"""Serves the emulator with gunicorn: one process with many threads, because one process holds the world."""

import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from sas_service.emulator import certificates, wire
from sas_service.emulator.application import build
from sas_service.emulator.store import open_store

# More than any test lets hang at once: a silent request keeps its thread.
THREADS = 256


@dataclass(frozen=True)
class ServerOptions:
    """Where to listen and what to show."""

    host: str
    port: int
    world: Path | None = None
    state: Path | None = None
    tls_folder: Path | None = None

    @property
    def url(self) -> str:
        """Return the base URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls_folder else 'http'}://{host}:{self.port}"


class EmulatorWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A gthread worker that ends planned silences when it is told to stop."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop gracefully."""
        wire.stopping.set()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Stop at once (Ctrl-C)."""
        wire.stopping.set()
        super().handle_quit(sig, frame)


class EmulatorApplication(BaseApplication):  # type: ignore[misc]  # the same
    """Gunicorn, embedded and configured here alone: no configuration file, no control socket, no pid file."""

    def __init__(self, options: ServerOptions, ready: Callable[[], None]) -> None:
        self._options = options
        self._ready = ready
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        settings: dict[str, Any] = {
            "bind": f"{self._options.host}:{self._options.port}",
            "workers": 1,
            "worker_class": EmulatorWorker,
            "threads": THREADS,
            "worker_connections": 1000,
            "keepalive": 75,
            "timeout": 0,
            "graceful_timeout": 1,
            "control_socket_disable": True,
            "loglevel": "warning",
            "accesslog": None,
            "proc_name": "maps-emulator",
            "post_worker_init": lambda _worker: self._ready(),
            "limit_request_line": 8190,
        }
        if self._options.tls_folder:
            certificate, key = certificates.tls_files(self._options.tls_folder, self._options.host)
            settings |= {"certfile": str(certificate), "keyfile": str(key)}
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Open the world inside the worker process, which owns it from then on."""
        return build(open_store(self._options.world, self._options.state))


class PortTakenError(Exception):
    """Another program listens on the port."""


def check_port(host: str, port: int) -> None:
    """Refuse at once, and plainly, if the port is taken: gunicorn would retry and then only log."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise PortTakenError(f"Port {port} on {host} {reason}.") from None


def serve(options: ServerOptions, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; returns by leaving the process, as gunicorn's arbiter does."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    check_port(options.host, options.port)
    # A parent may have left signals ignored (a shell's background job does that to SIGINT).
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("GUNICORN_CMD_ARGS", None)
    EmulatorApplication(options, ready).run()
