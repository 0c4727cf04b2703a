import httpx
import pytest

from annotation.label_studio.client.connection import is_personal
from annotation.label_studio.client.errors import Absent, AlreadyThere, Declined, Invalid
from annotation.label_studio.client.label_studio import LabelStudio
from streams.errors import MillraceError, Misconfigured, Unavailable
from tests.unit.annotation.label_studio.client.server import LEGACY, PERSONAL, Scripted, says

ME = says(200, {"id": 7, "email": "me@example.org"})


def test_a_legacy_token_is_sent_as_it_is() -> None:
    server = Scripted([ME])
    server.client(LEGACY).whoami()
    assert server.authorizations == [f"Token {LEGACY}"]


def test_a_personal_token_buys_access_once_and_uses_it() -> None:
    server = Scripted([says(200, {"access": "a1"}), ME, ME])
    client = server.client(PERSONAL)
    client.whoami()
    client.whoami()
    assert server.authorizations == [None, "Bearer a1", "Bearer a1"]


def test_access_that_has_ended_is_bought_anew_and_the_request_sent_again() -> None:
    server = Scripted([says(200, {"access": "a1"}), says(401), says(200, {"access": "a2"}), ME])
    assert server.client(PERSONAL).whoami().id == 7
    assert server.authorizations == [None, "Bearer a1", None, "Bearer a2"]


def test_a_personal_token_that_buys_nothing_is_a_matter_of_settings() -> None:
    with pytest.raises(Misconfigured, match=r"label_studio\.token"):
        Scripted([says(401), says(401), says(401), says(401)]).client(PERSONAL).whoami()


def test_a_server_that_fails_while_access_is_bought_is_down() -> None:
    with pytest.raises(Unavailable):
        Scripted([says(503)]).client(PERSONAL).whoami()


@pytest.mark.parametrize(
    ("token", "personal"),
    [(LEGACY, False), (PERSONAL, True), ("no.json.here", False), ("", False), (".", False), ("ü.x", False)],
)
def test_the_kind_of_a_token_is_seen(token: str, personal: bool) -> None:
    assert is_personal(token) is personal


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (says(400, {"detail": "x"}), Invalid),
        (says(404, {"detail": "x"}), Absent),
        (says(409, {"detail": "x"}), AlreadyThere),
        (says(413, ["x"]), Declined),
        (says(401, {"detail": "x"}), Misconfigured),
        (says(403, {"detail": "x"}), Misconfigured),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example"}), Misconfigured),
        (says(429), Unavailable),
        (says(500, {"detail": "x"}), Unavailable),
        (httpx.Response(502, text="<html>Bad gateway</html>"), Unavailable),
        (httpx.Response(200, text="<html>A proxy's page</html>"), Unavailable),
        (says(200, ["no", "user"]), Unavailable),
        (httpx.ConnectError("refused"), Unavailable),
        (httpx.ReadTimeout("slow"), Unavailable),
        (httpx.RemoteProtocolError("reset"), Unavailable),
    ],
    ids=repr,
)
def test_whatever_comes_back_is_one_of_ours(answer: httpx.Response | Exception, error: type[MillraceError]) -> None:
    with pytest.raises(error):
        Scripted([answer]).client().whoami()


def test_an_address_that_is_none_is_a_matter_of_settings() -> None:
    with pytest.raises(Misconfigured, match=r"label_studio\.url"):
        LabelStudio("studio", LEGACY).whoami()


def test_what_the_server_said_is_in_the_message() -> None:
    refusal = says(400, {"detail": "Validation error", "validation_errors": {"title": ["too short"]}})
    with pytest.raises(Invalid, match="too short"):
        Scripted([refusal]).client().project(1)


@pytest.mark.parametrize(
    "answer", [says(200, {"status": "DOWN"}), says(500), says(404), httpx.ConnectError("refused")], ids=repr
)
def test_a_server_that_is_not_up_is_not_healthy(answer: httpx.Response | Exception) -> None:
    assert Scripted([answer]).client().health() is False


@pytest.mark.parametrize("token", ["", "a b", "a\n", "tökén"])
def test_a_token_that_is_none_is_a_matter_of_settings(token: str) -> None:
    with pytest.raises(Misconfigured, match=r"label_studio\.token"):
        Scripted([]).client(token)
