"""The sign-in page: authorization code with PKCE, for a web console or a single-page application."""

from urllib.parse import urlencode, urlsplit, urlunsplit

from werkzeug import Request, Response
from werkzeug.utils import redirect

from sas_service.emulator.answers import RefusalError
from sas_service.emulator.directory import Application, Tenant
from sas_service.emulator.entra.client_authentication import ClientAuthentication
from sas_service.emulator.entra.errors import missing_parameter, refuse
from sas_service.emulator.entra.resources import resource_of_user_scope
from sas_service.emulator.entra.sessions import Session, Sessions
from sas_service.emulator.entra.token_endpoint import find_tenant
from sas_service.emulator.page import render_form_post, render_sign_in
from sas_service.emulator.routing import Route
from sas_service.emulator.store import Store

_MODES = {"query", "fragment", "form_post"}
_CARRIED = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


class SignIn:
    """GET shows the page, POST signs in."""

    def __init__(self, store: Store, clients: ClientAuthentication, sessions: Sessions) -> None:
        self._store = store
        self._clients = clients
        self._sessions = sessions

    def routes(self) -> list[Route]:
        """Return the endpoints."""
        return [
            Route("entra", "authorize", ("GET", "POST"), "/{tenant}/oauth2/v2.0/authorize", self.authorize),
            Route("entra", "authorize", ("GET", "POST"), "/{tenant}/oauth2/authorize", self.authorize),
            Route("entra", "logout", ("GET", "POST"), "/{tenant}/oauth2/v2.0/logout", self.log_out),
        ]

    def authorize(self, request: Request, tenant: str) -> Response:
        """Show the page, or sign in with what was typed and go back to the application."""
        found = find_tenant(self._store, tenant)
        # An application or address that is not registered gets no redirect: that would serve a thief.
        application = self._application(request, found)
        try:
            self._check(request, found)
        except RefusalError as refusal:
            return self._return(request, {key: refusal.body[key] for key in ("error", "error_description")})
        if request.method == "GET":
            return self._page(request, found, application, "")
        return self._sign_in(request, found, application)

    def log_out(self, request: Request, tenant: str) -> Response:
        """Go back to the application; there is no browser session to end."""
        found = find_tenant(self._store, tenant)
        target = request.values.get("post_logout_redirect_uri", "")
        if any(target in application.redirect_uris for application in found.applications):
            return redirect(target)
        return Response("You are signed out.", content_type="text/plain")

    def _application(self, request: Request, tenant: Tenant) -> Application:
        client_id = request.values.get("client_id")
        if not client_id:
            raise missing_parameter("client_id")
        application = self._clients.application(tenant.id, client_id)
        target = request.values.get("redirect_uri", "")
        if target not in application.redirect_uris:
            text = (
                f"The redirect URI '{target}' specified in the request does not match the redirect URIs configured for "
                f"the application '{application.client_id}'."
            )
            raise refuse("invalid_request", 50011, text)
        return application

    def _check(self, request: Request, tenant: Tenant) -> None:
        if request.values.get("response_type") != "code":
            raise refuse("unsupported_response_type", 700054, "response_type 'code' is the only one enabled.")
        if request.values.get("response_mode", "query") not in _MODES:
            raise refuse("invalid_request", 70007, "The response_mode is not supported.")
        if not request.values.get("scope"):
            raise missing_parameter("scope")
        method = request.values.get("code_challenge_method", "plain")
        if method not in {"plain", "S256"}:
            raise refuse("invalid_request", 501491, f"The code_challenge_method '{method}' is not supported.")
        application = self._application(request, tenant)
        if application.public_client and not request.values.get("code_challenge"):
            text = "Proof Key for Code Exchange is required for cross-origin authorization code redemption."
            raise refuse("invalid_request", 9002325, text)
        resource_of_user_scope(self._store.index(), tenant.id, request.values["scope"])

    def _page(self, request: Request, tenant: Tenant, application: Application, problem: str) -> Response:
        html = render_sign_in(
            tenant=tenant.display_name or tenant.id,
            application=application.display_name or application.client_id,
            hidden={name: request.values[name] for name in _CARRIED if name in request.values},
            username=request.values.get("username") or request.values.get("login_hint", ""),
            problem=problem,
            users=[user.user_principal_name for user in tenant.users],
        )
        return Response(html, 401 if problem else 200, _HEADERS, content_type="text/html; charset=utf-8")

    def _sign_in(self, request: Request, tenant: Tenant, application: Application) -> Response:
        try:
            user = self._sessions.check_password(
                tenant, request.form.get("username", ""), request.form.get("password", "")
            )
        except RefusalError as refusal:
            return self._page(request, tenant, application, str(refusal.body["error_description"]).split(" Trace")[0])
        session = Session(
            tenant.id,
            user.object_id,
            application.client_id,
            request.values["scope"],
            request.values.get("nonce"),
            request.values["redirect_uri"],
            request.values.get("code_challenge"),
            request.values.get("code_challenge_method", "plain"),
        )
        return self._return(request, {"code": self._sessions.new_code(session)})

    @staticmethod
    def _return(request: Request, answer: dict[str, str]) -> Response:
        """Go back to the application with the answer, the way it asked for."""
        target = request.values["redirect_uri"]
        if "state" in request.values:
            answer["state"] = request.values["state"]
        mode = request.values.get("response_mode", "query")
        if mode == "form_post":
            html = render_form_post(target=target, answer=answer)
            return Response(html, headers={"Cache-Control": "no-store"}, content_type="text/html; charset=utf-8")
        parts = urlsplit(target)
        if mode == "fragment":
            return redirect(urlunsplit(parts._replace(fragment=urlencode(answer))))
        query = "&".join(part for part in (parts.query, urlencode(answer)) if part)
        return redirect(urlunsplit(parts._replace(query=query)))
