"""How an application proves who it is: a secret, an assertion by certificate, or a federated credential."""

import base64
import binascii
import hmac
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug import Request

from sas_service.emulator.directory import Application, FederatedCredential
from sas_service.emulator.entra.errors import missing_parameter, refuse
from sas_service.emulator.entra.keys import base64url, load_certificate
from sas_service.emulator.store import Store

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET, ASSERTION, NOTHING = "1", "2", "0"


def client_credentials(request: Request) -> tuple[str, str | None]:
    """Return client id and secret from the form, the query or the Basic header."""
    header = request.authorization
    if header is not None and header.type == "basic":
        return str(header.username), str(header.password)
    client_id = request.values.get("client_id")
    if not client_id:
        raise missing_parameter("client_id")
    return client_id, request.values.get("client_secret")


class ClientAuthentication:
    """Decides whether an application is who it says it is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def application(self, tenant: str, client_id: str) -> Application:
        """Return the application with this client id in this tenant."""
        found = self._store.index().applications.get((tenant, client_id.lower())) or self._identity(tenant, client_id)
        if found is None or found.client_id.lower() != client_id.lower():
            text = (
                f"Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen "
                "if the application has not been installed by the administrator of the tenant or consented to by any "
                "user in the tenant. You may have sent your authentication request to the wrong tenant."
            )
            raise refuse("unauthorized_client", 700016, text)
        return found

    def _identity(self, tenant: str, client_id: str) -> Application | None:
        """Return a managed identity seen as an application: with a federated credential it signs in like one."""
        for placed in self._store.index().identities.values():
            item = placed.item
            if item.client_id.lower() == client_id.lower() and placed.subscription.tenant == tenant:
                federated = item.federated_credentials
                return Application(item.client_id, item.principal_id, item.name, federated_credentials=federated)
        return None

    def check(self, request: Request, tenant: str) -> tuple[Application, str]:
        """Return the authenticated application and how it proved itself."""
        client_id, secret = client_credentials(request)
        application = self.application(tenant, client_id)
        if secret:
            self._check_secret(application, secret)
            return application, SECRET
        assertion = request.values.get("client_assertion")
        if assertion:
            if request.values.get("client_assertion_type") != ASSERTION_TYPE:
                raise missing_parameter("client_assertion_type")
            self._check_assertion(application, tenant, assertion, request)
            return application, ASSERTION
        if application.public_client:
            return application, NOTHING
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise refuse("invalid_client", 7000218, text, status=401)

    def _check_secret(self, application: Application, secret: str) -> None:
        if not any(hmac.compare_digest(secret.encode(), known.encode()) for known in application.secrets):
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{application.client_id}'."
            )
            raise refuse("invalid_client", 7000215, text, status=401)

    def _check_assertion(self, application: Application, tenant: str, assertion: str, request: Request) -> None:
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            text = "Client assertion is not a well-formed JWT."
            raise refuse("invalid_client", 50027, text, status=401) from None
        if claims.get("iss") == application.client_id:
            self._check_certificate(application, assertion, header)
            self._check_audience(claims, tenant, request)
        else:
            self._check_federated(application, assertion, claims)
        self._check_times(claims)

    def _check_certificate(self, application: Application, assertion: str, header: dict[str, Any]) -> None:
        for pem in application.certificates:
            certificate = load_certificate(pem)
            prints = {
                base64url(certificate.fingerprint(hashes.SHA1())),  # noqa: S303 - x5t is defined as SHA-1
                base64url(certificate.fingerprint(hashes.SHA256())),
                certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - some clients send kid in hex
            }
            names = {_plain(header.get(name)) for name in ("x5t", "x5t#S256", "kid")}
            if prints & names and _signed_by(certificate.public_key(), assertion):
                return
        text = (
            "The certificate with identifier used to sign the client assertion is not registered on application. "
            "[Reason - The key was not found.]"
        )
        raise refuse("invalid_client", 700027, text, status=401)

    def _check_audience(self, claims: dict[str, Any], tenant: str, request: Request) -> None:
        path = str(claims.get("aud", "")).lower()
        if f"/{tenant}/" not in path or "//" not in path or request.host.lower() not in path:
            text = "The audience in the client assertion is not valid: it must be this tenant's token endpoint."
            raise refuse("invalid_client", 700023, text, status=401)

    def _check_federated(self, application: Application, assertion: str, claims: dict[str, Any]) -> None:
        match = next((each for each in application.federated_credentials if _fits(each, claims)), None)
        if match is None:
            text = (
                "No matching federated identity record found for presented assertion subject "
                f"'{claims.get('sub')}' and issuer '{claims.get('iss')}'."
            )
            raise refuse("invalid_client", 700213, text, status=401)
        for pem in match.public_keys:
            if _signed_by(serialization.load_pem_public_key(pem.encode()), assertion):
                return
        text = "The signature of the federated assertion does not verify with the keys of its issuer."
        raise refuse("invalid_client", 700027, text, status=401)

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = self._store.clock.now()
        # Clients know the real time only; they are judged by it unless the emulated clock runs on its own.
        if not float(claims.get("nbf", 0)) - 300 <= now - self._store.clock.offset < float(claims.get("exp", 0)) + 300:
            text = "Client assertion is not within its valid time range."
            raise refuse("invalid_client", 700024, text, status=401)


def _fits(credential: FederatedCredential, claims: dict[str, Any]) -> bool:
    audiences = claims.get("aud")
    named = set(audiences) if isinstance(audiences, list) else {audiences}
    return (
        credential.issuer == claims.get("iss")
        and credential.subject == claims.get("sub")
        and bool(named & set(credential.audiences))
    )


def _signed_by(key: Any, assertion: str) -> bool:
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        jwt.decode(
            assertion,
            key,
            algorithms=["RS256", "PS256"],
            options={"verify_exp": False, "verify_nbf": False, "verify_aud": False, "verify_iat": False},
        )
    except jwt.PyJWTError:
        return False
    return True


def _plain(value: object) -> str:
    """Return a thumbprint without padding; some clients send standard base64."""
    text = str(value or "").rstrip("=")
    try:
        return (
            base64url(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
            if {"+", "/"} & set(text)
            else text
        )
    except binascii.Error:
        return text
