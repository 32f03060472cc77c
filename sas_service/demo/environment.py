"""The environment of the demo's API and worker, as a deployment would set it."""

from collections.abc import Mapping

from sas_service.demo.world import API_CLIENT_ID, APPLICATION_ID_URI, TENANT_ID, DemoSecrets, guid

HURRY: Mapping[str, str] = {
    "SAS_WORKER_TICK": "PT1S",
    "SAS_WORKER_WATCH_EVERY": "PT10S",
    "SAS_REVOCATION_PLAN_LIFETIME": "PT15M",
    "SAS_REVOCATION_QUARANTINE": "PT10S",
    "SAS_REVOCATION_PROOF_SPAN": "PT2S",
    "SAS_REVOCATION_ROLE_PROPAGATION": "PT10S",
    "SAS_REVOCATION_RESEND_AFTER": "PT5S",
    "SAS_REVOCATION_REGENERATE_AGAIN_AFTER": "PT30S",
    "SAS_REVOCATION_CALL_DEADLINE": "PT11S",
    "SAS_REVOCATION_LEASE": "PT25S",
}
"""The waits of a revocation, in seconds where production has minutes (design.md section 5: quarantine PT10S)."""


def service_environment(
    made: DemoSecrets, *, directory: str, redis_url: str, emulator_url: str, port: int
) -> dict[str, str]:
    """Return the environment of API and worker, as a deployment would set it."""
    return {
        "IDENTITY_ENDPOINT": f"{emulator_url}/msi/token",
        "IDENTITY_HEADER": made.identity_header,
        "SAS_POLICY_FILE": f"{directory}/policy.yaml",
        "SAS_REDIS_URL": redis_url,
        "SAS_MIRROR_DIRECTORY": f"{directory}/mirror",
        "SAS_TENANT_ID": TENANT_ID,
        "SAS_AUDIENCES": f"{API_CLIENT_ID},{APPLICATION_ID_URI}",
        "SAS_ENTRA_AUTHORITY": emulator_url,
        "SAS_ARM_ENDPOINT": emulator_url,
        "SAS_ISSUER_CLIENT_ID": guid("identity/service-issuer"),
        "SAS_OPERATOR_CLIENT_ID": guid("identity/service-operator"),
        "SAS_BIND": f"127.0.0.1:{port}",
        "SAS_KEY_PEPPER": made.key_pepper,
        "SAS_SEALING_KEYS": f"demo:{made.sealing_key}",
        "SAS_SIGNING_KEY": made.signing_key,
        "SAS_SIGNING_ORIGIN": "sas-service.example/demo",
        **HURRY,
    }
