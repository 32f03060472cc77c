"""gunicorn's configuration: worker class, threads and time-outs, from the same settings as the service.

Threads wait for Azure (gthread); time-outs exceed the deadlines of a request; a stop lets running requests finish.
Why these: docs/decisions/gunicorn.md.
"""

import gc
import os
import shutil
import signal
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from sas_service.adapters.logs import configure_logs
from sas_service.settings import Settings

# Memory, also where the root file system is read-only; gunicorn's heartbeat files and the shared metrics live there.
_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  only fresh private files are made in it

# Set before anything imports prometheus_client: it decides at import whether processes share their metrics.
_METRICS = "sas-service-metrics-"
_metrics_directory = tempfile.mkdtemp(prefix=f"{_METRICS}{os.getpid()}-", dir=_memory)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics_directory
# Imported before the fork, so that workers share the code in memory; connections are made after it. What was imported
# is no garbage: not looked at meanwhile, and never again, which would also give each worker a copy of its own.
gc.disable()
import_module("sas_service.wsgi")
gc.freeze()
gc.enable()

_settings = Settings.from_env(os.environ)

bind = [_settings.bind]
worker_class = "sas_service.slow_clients.Worker"
workers = _settings.workers
threads = _settings.threads
# One listening socket per worker: without it keep-alive connections pile up on one process (performance.md, 1).
reuse_port = True
timeout = int(_settings.request_timeout.total_seconds())
graceful_timeout = int(_settings.graceful_timeout.total_seconds())
keepalive = 30
worker_tmp_dir = _memory
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = _settings.log_level
forwarded_allow_ips = ""
# A cursor over many streams is long.
limit_request_line = 8190
# Entra tokens of users in 200 groups have more than the default 8 KiB.
limit_request_field_size = 17_408
limit_request_fields = 64
proc_name = "sas-service"


def on_starting(server: Any) -> None:
    """Send gunicorn's own lines through our net: it quotes malformed requests, bearer tokens and URLs included."""
    _sweep(Path(_metrics_directory).parent)
    configure_logs(_settings.log_level)
    server.log.error_log.handlers.clear()
    server.log.error_log.propagate = True


def _sweep(memory: Path) -> None:
    """Remove the shared metrics of runs that were killed outright."""
    if not Path("/proc/self").exists():
        return  # no way to tell who lives
    for left in memory.glob(f"{_METRICS}*-*"):
        process = left.name.removeprefix(_METRICS).partition("-")[0]
        if process.isdecimal() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(left, ignore_errors=True)


def post_fork(server: Any, _worker: Any) -> None:
    """Let a worker that is told to stop while it is being born stop, which the master's handler would swallow here.

    The master would wait for it until the graceful time-out. gunicorn sets the worker's own handlers after this.
    """
    endings = {signal.SIGTERM, signal.SIGQUIT, signal.SIGINT}
    for each in endings:
        signal.signal(each, signal.SIG_DFL)
    while not server.SIG_QUEUE.empty():
        if server.SIG_QUEUE.get_nowait() in endings:
            os.kill(os.getpid(), signal.SIGTERM)


def child_exit(_server: Any, worker: Any) -> None:
    """Take a dead worker's gauges out of the shared metrics."""
    import_module("prometheus_client.multiprocess").mark_process_dead(worker.pid)


def on_exit(_server: Any) -> None:
    """Remove the shared metrics of this run."""
    shutil.rmtree(_metrics_directory, ignore_errors=True)
