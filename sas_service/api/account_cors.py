"""An Azure Maps account's own CORS rule; which pages may call *this* service is told in cors.py."""

from sas_service.api import examples
from sas_service.api.exchange import Answer, Ask, json_answer
from sas_service.api.operations import Body, Documented, Resource
from sas_service.api.schemas_account_cors import CorsBody, CorsShown
from sas_service.api.schemas_directory import AccountPath
from sas_service.api.use_cases import UseCases
from sas_service.domain.callers import Role
from sas_service.domain.errors import (
    AuditLogUnavailable,
    AzureRefused,
    AzureThrottled,
    AzureUnavailable,
    BudgetExhausted,
    MirrorUnavailable,
    NotFound,
    OperatorMissing,
    WriteUnconfirmed,
)

account_cors = Resource(
    "account CORS",
    "Which web pages Azure Maps itself lets in, whatever token they bring. No authorization: a token is needed too.",
)

_PATH = AccountPath()
_READING = (NotFound, OperatorMissing, AzureUnavailable, AzureThrottled, BudgetExhausted, AzureRefused)
_WRITING = (*_READING, WriteUnconfirmed, AuditLogUnavailable, MirrorUnavailable)


@account_cors.operation(
    "GET",
    "/v1/accounts/{account}/cors",
    summary="Look up an account's CORS rule",
    roles=(Role.REVOCATIONS_MANAGE, Role.AUDIT_READ),
    parameters=_PATH,
    answers={200: Documented("The rule, as Azure has it now.", CorsShown(), examples.CORS)},
    problems=_READING,
)
def get_cors(use: UseCases, ask: Ask) -> Answer:
    """Look up which origins Azure Maps lets in; null when there is no rule, by which it lets in every origin."""
    account = ask.path["account"]
    return json_answer(_document(account, use.account_origins.read(account)))


@account_cors.operation(
    "PUT",
    "/v1/accounts/{account}/cors",
    summary="Set an account's CORS rule",
    roles=(Role.REVOCATIONS_MANAGE,),
    parameters=_PATH,
    body=Body(CorsBody(), examples.CORS_BODY),
    answers={200: Documented("The rule is in place; it was read back.", CorsShown(), examples.CORS)},
    problems=_WRITING,
)
def put_cors(use: UseCases, ask: Ask) -> Answer:
    """Let in these origins and no others, for all tokens and keys of the account.

    Intent and outcome are on record. The account is read before and after: if it does not show the rule, or if anything
    else of it has changed, the answer is `write-unconfirmed`. Repeating is harmless.
    """
    account = ask.path["account"]
    origins = use.account_origins.put(
        account, tuple(ask.body["allowed_origins"]), ask.caller, request_id=ask.request_id
    )
    return json_answer(_document(account, origins))


@account_cors.operation(
    "DELETE",
    "/v1/accounts/{account}/cors",
    summary="Remove an account's CORS rule",
    roles=(Role.REVOCATIONS_MANAGE,),
    parameters=_PATH,
    answers={204: Documented("There is no rule: every origin is let in.")},
    problems=_WRITING,
)
def delete_cors(use: UseCases, ask: Ask) -> Answer:
    """Remove the rule, and so let in every origin: what a new account does. Without a rule nothing changes."""
    use.account_origins.delete(ask.path["account"], ask.caller, request_id=ask.request_id)
    return Answer(status=204)


def _document(account: str, origins: tuple[str, ...] | None) -> dict[str, object]:
    return {"account": account, "allowedOrigins": None if origins is None else list(origins)}
