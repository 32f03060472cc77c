"""The problems of revocations: rows of the table in problem_table.py."""

from sas_service.api.problem_type import LATER, SOON, Problem
from sas_service.domain import errors

REVOCATION_PROBLEMS: dict[type[errors.SasServiceError], Problem] = {
    errors.ActionNotAllowed: Problem(
        "action-not-allowed",
        "Not in this state",
        409,
        "The revocation does not allow this action now; `allowedActions` has what it allows.",
        "Read the revocation again, and choose one of its `allowedActions`.",
    ),
    errors.PlanBlocked: Problem(
        "plan-blocked",
        "The plan is blocked",
        409,
        "What the run would need is missing or in quarantine. The detail names every obstacle and the ways out.",
        "Take one of the ways out, or wait for `earliestStart` and plan anew.",
    ),
    errors.ReplanRequired: Problem(
        "replan-required",
        "The plan is not true any more",
        409,
        "Since the plan was made, more tokens of others have come to depend on what would be cut, or the run would go"
        " another way. Nothing was changed.",
        "Make a new plan, look at its collateral, and start that one.",
    ),
    errors.RunInProgress: Problem(
        "run-in-progress",
        "The account has a run already",
        409,
        "There is one revocation per account at a time; `running` names it. A more urgent one takes over only before"
        " the first cut.",
        "Wait for it, abort it, or start a more urgent one.",
    ),
    errors.RevisionConflict: Problem(
        "revision-conflict",
        "Somebody was faster",
        412,
        "The revocation, or its plan, is not the one that was read.",
        "Read it again, then decide again.",
    ),
    errors.PreconditionMissing: Problem(
        "precondition-missing",
        "The plan's hash is missing",
        428,
        "Approving and starting decide about one plan, so they name it: `If-Match` with the plan's `ETag`.",
        "Read the revocation, look at its plan, and repeat with its `ETag` in `If-Match`.",
    ),
    errors.TooManyWatchers: Problem(
        "too-many-watchers",
        "Too many watchers",
        503,
        "This process streams events to as many watchers as it may; more would take threads from issuing tokens.",
        "Try again after Retry-After, or ask `GET /v1/revocations/{id}` now and then.",
        LATER,
    ),
    errors.LeaseLost: Problem(
        "lease-lost",
        "Another worker took over",
        503,
        "The worker that acts on the account is another one by now. Nothing was sent.",
        "Nothing: the other worker goes on.",
        SOON,
    ),
}
