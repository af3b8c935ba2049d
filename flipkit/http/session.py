"""Sessions: the one way to a service, with its credential, timeouts, retries and errors.

A 429 (too many requests) is handled in `_Call._wait_before_retry`: the call waits and tries again,
and `flipkit.http.retry.Throttle` slows down all other calls of the session.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import httpx
import msgspec

from flipkit.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    RateLimited,
    RequestError,
    RequestInfo,
    UnexpectedAnswer,
)
from flipkit.http.address import checked_base, joined, parts_of
from flipkit.http.answers import Answer, Decoder, Envelope, error_of, is_retryable_status
from flipkit.http.credentials import Credential, Secret
from flipkit.http.fanout import WORKERS
from flipkit.http.retry import (
    RetryBudget,
    RetryPolicy,
    Throttle,
    Timeouts,
    Timing,
    parse_retry_after,
)

__all__ = ["Session"]

_log = logging.getLogger("flipkit.http")

T = TypeVar("T")

_ANY_JSON: Decoder[Any] = msgspec.json.Decoder()
_MOST_BYTES = 64 * 2**20  # of one answer; a year of half-hourly cost rows is 4 MiB
_MIN_KEY_LENGTH = 8  # shorter text is not a real key, and masking it would garble error messages
_MIN_KEY_LENGTH_IN_DATA = 16  # real keys are longer, and no datum equals one by chance
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray")
_NEVER_SENT = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
_LOOK_FIRST = "the request may have arrived, so look before you send it again"


class Session:
    """Requests to one service.

    Parameters
    ----------
    base_url : str
        https, or http on this machine.
    credential : Credential
    envelope : callable
        Reads the service's error bodies.
    headers : mapping, optional
        Sent with every request.
    transport : httpx.BaseTransport, optional
        Replaces the network, e.g. with the emulator in process.
    timeouts : Timeouts, optional
    policy : RetryPolicy, optional
    pace : Timing, optional

    Notes
    -----
    Threads may share a session. Redirects are refused: a key and a body are never forwarded to
    another address. ``HTTPS_PROXY`` is used for https, where a proxy sees only addresses;
    ``HTTP_PROXY`` is ignored.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        envelope: Envelope,
        *,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        timeouts: Timeouts | None = None,
        policy: RetryPolicy | None = None,
        pace: Timing | None = None,
    ) -> None:
        self.base_url = checked_base(base_url)
        self.timeouts = timeouts or Timeouts()
        self.policy = policy or RetryPolicy()
        self.pace = pace or Timing()
        self.budget = RetryBudget()
        self.throttle = Throttle()
        self._credential = credential
        self._envelope = envelope
        connections = 2 * WORKERS
        self._client = httpx.Client(
            headers={"User-Agent": "flipkit", "Accept": "application/json", **(headers or {})},
            transport=transport,
            follow_redirects=False,
            # A proxy could read the key of a request sent over http.
            trust_env=parts_of(self.base_url).scheme == "https",
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    def close(self) -> None:
        """Close the connections; the session cannot be used afterwards."""
        self._client.close()

    def send(
        self,
        method: str,
        path: Sequence[str],
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool = True,
        authorization: Secret | None = None,
        decoder: Decoder[T] = _ANY_JSON,
    ) -> Answer[T]:
        """Make one call, with as many attempts as the policy allows.

        Parameters
        ----------
        method : str
        path : sequence of str
            Segments; each is percent-encoded.
        query : mapping, optional
        body : object, optional
            Sent as JSON.
        repeatable : bool
            Whether a second arrival is harmless. If not, the request is repeated only if it
            cannot have arrived.
        authorization : Secret, optional
            Replaces the credential's header, for logging in.
        decoder : Decoder
            Decodes the answer's ``value``.

        Returns
        -------
        Answer
            With a status below 300; its ``value`` is None if the content is empty.

        Raises
        ------
        StatusError
            A status of 400 and above.
        ConnectionFailed, DeadlineExceeded
            No answer arrived.
        UnexpectedAnswer
            A redirect, invalid JSON, or a missing field; the message names the field.
        """
        call = _Call(
            self,
            method=method,
            path=joined(path),
            query=query,
            content=None if body is None else msgspec.json.encode(body),
            repeatable=repeatable,
            authorization=authorization,
            decoder=decoder,
        )
        return call.run()


class _Unreadable(Exception):  # noqa: N818
    """A 2xx that is not JSON: cut off (worth another attempt) or an HTML page (not worth it)."""

    def __init__(self, answer: Answer[Any], error: Exception) -> None:
        super().__init__(f"the answer is not JSON ({error}); it begins {answer.beginning!r}")
        self.answer = answer
        self.is_page = "html" in answer.headers.get("content-type", "")


class _Call(Generic[T]):
    """One call and its attempts."""

    def __init__(
        self,
        session: Session,
        *,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        content: bytes | None,
        repeatable: bool,
        authorization: Secret | None,
        decoder: Decoder[T],
    ) -> None:
        self.session = session
        self.method = method
        self.path = path
        self.query = query
        self.content = content
        self.repeatable = repeatable
        self.authorization = authorization
        self.decoder = decoder
        self.bearer: Secret | None = None
        self.attempts = 0
        self.retry_tokens = 0
        self.is_renewed = False
        self.sent_at = session.pace.now()
        self.deadline = self.sent_at + session.policy.deadline_s

    def run(self) -> Answer[T]:
        while True:
            self._wait_for_turn()
            self.attempts += 1
            result = self._attempt()
            if isinstance(result, RequestError):
                raise result
            if isinstance(result, Answer) and result.status < 300:
                self.session.budget.refund(self.retry_tokens or 1)
                self.session.throttle.speed_up()
                return result
            if self._renew_credential(result):
                continue
            self._wait_before_retry(result)

    def _wait_for_turn(self) -> None:
        throttle = self.session.throttle
        pace = self.session.pace
        wait_s = throttle.wait_s(pace.now())
        while wait_s:
            if pace.now() + wait_s >= self.deadline:
                raise DeadlineExceeded(
                    f"the deadline of {self._deadline_text} would pass while the service limits "
                    "the rate of calls; try again later with fewer calls",
                    self._info(),
                )
            pace.sleep(wait_s)
            wait_s = 0.0 if throttle.is_open(pace.now()) else throttle.wait_s(pace.now())
        self.sent_at = pace.now()

    def _renew_credential(self, result: Answer[T] | Exception) -> bool:
        """Replace a refused token, once per call; return whether there is a new one."""
        if self.is_renewed or self.bearer is None or not isinstance(result, Answer):
            return False
        if result.status not in {401, 403}:
            return False
        self.is_renewed = self.session._credential.renew(self.bearer)
        return self.is_renewed

    def _wait_before_retry(self, result: Answer[T] | Exception) -> None:
        """Wait as long as the policy and the service ask, or raise if a retry makes no sense."""
        policy = self.session.policy
        pace = self.session.pace
        error = self._error_of(result)
        if not self._may_repeat(result) or self.attempts >= policy.attempts:
            raise error

        is_throttled = isinstance(error, RateLimited)  # status 429
        asked_s = _retry_after_s(result)
        if asked_s is not None and asked_s > policy.retry_after_max_s:
            raise error
        wait_s = policy.wait_s(self.attempts, throttled=is_throttled, uniform=pace.uniform)
        wait_s = max(wait_s, asked_s or 0.0)
        if pace.now() + wait_s >= self.deadline:
            raise DeadlineExceeded(
                f"the deadline of {self._deadline_text} would pass before the next attempt; "
                f"the last one: {error}",
                self._info(),
            ) from error

        self.retry_tokens = self.session.budget.spend(throttled=is_throttled)
        if not self.retry_tokens:
            _log.warning(
                "%s %s: no retry, too many calls to this service fail", self.method, self.path
            )
            raise error
        _log.debug(
            "%s %s: attempt %d failed (%s), next one in %.2f s",
            self.method,
            self.path,
            self.attempts,
            error,
            wait_s,
        )
        if is_throttled:
            self.session.throttle.slow_down(self.sent_at, pace.now(), asked_s or 0.0)
        pace.sleep(wait_s)

    def _may_repeat(self, result: Answer[T] | Exception) -> bool:
        if isinstance(result, _NEVER_SENT):
            return True
        if not self.repeatable:
            return False
        if isinstance(result, Answer):
            return is_retryable_status(result.status) or result.is_cut
        if isinstance(result, _Unreadable):
            return not result.is_page
        return True

    def _error_of(self, result: Answer[T] | Exception) -> RequestError:
        if isinstance(result, _Unreadable):
            return UnexpectedAnswer(str(result), result.answer.request)
        if isinstance(result, Answer):
            error = error_of(result, self.session._envelope)
            if isinstance(error, RateLimited):
                error.retry_after_s = _retry_after_s(result)
            return error
        message = f"no answer from {self.session.base_url}: {type(result).__name__}: {result}"
        if isinstance(result, httpx.ConnectError | httpx.ConnectTimeout):
            message += "; check the address and the network"
        elif not self._may_repeat(result):
            message += f"; {_LOOK_FIRST}"
        return ConnectionFailed(message, self._info())

    @property
    def _deadline_text(self) -> str:
        return f"{self.session.policy.deadline_s:g} s"

    def _info(self, request_id: str | None = None) -> RequestInfo:
        return RequestInfo(self.method, self.path, self.attempts, request_id)

    # From here on, errors are returned, not raised: a traceback that prints variables must not
    # show what was sent or read.

    def _attempt(self) -> Answer[T] | Exception:
        session = self.session
        request = session._client.build_request(
            self.method,
            session.base_url + self.path,
            params=self.query,
            content=self.content,
            headers=self._headers(),
            timeout=self._timeout(),
        )
        try:
            response = session._client.send(request, stream=True)
            try:
                content = self._read(response)
            finally:
                response.close()
        except (httpx.RequestError, OSError, RequestError) as error:
            return error.with_traceback(None)
        headers = {}
        for name, value in response.headers.items():
            headers[name.lower()] = self._masked(value.encode(), _MIN_KEY_LENGTH).decode()
        return self._answer(response.status_code, headers, content)

    def _headers(self) -> dict[str, str]:
        if self.authorization:
            self.bearer = None
            headers = {"Authorization": self.authorization.reveal()}
        else:
            self.bearer = self.session._credential.secret()
            headers = {"Authorization": f"Bearer {self.bearer.reveal()}"}
        if self.content is not None:
            headers["Content-Type"] = "application/json"
        return headers

    def _timeout(self) -> httpx.Timeout:
        """Return the timeouts of one attempt; none is longer than what is left of the deadline."""
        timeouts = self.session.timeouts
        left_s = max(0.001, self.deadline - self.session.pace.now())
        return httpx.Timeout(
            connect=min(timeouts.connect_s, left_s),
            read=min(timeouts.read_s, left_s),
            write=min(timeouts.write_s, left_s),
            pool=min(timeouts.pool_s, left_s),
        )

    def _read(self, response: httpx.Response) -> bytes:
        chunks = []
        size = 0
        for chunk in response.iter_bytes():
            # httpx limits each read, but not their sum: a slow stream could go on for ever.
            if self.session.pace.now() >= self.deadline:
                raise DeadlineExceeded(self._incomplete_text(), self._info())
            size += len(chunk)
            if size > _MOST_BYTES:
                mebibytes = _MOST_BYTES // 2**20
                raise UnexpectedAnswer(f"the answer is larger than {mebibytes} MiB", self._info())
            chunks.append(chunk)
        return b"".join(chunks)

    def _incomplete_text(self) -> str:
        message = f"the deadline of {self._deadline_text} passed before the answer was complete"
        return message if self.repeatable else f"{message}; {_LOOK_FIRST}"

    def _answer(
        self, status: int, headers: dict[str, str], content: bytes
    ) -> Answer[T] | Exception:
        request_ids = [headers[name] for name in _REQUEST_ID_HEADERS if name in headers]
        info = self._info(request_ids[0] if request_ids else None)
        if 300 <= status < 400:
            return UnexpectedAnswer(
                f"{status}: the service redirects; redirects are not followed", info
            )
        min_length = _MIN_KEY_LENGTH if status >= 400 else _MIN_KEY_LENGTH_IN_DATA
        content = self._masked(content, min_length)
        answer: Answer[Any] = Answer(status, headers, content, info, None)
        if status >= 400 or not content:
            return answer
        try:
            value = self.decoder.decode(content)
        except msgspec.ValidationError as error:
            return UnexpectedAnswer(f"the answer does not match the contract: {error}", info)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # Half an answer to a login is half a token, so none of it is shown.
            shown = b"***" if self.authorization else self._masked(content, _MIN_KEY_LENGTH)
            return _Unreadable(dataclasses.replace(answer, content=shown), error)
        return dataclasses.replace(answer, value=value)

    def _masked(self, content: bytes, min_length: int) -> bytes:
        """Return the content with the key masked: some services repeat a key that they refuse."""
        for key in self._keys():
            if len(key) >= min_length:
                content = content.replace(key, b"***")
                content = _without_cut_key(content, key)
        return content

    def _keys(self) -> list[bytes]:
        if self.authorization is None:
            return [self.bearer.reveal().encode()] if self.bearer else []
        encoded = self.authorization.reveal().rpartition(" ")[2].encode()
        keys = [encoded]
        with contextlib.suppress(binascii.Error):  # not basic authentication: nothing more to mask
            name, _, key = base64.b64decode(encoded).partition(b":")
            keys += [name, key]
        return keys


def _retry_after_s(result: Answer[Any] | Exception) -> float | None:
    if not isinstance(result, Answer):
        return None
    return parse_retry_after(result.headers.get("retry-after"))


def _without_cut_key(content: bytes, key: bytes) -> bytes:
    """Mask the beginning of a key at the end of an answer that was cut off within it."""
    for size in range(len(key) - 1, _MIN_KEY_LENGTH - 1, -1):
        if content.endswith(key[:size]):
            return content[:-size] + b"***"
    return content
