"""The page behind each problem's ``type``, and the same table as ``docs/problems.md``."""

from sas_service.api.pages import Page, render_page
from sas_service.api.problem_table import PROBLEMS
from sas_service.api.problem_type import Problem
from sas_service.domain.errors import NotFound

_BY_SLUG = {problem.slug: problem for problem in PROBLEMS.values()}

_INTRODUCTION = """\
# Problems

Every error is an `application/problem+json` document (RFC 9457): `type`, `title`, `status`, `detail`, `instance` (the
request id), and `violations` where a request broke rules. `type` is an address of the service, with a page about it.
Errors of HTTP itself (404 for an unknown address, 405, 413, 415) have the type `about:blank`; so has a 500, about which
nothing else is said. A 503 always says when to try again (`Retry-After`).

Made from `sas_service/api/problem_table.py`, by `python -m sas_service.api.problem_pages > docs/problems.md`.
"""


def problem_page(slug: str) -> Page:
    """Return the page of a problem type; raises NotFound."""
    problem = _BY_SLUG.get(slug)
    if problem is None:
        raise NotFound("There is no such problem type; /docs lists them.")
    return render_page("problem.html", problem=problem)


def render_markdown() -> str:
    """Return ``docs/problems.md``."""
    return _INTRODUCTION + "".join(_section(problem) for problem in PROBLEMS.values())


def _section(problem: Problem) -> str:
    wait = f" Retry-After is at least {int(problem.wait.total_seconds())} s." if problem.wait else ""
    return f"\n## {problem.slug} ({problem.status})\n\n{problem.title}. {problem.meaning}\n\n{problem.remedy}{wait}\n"


if __name__ == "__main__":
    print(render_markdown(), end="")  # noqa: T201 - this is how the page is made
