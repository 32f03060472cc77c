"""The environment is read strictly and every problem is told at once."""

import pytest

from sas_service.settings import Settings, SettingsError

GOOD = {
    "SAS_POLICY_FILE": "policy.yaml",
    "SAS_REDIS_URL": "redis://:hush-hush@127.0.0.1:6379/0",
    "SAS_MIRROR_DIRECTORY": "mirror",
    "SAS_TENANT_ID": "72f988bf-0000-4000-8000-000000000001",
    "SAS_AUDIENCES": "api://sas-service, 72f988bf-0000-4000-8000-000000000002",
    "SAS_ISSUER_CLIENT_ID": "72f988bf-0000-4000-8000-000000000003",
}


def test_good_settings_have_sane_defaults() -> None:
    settings = Settings.from_env(GOOD)
    assert settings.bind == "127.0.0.1:8080"
    assert settings.audiences == ("api://sas-service", "72f988bf-0000-4000-8000-000000000002")


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = Settings.from_env({**GOOD, "SAS_ISSUER_CREDENTIAL": "clientSecret", "SAS_ISSUER_CLIENT_SECRET": "hush"})
    assert "hush" not in repr(settings)
    assert "hush" not in f"{settings.redis_url} {settings.issuer_client_secret}"
    assert settings.redis_url.reveal() == GOOD["SAS_REDIS_URL"]


def test_every_problem_is_told_at_once() -> None:
    wrong = {
        **GOOD,
        "SAS_THREADS": "0",
        "SAS_ARM_ENDPOINT": "http://management.example",
        "SAS_TYPO": "1",
        "SAS_TENANT_ID": "contoso",
    }
    del wrong["SAS_REDIS_URL"]
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(wrong)
    named = {problem.split(":")[0] for problem in caught.value.problems}
    assert named == {"SAS_THREADS", "SAS_ARM_ENDPOINT", "SAS_TYPO", "SAS_TENANT_ID", "SAS_REDIS_URL"}


def test_a_wrong_secret_is_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**GOOD, "SAS_REDIS_URL": "http://user:hush@127.0.0.1"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAS_REQUEST_TIMEOUT", "PT10S"),
        ("SAS_RESERVATION_TIME", "PT30S"),
        ("SAS_REDIS_POOL", "4"),
        ("SAS_ISSUER_CREDENTIAL", "clientSecret"),
        ("SAS_ISSUER_CREDENTIAL", "clientCertificate"),
        ("SAS_BIND", "8080"),
        ("SAS_POLICY_POLL", "PT0S"),
        ("SAS_REDIS_ALLOW_VOLATILE", "yes"),
        ("SAS_ENTRA_AUTHORITY", "https://user@login.example/path"),
    ],
)
def test_contradictions_and_wrong_forms_are_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError):
        Settings.from_env({**GOOD, name: value})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "http://[::1]:1", "https://management.azure.com"])
def test_plain_http_is_for_loopback_only(url: str) -> None:
    assert Settings.from_env({**GOOD, "SAS_ARM_ENDPOINT": url}).arm_endpoint == url


@pytest.mark.parametrize(
    "changes",
    [
        {"SAS_MIRROR_DIRECTORY": ""},
        {"SAS_MIRROR_CONTAINER": "https://audit.blob.core.windows.net/log"},
    ],
    ids=["neither", "both"],
)
def test_the_mirror_is_in_exactly_one_place(changes: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="SAS_MIRROR_DIRECTORY: exactly one"):
        Settings.from_env({**GOOD, **changes})


@pytest.mark.parametrize(
    "url",
    [
        "https://audit.blob.core.windows.net",
        "http://audit.blob.core.windows.net/log",
        "https://audit.blob.core.windows.net/log?sig=hush",
    ],
)
def test_a_container_is_named_without_anything_secret(url: str) -> None:
    with pytest.raises(SettingsError, match="SAS_MIRROR_CONTAINER") as caught:
        Settings.from_env({**GOOD, "SAS_MIRROR_DIRECTORY": "", "SAS_MIRROR_CONTAINER": url})
    assert "hush" not in str(caught.value)
