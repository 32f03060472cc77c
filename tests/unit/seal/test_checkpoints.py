"""Checkpoints and signed notes: the forms of C2SP, its own example, and what is refused."""

from base64 import b64decode, b64encode

import pytest

from sas_service.adapters.ed25519_signing import Ed25519Signing, verify_ed25519
from sas_service.adapters.memory import MemorySigning, verify_memory
from sas_service.domain.checkpoints import Checkpoint, open_checkpoint, origin_of, stream_of
from sas_service.domain.signed_notes import Verify, VerifyingKey, open_note, write_note
from sas_service.ports import Signing
from sas_service.settings.values import read_log_name

# The example in the documentation of golang.org/x/mod/sumdb/note, from which the C2SP form comes.
KNOWN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
KNOWN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
CHECKPOINT = Checkpoint("sas-service.example/maps-demo", 4711, bytes(range(32)))


@pytest.fixture(params=["memory", "ed25519"])
def signer(request: pytest.FixtureRequest) -> tuple[Signing, Verify]:
    if request.param == "memory":
        return MemorySigning(), verify_memory
    return Ed25519Signing(bytes(range(32)), name="sas-service.example"), verify_ed25519


def test_a_note_of_another_implementation_is_opened() -> None:
    key = VerifyingKey.read(KNOWN_KEY)
    assert (key.name, key.text) == ("PeterNeumann", KNOWN_KEY)
    assert open_note(KNOWN_NOTE, key, verify_ed25519) == KNOWN_NOTE.partition("\n\n")[0] + "\n"


def test_what_was_signed_is_opened(signer: tuple[Signing, Verify]) -> None:
    signing, verify = signer
    key = signing.verifying_key
    note = write_note(CHECKPOINT.text, key, signing.sign(CHECKPOINT.text.encode()))
    assert note.startswith("sas-service.example/maps-demo\n4711\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— sas")
    assert open_checkpoint(note, VerifyingKey.read(key.text), verify) == CHECKPOINT
    cosigned = f"{note}— witness.example {b64encode(b'1234' + b'x' * 64).decode()}\n"
    assert open_checkpoint(cosigned, key, verify) == CHECKPOINT


def test_any_change_of_a_note_is_noticed(signer: tuple[Signing, Verify]) -> None:
    signing, verify = signer
    note = write_note(CHECKPOINT.text, signing.verifying_key, signing.sign(CHECKPOINT.text.encode()))
    for at in range(len(note)):
        changed = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
        with pytest.raises(ValueError):
            open_checkpoint(changed, signing.verifying_key, verify)


def test_a_signature_of_another_name_or_key_does_not_count() -> None:
    other = Ed25519Signing(bytes(32), name="sas-service.example")
    note = write_note(CHECKPOINT.text, other.verifying_key, other.sign(CHECKPOINT.text.encode()))
    for key in (
        Ed25519Signing(bytes(range(32)), name="sas-service.example").verifying_key,
        Ed25519Signing(bytes(32), name="elsewhere.example").verifying_key,
    ):
        with pytest.raises(ValueError, match="not signed by"):
            open_checkpoint(note, key, verify_ed25519)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        "origin\n01\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "origin\n-1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "origin\n1\nAAEC\n",
        "origin\n1\n???\n",
        "\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "origin\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nno newline",
        "origin\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\nempty line\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        Checkpoint.read(text)


def test_extension_lines_are_kept() -> None:
    text = CHECKPOINT.text + "more of it\n"
    assert Checkpoint.read(text).extensions == ("more of it",)
    assert Checkpoint.read(text).text == text


def test_the_stream_is_in_the_origin() -> None:
    key = MemorySigning().verifying_key
    assert origin_of(key.name, "maps-demo") == CHECKPOINT.origin
    assert stream_of(CHECKPOINT, key) == "maps-demo"
    with pytest.raises(ValueError, match="no stream of"):
        stream_of(Checkpoint("sas-service.exampler/maps-demo", 1, bytes(32)), key)


@pytest.mark.parametrize("text", ["", "a+b", "a b+00000000+AAAA", KNOWN_KEY.replace("c74f", "c74e"), KNOWN_KEY[:-2]])
def test_what_is_no_verifying_key(text: str) -> None:
    with pytest.raises(ValueError):
        VerifyingKey.read(text)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Ed25519Signing(bytes(length), name="sas-service.example")


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\n"])
def test_a_name_that_no_signature_can_carry_is_refused_by_the_settings(name: str) -> None:
    assert read_log_name("sas.example.com/audit") == "sas.example.com/audit"
    with pytest.raises(ValueError):
        read_log_name(name)


def test_signatures_are_those_of_rfc_8032() -> None:
    """Section 7.1, test 2."""
    signing = Ed25519Signing(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"), name="a"
    )
    assert signing.verifying_key.key.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert signing.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert b64decode(signing.verifying_key.text.rpartition("+")[2])[0] == 1
