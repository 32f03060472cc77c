"""The API's metrics; labels come from closed lists, so that no client can make new series."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})


class Metrics:
    """Counts into ``registry``; ``scrape`` renders what /metrics shows (all processes', where there are several)."""

    def __init__(self, registry: CollectorRegistry, scrape: Callable[[], bytes] | None = None) -> None:
        self._scrape = scrape or (lambda: generate_latest(registry))
        self._requests = Counter(
            "sas_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "sas_http_request_seconds", "Time from request to answer.", ("route",), registry=registry
        )
        self._unauthenticated = Counter(
            "sas_unauthenticated", "Requests refused with 401, by reason.", ("reason",), registry=registry
        )
        self._issued = Counter(
            "sas_tokens_issued", "SAS tokens handed out.", ("profile", "redelivered"), registry=registry
        )
        # Found once: looking them up by their labels costs more than counting.
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._handed_out: dict[tuple[str, bool], Counter] = {}
        self._problems = Counter("sas_problems", "Problems answered, by type.", ("problem",), registry=registry)

    def scrape(self) -> str:
        """Return the exposition in Prometheus' text format."""
        return self._scrape().decode()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        series = self._answered.get((method, route, status))
        if series is None:
            known = method if method in METHODS else "other"
            series = self._requests.labels(known, route, str(status)), self._seconds.labels(route)
            if known == method:
                self._answered[method, route, status] = series
        series[0].inc()
        series[1].observe(seconds)

    def unauthenticated(self, reason: str) -> None:
        """Count one refused credential."""
        self._unauthenticated.labels(reason).inc()

    def issued(self, profile: str, *, redelivered: bool) -> None:
        """Count one token that is on its way out."""
        series = self._handed_out.get((profile, redelivered))
        if series is None:
            series = self._handed_out[profile, redelivered] = self._issued.labels(profile, str(redelivered).lower())
        series.inc()

    def problem(self, slug: str) -> None:
        """Count one problem."""
        self._problems.labels(slug).inc()
