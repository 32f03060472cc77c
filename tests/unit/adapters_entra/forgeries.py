"""Kinds of forged or wrong bearers, each with the reason for which it must be refused."""

import base64
import json
from collections.abc import Callable, Mapping

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hmac import HMAC

from sas_service.adapters.entra.refusal import Reason
from tests.unit.adapters_entra.mint import (
    API_ID,
    API_URI,
    CLIENT,
    GROUP,
    ISSUERS,
    OBJECT,
    OTHER_TENANT,
    SECOND,
    TENANT,
    USER,
    Keys,
    app_claims,
    b64,
    mint,
    rs256,
    rsa_jwk,
    signing_input,
    user_claims,
)

Forger = Callable[[Keys, str], str]
OTHER_VERSION = {"1.0": "2.0", "2.0": "1.0"}
CLIENT_CLAIM = {"1.0": "appid", "2.0": "azp"}
GOOD_HEADER = {"typ": "JWT", "alg": "RS256", "kid": "good"}


def claims(**changes: object) -> Forger:
    """A token with a good signature over an application's claims, changed."""
    return lambda keys, version: mint(keys.good, app_claims(version, **changes))


def user(**changes: object) -> Forger:
    return lambda keys, version: mint(keys.good, user_claims(version, **changes))


def header(**changes: object) -> Forger:
    """A token with good claims and a signature that fits its changed header."""
    return lambda keys, version: mint(keys.good, app_claims(version), header={**GOOD_HEADER, **changes})


def without(name: str) -> Forger:
    trimmed = {member: text for member, text in GOOD_HEADER.items() if member != name}
    return lambda keys, version: mint(keys.good, app_claims(version), header=trimmed)


def payload(raw: bytes) -> Forger:
    return lambda keys, _version: mint(keys.good, raw)


def good(keys: Keys, version: str) -> str:
    return mint(keys.good, app_claims(version))


def edited(edit: Callable[[str, str, str], str]) -> Forger:
    """A good token whose three segments are put together anew."""
    return lambda keys, version: edit(*good(keys, version).split("."))


def text(bearer: str) -> Forger:
    return lambda _keys, _version: bearer


def signed(head: Mapping[str, object], sign: Callable[[Keys, bytes], bytes]) -> Forger:
    """A token with a header of the forger's and a signature made for it."""

    def forge(keys: Keys, version: str) -> str:
        content = signing_input(head, app_claims(version))
        return f"{content.decode()}.{b64(sign(keys, content))}"

    return forge


def hmac_with_public_key(keys: Keys, content: bytes, digest: hashes.HashAlgorithm | None = None) -> bytes:
    pem = keys.good.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    mac = HMAC(pem, digest or hashes.SHA256())
    mac.update(content)
    return mac.finalize()


def ecdsa(keys: Keys, content: bytes) -> bytes:
    return keys.curve.sign(content, ec.ECDSA(hashes.SHA256()))


def pss(keys: Keys, content: bytes) -> bytes:
    return keys.good.sign(content, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def by_other(kid: str, **more: object) -> Forger:
    return lambda keys, version: mint(keys.other, app_claims(version), kid=kid, **more)


def embedded(keys: Keys, version: str) -> str:
    jwk = rsa_jwk(keys.other, "good")
    return mint(keys.other, app_claims(version), header={**GOOD_HEADER, "jwk": jwk})


def tampered(keys: Keys, version: str) -> str:
    head, _, signature = good(keys, version).split(".")
    raised = app_claims(version, roles=["Tokens.Issue", "Revocations.Manage"])
    return f"{head}.{b64(json.dumps(raised).encode())}.{signature}"


def reheaded(keys: Keys, version: str) -> str:
    _, body, signature = good(keys, version).split(".")
    return f"{b64(json.dumps(GOOD_HEADER, indent=1).encode())}.{body}.{signature}"


def foreign_signature(keys: Keys, version: str) -> str:
    first, second = good(keys, version), mint(keys.good, app_claims(version, uti="another"))
    return f"{first.rpartition('.')[0]}.{second.rpartition('.')[2]}"


def flipped(signature: str) -> str:
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[7] ^= 1
    return b64(bytes(raw))


def shortened(signature: str) -> str:
    return b64(base64.urlsafe_b64decode(signature + "==")[:-1])


def loosely_encoded(head: str, body: str, signature: str) -> str:
    """256 bytes leave four bits of the last character free; a loose decoder ignores them."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(signature[-1]) + 1]
    return f"{head}.{body}.{signature[:-1]}{last}"


def json_serialised(head: str, body: str, signature: str) -> str:
    return json.dumps({"protected": head, "payload": body, "signature": signature})


def duplicated_claim(keys: Keys, version: str) -> str:
    raw = json.dumps(app_claims(version, aud="https://elsewhere.example"))
    return mint(keys.good, f'{raw[:-1]}, "aud": "{API_ID}"}}'.encode())


def nested_duplicate(keys: Keys, version: str) -> str:
    return mint(keys.good, f'{json.dumps(app_claims(version))[:-1]}, "x": {{"a": 1, "a": 2}}}}'.encode())


def not_a_number(keys: Keys, version: str) -> str:
    return mint(keys.good, json.dumps(app_claims(version, exp=float("nan"))).encode())


def duplicated_header(keys: Keys, version: str) -> str:
    raw = b'{"typ":"JWT","alg":"none","alg":"RS256","kid":"good"}'
    return mint(keys.good, app_claims(version), header=raw)


def with_issuer_of_other_version(keys: Keys, version: str) -> str:
    return mint(keys.good, app_claims(version, iss=ISSUERS[OTHER_VERSION[version]]))


def with_other_version(keys: Keys, version: str) -> str:
    return mint(keys.good, app_claims(version, ver=OTHER_VERSION[version]))


def issuer(change: Callable[[str], object]) -> Forger:
    return lambda keys, version: mint(keys.good, app_claims(version, iss=change(ISSUERS[version])))


def client_claim(change: object) -> Forger:
    return lambda keys, version: mint(keys.good, app_claims(version, **{CLIENT_CLAIM[version]: change}))


def other_client_claim(keys: Keys, version: str) -> str:
    names = {CLIENT_CLAIM[version]: ..., CLIENT_CLAIM[OTHER_VERSION[version]]: CLIENT}
    return mint(keys.good, app_claims(version, **names))


ID_TOKEN: dict[str, object] = {"scp": ..., "roles": ..., "aud": API_ID, "name": "Alex", "preferred_username": "alex@x"}

HEADERS: dict[str, tuple[Reason, Forger]] = {
    "alg none, no signature": (
        Reason.MALFORMED,
        lambda keys, version: signing_input({**GOOD_HEADER, "alg": "none"}, app_claims(version)).decode() + ".",
    ),
    "alg none, some signature": (Reason.ALGORITHM, header(alg="none")),
    "alg NoNe": (Reason.ALGORITHM, header(alg="NoNe")),
    "HS256 with the public key": (Reason.ALGORITHM, signed({**GOOD_HEADER, "alg": "HS256"}, hmac_with_public_key)),
    "HS256 with the public key, called RS256": (Reason.SIGNATURE, signed(GOOD_HEADER, hmac_with_public_key)),
    "HS384 with the public key": (
        Reason.ALGORITHM,
        signed({**GOOD_HEADER, "alg": "HS384"}, lambda keys, raw: hmac_with_public_key(keys, raw, hashes.SHA384())),
    ),
    "HS512 with the public key": (
        Reason.ALGORITHM,
        signed({**GOOD_HEADER, "alg": "HS512"}, lambda keys, raw: hmac_with_public_key(keys, raw, hashes.SHA512())),
    ),
    "RS384": (
        Reason.ALGORITHM,
        signed({**GOOD_HEADER, "alg": "RS384"}, lambda keys, raw: rs256(keys.good, raw, hashes.SHA384())),
    ),
    "RS512": (
        Reason.ALGORITHM,
        signed({**GOOD_HEADER, "alg": "RS512"}, lambda keys, raw: rs256(keys.good, raw, hashes.SHA512())),
    ),
    "PS256": (Reason.ALGORITHM, signed({**GOOD_HEADER, "alg": "PS256"}, pss)),
    "PS256, called RS256": (Reason.SIGNATURE, signed(GOOD_HEADER, pss)),
    "ES256 with a curve of the key set": (
        Reason.ALGORITHM,
        signed({**GOOD_HEADER, "alg": "ES256", "kid": "curve"}, ecdsa),
    ),
    "ES256, called RS256": (Reason.UNKNOWN_KEY, signed({**GOOD_HEADER, "kid": "curve"}, ecdsa)),
    "alg missing": (Reason.ALGORITHM, without("alg")),
    "alg null": (Reason.ALGORITHM, header(alg=None)),
    "alg a list": (Reason.ALGORITHM, header(alg=["RS256"])),
    "alg lower case": (Reason.ALGORITHM, header(alg="rs256")),
    "typ missing": (Reason.HEADER, without("typ")),
    "typ of an ID token": (Reason.HEADER, header(typ="id+jwt")),
    "typ of a logout token": (Reason.HEADER, header(typ="logout+jwt")),
    "typ JWS": (Reason.HEADER, header(typ="JWS")),
    "typ pop": (Reason.HEADER, header(typ="pop")),
    "typ null": (Reason.HEADER, header(typ=None)),
    "crit": (Reason.HEADER, header(crit=["exp"])),
    "crit empty": (Reason.HEADER, header(crit=[])),
    "b64 false": (Reason.HEADER, header(b64=False, crit=["b64"])),
    "jku of a stranger": (Reason.HEADER, by_other("good", jku="https://forger.example/keys")),
    "jku beside a good signature": (Reason.HEADER, header(jku="https://forger.example/keys")),
    "x5u": (Reason.HEADER, header(x5u="https://forger.example/cert")),
    "x5c": (Reason.HEADER, header(x5c=["MIIB"])),
    "embedded jwk": (Reason.HEADER, embedded),
    "nonce in the header": (Reason.HEADER, header(nonce="n")),
    "zip": (Reason.HEADER, header(zip="DEF")),
    "enc": (Reason.HEADER, header(enc="A256GCM")),
    "nested JWT": (Reason.HEADER, header(cty="JWT")),
    "kid missing": (Reason.HEADER, without("kid")),
    "kid a number": (Reason.HEADER, header(kid=1)),
    "kid null": (Reason.HEADER, header(kid=None)),
    "kid empty": (Reason.HEADER, header(kid="")),
    "kid very long": (Reason.HEADER, header(kid="g" * 5000)),
    "kid unknown": (Reason.UNKNOWN_KEY, by_other("nobody")),
    "kid a path": (Reason.UNKNOWN_KEY, by_other("../../../dev/null")),
    "kid of an encryption key": (Reason.UNKNOWN_KEY, by_other("encryption")),
    "kid of another tenant's key": (Reason.UNKNOWN_KEY, by_other("foreign")),
    "kid of a key for RS512": (Reason.UNKNOWN_KEY, by_other("rs512")),
    "kid that two keys share": (Reason.UNKNOWN_KEY, by_other("twice")),
    "kid of a symmetric key": (Reason.UNKNOWN_KEY, by_other("secret")),
    "kid of a broken key": (Reason.UNKNOWN_KEY, by_other("broken")),
    "key of 1024 bits": (Reason.UNKNOWN_KEY, lambda keys, v: mint(keys.small, app_claims(v), kid="small")),
    "alg twice": (Reason.MALFORMED, duplicated_header),
    "header a list": (Reason.MALFORMED, lambda keys, v: mint(keys.good, app_claims(v), header=b"[]")),
    "header no JSON": (Reason.MALFORMED, lambda keys, v: mint(keys.good, app_claims(v), header=b"typ: JWT")),
}

BYTES: dict[str, tuple[Reason, Forger]] = {
    "signed by a stranger": (Reason.SIGNATURE, by_other("good")),
    "signature cut": (Reason.SIGNATURE, edited(lambda h, b, s: f"{h}.{b}.{shortened(s)}")),
    "signature flipped": (Reason.SIGNATURE, edited(lambda h, b, s: f"{h}.{b}.{flipped(s)}")),
    "signature empty": (Reason.MALFORMED, edited(lambda h, b, _s: f"{h}.{b}.")),
    "signature zero": (Reason.SIGNATURE, edited(lambda h, b, _s: f"{h}.{b}.{b64(bytes(256))}")),
    "signature of another token": (Reason.SIGNATURE, foreign_signature),
    "roles added afterwards": (Reason.SIGNATURE, tampered),
    "header written anew": (Reason.SIGNATURE, reheaded),
    "payload padded": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}.{b}=.{s}")),
    "signature padded": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}.{b}.{s}==")),
    "loose last character": (Reason.MALFORMED, edited(loosely_encoded)),
    "plain base64 alphabet": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}.{b}.{s[:-1]}+")),
    "newline at the end": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}.{b}.{s}\n")),
    "space inside": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}. {b}.{s}")),
    "scheme inside": (Reason.MALFORMED, edited(lambda h, b, s: f"Bearer {h}.{b}.{s}")),
    "four segments": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}.{b}.{s}.{s}")),
    "five segments, as JWE": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}.{b}.{s}.{b}.{s}")),
    "two segments": (Reason.MALFORMED, edited(lambda h, b, _s: f"{h}.{b}")),
    "nothing": (Reason.MALFORMED, text("")),
    "dots": (Reason.MALFORMED, text("..")),
    "an opaque text": (Reason.MALFORMED, text("0.AXoAv4j5cvGGr0GRqy180BHbR")),
    "not ASCII": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}.{b}.{s[:-1]}é")),
    "NUL": (Reason.MALFORMED, edited(lambda h, b, s: f"{h}.{b}.{s}\0")),
    "too large": (Reason.TOO_LARGE, claims(filler="x" * 20_000)),
    "JSON serialisation": (Reason.MALFORMED, edited(json_serialised)),
    "payload a text": (Reason.MALFORMED, payload(b'"hello"')),
    "payload no JSON": (Reason.MALFORMED, payload(b"hello")),
    "payload not UTF-8": (Reason.MALFORMED, payload(b'{"aud": "\xff"}')),
    "payload UTF-16": (Reason.MALFORMED, payload('{"aud": "x"}'.encode("utf-16"))),
    "payload with a byte order mark": (Reason.MALFORMED, payload(b"\xef\xbb\xbf{}")),
    "payload nested deeply": (Reason.MALFORMED, payload(b"[" * 8000)),
    "payload empty object": (Reason.VERSION, payload(b"{}")),
    "claim twice": (Reason.MALFORMED, duplicated_claim),
    "inner member twice": (Reason.MALFORMED, nested_duplicate),
    "exp not a number": (Reason.MALFORMED, not_a_number),
    "a SAS token": (
        Reason.ALGORITHM,
        text(jwt.encode({"exp": SECOND + 600, "regions": ["eastus"]}, "k" * 43, algorithm="HS256")),
    ),
}

ORIGINS: dict[str, tuple[Reason, Forger]] = {
    "other tenant": (Reason.TENANT, claims(tid=OTHER_TENANT)),
    "tid missing": (Reason.TENANT, claims(tid=...)),
    "tid in capitals": (Reason.TENANT, claims(tid=TENANT.upper())),
    "tid a list": (Reason.TENANT, claims(tid=[TENANT])),
    "issuer of another tenant": (Reason.ISSUER, issuer(lambda iss: iss.replace(TENANT, OTHER_TENANT))),
    "issuer missing": (Reason.ISSUER, claims(iss=...)),
    "issuer with another end": (Reason.ISSUER, issuer(lambda iss: iss + "/")),
    "issuer over http": (Reason.ISSUER, issuer(lambda iss: iss.replace("https", "http"))),
    "issuer in capitals": (Reason.ISSUER, issuer(str.upper)),
    "issuer a list": (Reason.ISSUER, issuer(lambda iss: [iss])),
    "issuer common": (Reason.ISSUER, issuer(lambda iss: iss.replace(TENANT, "common"))),
    "issuer template": (Reason.ISSUER, issuer(lambda iss: iss.replace(TENANT, "{tenantid}"))),
    "issuer of a forger": (Reason.ISSUER, claims(iss="https://forger.example/")),
    "issuer of the other version": (Reason.ISSUER, with_issuer_of_other_version),
    "other version": (Reason.ISSUER, with_other_version),
    "version missing": (Reason.VERSION, claims(ver=...)),
    "version a number": (Reason.VERSION, claims(ver=2.0)),
    "version 3.0": (Reason.VERSION, claims(ver="3.0")),
    "version a list": (Reason.VERSION, claims(ver=["2.0"])),
    "other audience": (Reason.AUDIENCE, claims(aud="https://graph.microsoft.com")),
    "audience missing": (Reason.AUDIENCE, claims(aud=...)),
    "audience null": (Reason.AUDIENCE, claims(aud=None)),
    "audience a list with ours": (Reason.AUDIENCE, claims(aud=[API_ID])),
    "audience a list of two": (Reason.AUDIENCE, claims(aud=[API_ID, CLIENT])),
    "audience with a slash": (Reason.AUDIENCE, claims(aud=API_URI + "/")),
    "audience in capitals": (Reason.AUDIENCE, claims(aud=API_URI.upper())),
    "audience that begins like ours": (Reason.AUDIENCE, claims(aud=API_URI + "-test")),
    "audience the client itself": (Reason.AUDIENCE, claims(aud=CLIENT)),
    "audience of the management API": (Reason.AUDIENCE, claims(aud="https://management.azure.com")),
}

TIMES: dict[str, tuple[Reason, Forger]] = {
    "expired": (Reason.EXPIRED, claims(exp=SECOND - 61)),
    "expired long ago": (Reason.EXPIRED, claims(iat=SECOND - 90_000, nbf=SECOND - 90_000, exp=SECOND - 86_400)),
    "exp missing": (Reason.TIMES, claims(exp=...)),
    "exp a text": (Reason.TIMES, claims(exp=str(SECOND + 3600))),
    "exp a fraction": (Reason.TIMES, claims(exp=SECOND + 3600.5)),
    "exp a whole float": (Reason.TIMES, claims(exp=float(SECOND + 3600))),
    "exp true": (Reason.TIMES, claims(exp=True)),
    "exp 1e30": (Reason.TIMES, claims(exp=1e30)),
    "exp 10**30": (Reason.TIMES, claims(exp=10**30)),
    "exp negative": (Reason.TIMES, claims(exp=-1)),
    "exp zero": (Reason.TIMES, claims(exp=0)),
    "exp null": (Reason.TIMES, claims(exp=None)),
    "exp in milliseconds": (Reason.TIMES, claims(exp=(SECOND + 3600) * 1000)),
    "not yet valid": (Reason.NOT_YET_VALID, claims(nbf=SECOND + 120)),
    "nbf missing": (Reason.TIMES, claims(nbf=...)),
    "nbf a text": (Reason.TIMES, claims(nbf=str(SECOND))),
    "issued in the future": (Reason.NOT_YET_VALID, claims(iat=SECOND + 120)),
    "iat missing": (Reason.TIMES, claims(iat=...)),
    "iat a text": (Reason.TIMES, claims(iat=str(SECOND))),
    "iat a float": (Reason.TIMES, claims(iat=SECOND - 0.5)),
    "ends before it begins": (Reason.LIFETIME, claims(nbf=SECOND - 10, exp=SECOND - 20)),
    "ends when issued": (Reason.LIFETIME, claims(iat=SECOND - 10, exp=SECOND - 10)),
    "lives 400 days": (Reason.LIFETIME, claims(exp=SECOND + 400 * 86_400)),
    "lives two days": (Reason.LIFETIME, claims(exp=SECOND + 2 * 86_400)),
}

KINDS: dict[str, tuple[Reason, Forger]] = {
    "ID token": (Reason.NOT_AN_ACCESS_TOKEN, user(**ID_TOKEN, nonce="n")),
    "ID token without nonce": (Reason.NOT_AN_ACCESS_TOKEN, user(**ID_TOKEN)),
    "ID token with roles": (Reason.NOT_AN_ACCESS_TOKEN, user(**{**ID_TOKEN, "roles": ["Tokens.Issue"]})),
    "nonce beside a scope": (Reason.NOT_AN_ACCESS_TOKEN, user(nonce="n")),
    "at_hash": (Reason.NOT_AN_ACCESS_TOKEN, user(at_hash="h")),
    "c_hash": (Reason.NOT_AN_ACCESS_TOKEN, user(c_hash="h")),
    "no permission of any kind": (Reason.NOT_AN_ACCESS_TOKEN, claims(roles=...)),
    "a user's roles without a scope": (Reason.NOT_AN_ACCESS_TOKEN, claims(oid=USER, sub="pairwise-subject")),
    "subject missing": (Reason.NOT_AN_ACCESS_TOKEN, claims(sub=...)),
    "idtyp app with a scope": (Reason.CLAIMS, user(idtyp="app")),
    "idtyp user without a scope": (Reason.CLAIMS, claims(idtyp="user")),
    "idtyp device": (Reason.CLAIMS, claims(idtyp="device")),
    "scope a list": (Reason.CLAIMS, user(scp=["Tokens.Issue"])),
    "scope empty": (Reason.CLAIMS, user(scp="")),
    "scope null": (Reason.CLAIMS, user(scp=None)),
    "scope a number": (Reason.CLAIMS, user(scp=1)),
    "roles a text": (Reason.CLAIMS, claims(roles="Tokens.Issue")),
    "roles with a number": (Reason.CLAIMS, claims(roles=["Tokens.Issue", 1])),
    "roles an object": (Reason.CLAIMS, claims(roles={"Tokens.Issue": True})),
    "roles null": (Reason.CLAIMS, claims(roles=None)),
    "oid missing": (Reason.CLAIMS, user(oid=...)),
    "oid a number": (Reason.CLAIMS, claims(oid=1, sub=1)),
    "oid no GUID": (Reason.CLAIMS, user(oid="alex@contoso.example")),
    "oid in capitals": (Reason.CLAIMS, claims(oid=OBJECT.upper(), sub=OBJECT.upper())),
    "oid with a newline": (Reason.CLAIMS, user(oid=USER + "\n")),
    "client missing": (Reason.CLAIMS, client_claim(...)),
    "client no GUID": (Reason.CLAIMS, client_claim("storefront")),
    "client a list": (Reason.CLAIMS, client_claim([CLIENT])),
    "client claim of the other version": (Reason.CLAIMS, other_client_claim),
    "groups a text": (Reason.CLAIMS, user(groups=GROUP)),
    "groups with a number": (Reason.CLAIMS, user(groups=[GROUP, 7])),
}

FORGERIES = {**HEADERS, **BYTES, **ORIGINS, **TIMES, **KINDS}
