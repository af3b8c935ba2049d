"""The connection to Flatpeak: keys, login, and one way to ask."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from typing import Any, Self, TypeVar

import msgspec

from flipkit.errors import NotFound, UnexpectedAnswer
from flipkit.flatpeak.refusals import read_refusal
from flipkit.flatpeak.shapes import Created, Login, Page
from flipkit.flatpeak.wire import DEFAULT_VERSION, wire_of
from flipkit.frames import FrameLibrary, library
from flipkit.http import Answer, Secret, Session, Timing, Token, Transport, find_secret

__all__ = ["Service"]

T = TypeVar("T")

BASE_URL = "https://api.flatpeak.com"
_LOGIN = msgspec.json.Decoder(Login)
_CREATED = msgspec.json.Decoder(Created)
_PAGE = 100


class Service:
    """Holds the session; the parts of the client build on it."""

    def __init__(
        self,
        account_id: str | None = None,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        version: str = DEFAULT_VERSION,
        frames: FrameLibrary = "pandas",
        transport: Transport | None = None,
        pace: Timing | None = None,
    ) -> None:
        library(frames)  # so that a wrong name is an error here, not at the first frame
        self.version, self.frames, self._wire = version, frames, wire_of(version)
        self._account = find_secret("FLATPEAK_ACCOUNT_ID", account_id)
        self._key = find_secret("FLATPEAK_API_KEY", api_key)
        pace = pace or Timing()
        self._token = Token(self._log_in, pace)
        self._session = Session(
            base_url or os.environ.get("FLATPEAK_BASE_URL") or BASE_URL,
            self._token,
            read_refusal,
            headers={"Flatpeak-Version": version},
            transport=transport,
            pace=pace,
        )

    def _log_in(self) -> tuple[Secret, float]:
        answer = self._session.send(
            "GET", ["login"], authorization=_basic(self._account, self._key), decoder=_LOGIN
        )
        token = _token_of(answer.value)
        if token is None:
            raise UnexpectedAnswer(
                "the login's answer holds no usable `bearer_token`", answer.request
            )
        return token, answer.value.expires_in

    def __repr__(self) -> str:
        return f"Flatpeak(account_id='***', api_key='***', base_url={self.base_url!r}, version={self.version!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._session.close()

    @property
    def base_url(self) -> str:
        """Where the requests go."""
        return self._session.base_url

    def raw(
        self, method: str, *path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Any:
        """Ask the API directly, for what flipkit has no verb for.

        Parameters
        ----------
        method : str
            ``GET``, ``PUT``, ``PATCH``, ``DELETE`` or ``POST``; only a POST that may have arrived is not tried again.
        *path : str
            The segments of the path; each is percent-encoded: ``flatpeak.raw("GET", "devices", device_id)``.
        query : mapping, optional
        body : object, optional
            Sent as JSON.

        Returns
        -------
        object
            The decoded answer; None where it is empty.

        Raises
        ------
        RequestError
            As for every verb.
        """
        repeatable = method.upper() != "POST"
        return self._session.send(
            method.upper(), path, query=query, body=body, repeatable=repeatable
        ).value

    def _ask(
        self,
        decoder: msgspec.json.Decoder[T],
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool = True,
    ) -> Answer[T]:
        """An answer that must hold something."""
        answer = self._session.send(
            method, path, query=query, body=body, repeatable=repeatable, decoder=decoder
        )
        if answer.value is None:
            raise UnexpectedAnswer("the answer is empty", answer.request)
        return answer

    def _create(self, body: Any, *path: str) -> str:
        """The id of the object that a POST made; not sent again when it may have arrived."""
        return self._ask(_CREATED, "POST", *path, body=body, repeatable=False).value.id

    def _delete(self, *path: str) -> None:
        """Delete; that it is gone after a second try means that the first arrived."""
        try:
            self._session.send("DELETE", path)
        except NotFound as error:
            if error.request.attempts == 1:
                raise

    def _all(
        self,
        decoder: msgspec.json.Decoder[Page[T]],
        *path: str,
        query: Mapping[str, str] | None = None,
    ) -> tuple[list[T], Answer[Page[T]]]:
        """Every object of a list, page by page, and the last answer."""
        found: list[T] = []
        cursors: set[str] = set()
        after: dict[str, str] = {}
        while True:
            answer = self._ask(
                decoder, "GET", *path, query={**(query or {}), "limit": str(_PAGE), **after}
            )
            page: list[Any] = answer.value.data or []
            found.extend(page)
            if not answer.value.has_more:
                return found, answer
            last = page and (page[-1].get("id") if isinstance(page[-1], dict) else page[-1].id)
            if not last or last in cursors:
                raise UnexpectedAnswer(
                    "`has_more` is true, but the page leads no further", answer.request
                )
            cursors.add(last)
            after = {"starting_after": last}

    def _facts(self, answers: Iterable[Answer[Any]], **query: Any) -> dict[str, Any]:
        """Where a frame comes from: what was asked, and when the service gave the oldest of its answers."""
        moments = [answer.data_time_utc for answer in answers if answer.data_time_utc]
        return {
            "service": "flatpeak",
            "base_url": self.base_url,
            "version": self.version,
            "query": query,
            "data_time_utc": min(moments, default=None),
        }


# Functions of their own, so that no variable of a frame that raises holds what must not be shown.


def _basic(account: Secret, key: Secret) -> Secret:
    pair = f"{account.reveal()}:{key.reveal()}".encode()
    return Secret(f"Basic {base64.b64encode(pair).decode()}")


def _token_of(login: Login | None) -> Secret | None:
    token = login and (login.bearer_token or login.bearer or login.token)
    return Secret(token) if token and token.isascii() and token.isprintable() else None
