"""The connection to Flatpeak: keys, login, requests, error bodies."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

import msgspec

from flipkit.calendar import Window
from flipkit.errors import InputError, NotFound, PriceUnavailable, UnexpectedAnswer
from flipkit.flatpeak.generations import DEFAULT_VERSION, wire_of
from flipkit.flatpeak.shapes import Created, Location, Login, Page
from flipkit.frames import FrameLibrary, FrameType, is_frame, library, library_of
from flipkit.http import (
    Answer,
    Decoder,
    ErrorBody,
    Secret,
    Session,
    Timing,
    Token,
    Transport,
    find_secret,
    map_concurrent,
)

__all__ = ["Service", "ids_of"]

T = TypeVar("T")

_BASE_URL = "https://api.flatpeak.com"
_PAGE_SIZE = 100
_LOGIN = msgspec.json.Decoder(Login)
_CREATED = msgspec.json.Decoder(Created)
_LOCATION = msgspec.json.Decoder(Location)


class Service(Generic[FrameType]):
    """The session of a client; the parts of the client build on it."""

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
        library(frames)  # raises for an unknown name now, not with the first frame
        self.version = version
        self.frames = frames
        self._wire = wire_of(version)
        self._account = find_secret("FLATPEAK_ACCOUNT_ID", account_id)
        self._key = find_secret("FLATPEAK_API_KEY", api_key)
        pace = pace or Timing()
        self._token = Token(self._log_in, pace)
        self._session = Session(
            base_url or os.environ.get("FLATPEAK_BASE_URL") or _BASE_URL,
            self._token,
            _error_body,
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
                "the answer to the login has no usable `bearer_token`", answer.request
            )
        return token, answer.value.expires_in

    def __repr__(self) -> str:
        return (
            f"Flatpeak(account_id='***', api_key='***', base_url={self.base_url!r}, "
            f"version={self.version!r})"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._session.close()

    @property
    def base_url(self) -> str:
        """Address that requests are sent to."""
        return self._session.base_url

    def raw(
        self, method: str, *path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Any:
        """Call the API directly, where flipkit has no method.

        Parameters
        ----------
        method : str
            ``GET``, ``PUT``, ``PATCH``, ``DELETE`` or ``POST``. A POST that may have arrived is
            not repeated.
        *path : str
            Segments of the path; each is percent-encoded:
            ``flatpeak.raw("GET", "devices", device_id)``.
        query : mapping, optional
        body : object, optional
            Sent as JSON.

        Returns
        -------
        object
            The decoded answer; None if it is empty.

        Raises
        ------
        RequestError
            As for every method.
        """
        method = method.upper()
        answer: Answer[Any] = self._session.send(
            method, path, query=query, body=body, repeatable=method != "POST"
        )
        return answer.value

    def _ask(
        self,
        decoder: Decoder[T],
        method: str,
        *path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool = True,
    ) -> Answer[T]:
        """Make a call whose answer must not be empty."""
        answer = self._session.send(
            method, path, query=query, body=body, repeatable=repeatable, decoder=decoder
        )
        if answer.value is None:
            raise UnexpectedAnswer("the answer is empty", answer.request)
        return answer

    def _create(self, body: Any, *path: str) -> str:
        """Create an object by POST and return its id; never repeated if it may have arrived."""
        return self._ask(_CREATED, "POST", *path, body=body, repeatable=False).value.id

    def _delete(self, *path: str) -> None:
        try:
            self._session.send("DELETE", path)
        except NotFound as error:
            # A 404 after a retry means that the first attempt deleted it.
            if error.request.attempts == 1:
                raise

    def _all(
        self,
        decoder: Decoder[Page[T]],
        *path: str,
        query: Mapping[str, str] | None = None,
    ) -> tuple[list[T], Answer[Page[T]]]:
        """Return the objects of all pages of a list, and the last answer."""
        found: list[T] = []
        cursors: set[str] = set()
        page_query = {**(query or {}), "limit": str(_PAGE_SIZE)}
        while True:
            answer = self._ask(decoder, "GET", *path, query=page_query)
            page = answer.value.data or []
            found.extend(page)
            if not answer.value.has_more:
                return found, answer
            # A service that repeats a cursor would be asked for ever.
            cursor = _id_of(page[-1]) if page else None
            if not cursor or cursor in cursors:
                raise UnexpectedAnswer(
                    "`has_more` is true, but the page has no new object to continue after",
                    answer.request,
                )
            cursors.add(cursor)
            page_query["starting_after"] = cursor

    def _bounds(self, location_ids: Sequence[str], window: Window) -> list[tuple[int, int]]:
        """Return [start, end) for each location; local dates are read in its own time zone."""
        if not window.needs_zone:
            return [window.bounds("UTC")] * len(location_ids)
        zones = map_concurrent(self._timezone, location_ids, what="time zones")
        return [window.bounds(zone) for zone in zones]

    def _timezone(self, location_id: str) -> str:
        answer = self._ask(_LOCATION, "GET", "locations", location_id)
        zone = answer.value.timezone
        if not zone:
            raise UnexpectedAnswer(
                f"location {location_id} has no `timezone`, so local dates cannot be read; give "
                "start and end as times with a zone",
                answer.request,
            )
        return zone

    def _library_of(self, records: Any) -> FrameLibrary:
        """Return the library of a frame that was passed in, else the client's own."""
        return library_of(records) if is_frame(records) else self.frames

    def _facts(self, answered: Iterable[str | None], **query: Any) -> dict[str, Any]:
        """Return the provenance of a frame: the query, and the time of the oldest answer."""
        times = [time for time in answered if time]
        return {
            "service": "flatpeak",
            "base_url": self.base_url,
            "version": self.version,
            "query": query,
            "data_time_utc": min(times, default=None),
        }


def ids_of(value: Any, what: str) -> list[str]:
    """Return one id or many as a sorted list without duplicates.

    Raises
    ------
    InputError
        Neither a string nor an iterable of non-empty strings.
    """
    is_many = isinstance(value, Iterable) and not isinstance(value, str)
    ids = list(value) if is_many else [value]
    for one in ids:
        if not isinstance(one, str) or not one:
            raise InputError(f"{what} {one!r} is not an id; expected a non-empty string")
    return sorted(set(ids))


def _id_of(listed: Any) -> str | None:
    return listed.get("id") if isinstance(listed, dict) else listed.id


# Separate functions, so that no variable of a frame that raises holds what must not be shown.


def _basic(account: Secret, key: Secret) -> Secret:
    pair = f"{account.reveal()}:{key.reveal()}".encode()
    return Secret(f"Basic {base64.b64encode(pair).decode()}")


def _token_of(login: Login | None) -> Secret | None:
    token = login and (login.bearer_token or login.bearer or login.token)
    if not token or not token.isascii() or not token.isprintable():
        return None
    return Secret(token)


_WAIT = "do not ask again within 15 minutes"
_NO_PRICE = {
    "pending_connect": (
        f"the tariff is being connected, which takes between a minute and a day; {_WAIT}"
    ),
    "no_tariff_connected": (
        "connect a tariff for this location and direction first (create_tariff); import and "
        f"export are separate; {_WAIT}"
    ),
    "no_price_data": f"the supplier publishes no price for that time; {_WAIT}",
}
_NEXT_STEP = {
    "account_disabled": "see the account's subscription in Flatpeak's dashboard",
    "api_version_not_supported": "pass version=... with the account's default version, see above",
}
_CHECK_KEYS = (
    "check FLATPEAK_ACCOUNT_ID and FLATPEAK_API_KEY (or account_id= and api_key=): both must be of "
    "one account, and the key of the intended mode, test or live"
)
_PENDING_TEXT = "processing link to tariff source"  # Zero sends this text without a code


def _error_body(status: int, body: Any) -> ErrorBody:
    """Read a body of status 400 and above."""
    fields = body if isinstance(body, dict) else {}
    message = _text(fields.get("message")) or "the service gives no reason"
    code = _text(fields.get("code"))
    if status == 422 and code is None and _PENDING_TEXT in message:
        code = "pending_connect"
    if code:
        message = f"{message} ({code})"
    if status == 422 and code in _NO_PRICE:
        return ErrorBody(message, code, error=PriceUnavailable, next_step=_NO_PRICE[code])
    if status in {401, 403}:
        return ErrorBody(message, code, next_step=_CHECK_KEYS)
    return ErrorBody(message, code, next_step=_NEXT_STEP.get(code or ""))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
