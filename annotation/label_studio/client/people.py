"""Users. One with a token of their own has to sign up the way people do: by the form behind the invitation."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from annotation.label_studio.client.connection import CONNECT_TIMEOUT_S, Connection, answer_of, part, shaped, translated
from annotation.label_studio.client.errors import AlreadyThere, Invalid
from annotation.label_studio.client.rows import UserRow


class PeopleCalls:
    """What can be asked of users."""

    _connection: Connection

    def whoami(self) -> UserRow:
        """The token's owner."""
        return self._connection.read(UserRow, "GET", "/api/current-user/whoami")

    def users(self) -> list[UserRow]:
        return shaped(list[UserRow], self._connection.send("GET", "/api/users/"))

    def create_user(self, email: str) -> UserRow:
        """Has no password and no token; good as `completed_by` only. Raises Invalid where the address is taken."""
        return self._connection.read(UserRow, "POST", "/api/users/", body={"username": email, "email": email})

    def invitation(self) -> str:
        """Path of the sign-up form for new members."""
        link = urlsplit(shaped(str, part(self._connection.send("GET", "/api/invite"), "invite_url")))
        return f"{link.path}?{link.query}"

    def sign_up(self, email: str, password: str, timeout_s: float = 30.0) -> str:
        """Makes a member and answers their token. Raises AlreadyThere where the address is taken."""
        url = self._connection.url
        timeout = httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S)
        with httpx.Client(base_url=url, timeout=timeout, trust_env=False) as browser, translated(url, "signing up"):
            form = self.invitation()
            answer_of(browser.get(form), url, "GET sign-up form", json_expected=False)
            fields = {"email": email, "password": password, "allow_newsletters": "false"}
            _submit(browser, form, fields, email)
            return _token(browser, url)


def _submit(browser: httpx.Client, form: str, fields: Mapping[str, str], email: str) -> None:
    headers = {"Referer": str(browser.base_url)}
    answer = browser.post(form, data={**fields, "csrfmiddlewaretoken": _csrf(browser)}, headers=headers)
    if answer.status_code == HTTPStatus.FOUND:
        return  # welcome: it leads to the first page
    if "already exist" in answer.text:
        raise AlreadyThere(f"Label Studio has a user {email}", HTTPStatus.CONFLICT)
    raise Invalid(f"Label Studio does not let {email} sign up ({answer.status_code})", answer.status_code)


def _token(browser: httpx.Client, url: str) -> str:
    """The legacy token; where the organisation has those switched off, a personal one."""
    answer = browser.get("/api/current-user/token")
    if answer.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        answer = browser.post("/api/token/", json={}, headers={"X-CSRFToken": _csrf(browser)})
    return shaped(str, part(answer_of(answer, url, "GET token"), "token"))


def _csrf(browser: httpx.Client) -> str:
    return browser.cookies.get("csrftoken", default="") or ""
