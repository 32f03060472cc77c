"""Sign-ins in progress: authorization codes (once, with PKCE) and refresh tokens; kept in memory only."""

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, replace

from sas_service.emulator.directory import Tenant, User
from sas_service.emulator.entra.errors import missing_parameter, refuse
from sas_service.emulator.entra.keys import base64url
from sas_service.emulator.store import Store

_CODE_LIFETIME = 600.0


@dataclass(frozen=True)
class Session:
    """Who signed in, to which client, for what."""

    tenant: str
    user: str
    client_id: str
    scope: str
    nonce: str | None = None
    redirect_uri: str = ""
    code_challenge: str | None = None
    code_challenge_method: str = "plain"
    expires: float = 0.0


class Sessions:
    """Hands out codes and refresh tokens and takes them back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._codes: dict[str, Session] = {}
        self._redeemed: set[str] = set()
        self._refresh_tokens: dict[str, Session] = {}

    def check_password(self, tenant: Tenant, name: str, password: str) -> User:
        """Return the user who signs in."""
        for user in tenant.users:
            if user.user_principal_name.lower() == name.lower():
                if user.password and hmac.compare_digest(user.password.encode(), password.encode()):
                    return user
                raise refuse(
                    "invalid_grant", 50126, "Error validating credentials due to invalid username or password."
                )
        text = f"The user account {name} does not exist in the {tenant.id} directory."
        raise refuse("invalid_grant", 50034, text)

    def new_code(self, session: Session) -> str:
        """Return a code that can be redeemed once within ten minutes."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._codes[code] = replace(session, expires=self._store.clock.now() + _CODE_LIFETIME)
        return code

    def redeem_code(self, code: str, client_id: str, redirect_uri: str, verifier: str | None) -> Session:
        """Take a code back, for its client, its redirect URI and its verifier only."""
        if not code:
            raise missing_parameter("code")
        with self._lock:
            session = self._codes.pop(code, None)
            spent = code in self._redeemed
            self._redeemed.add(code)
        if session is None or session.client_id.lower() != client_id.lower():
            if spent:
                text = "OAuth2 Authorization code was already redeemed, please retry with a new valid code."
                raise refuse("invalid_grant", 54005, text)
            raise refuse("invalid_grant", 70000, "The provided authorization code is malformed or invalid.")
        if session.expires < self._store.clock.now():
            text = "The provided authorization code or refresh token has expired due to inactivity."
            raise refuse("invalid_grant", 70008, text)
        if session.redirect_uri != redirect_uri:
            text = "The reply URL specified in the request does not match the one the code was issued for."
            raise refuse("invalid_client", 500112, text)
        _check_verifier(session, verifier)
        return session

    def new_refresh_token(self, session: Session) -> str:
        """Return a refresh token for a session."""
        token = "1." + secrets.token_urlsafe(48)
        lifetime = self._store.settings.refresh_token_lifetime.seconds
        with self._lock:
            self._refresh_tokens[token] = replace(session, nonce=None, expires=self._store.clock.now() + lifetime)
        return token

    def refresh(self, token: str, client_id: str, scope: str | None) -> Session:
        """Return the session of a refresh token; it may be used for any scope that its client may have."""
        if not token:
            raise missing_parameter("refresh_token")
        session = self._refresh_tokens.get(token)
        if session is None or session.client_id.lower() != client_id.lower():
            raise refuse("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
        if session.expires < self._store.clock.now():
            raise refuse("invalid_grant", 700082, "The refresh token has expired due to inactivity.")
        return replace(session, scope=scope) if scope else session


def _check_verifier(session: Session, verifier: str | None) -> None:
    if session.code_challenge is None:
        return
    if not verifier:
        raise missing_parameter("code_verifier")
    answer = verifier
    if session.code_challenge_method.upper() == "S256":
        answer = base64url(hashlib.sha256(verifier.encode()).digest())
    if not hmac.compare_digest(answer.encode(), session.code_challenge.encode()):
        text = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
        raise refuse("invalid_grant", 501481, text)
