"""The one way to a service: address, credential, timeouts, retries, and the exception family."""

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
from flipkit.http.answers import Answer, Envelope, error_of, is_retryable_status
from flipkit.http.credentials import Credential
from flipkit.http.fanout import WORKERS
from flipkit.http.policy import (
    RetryBudget,
    RetryPolicy,
    Throttle,
    Timeouts,
    Timing,
    parse_retry_after,
)
from flipkit.http.secret import Secret

__all__ = ["Session"]

_log = logging.getLogger("flipkit.http")

T = TypeVar("T")

_ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_MOST_BYTES = 64 * 2**20  # of one answer; a year of half-hourly cost rows is 4 MiB
_SHORTEST_KEY = 8  # below it is no real key, and masking would tear the words of an error apart
_SHORTEST_KEY_IN_DATA = (
    16  # no real key is shorter, and no datum is equal to a longer one by chance
)
_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray")


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
        In place of the network, e.g. the emulator in process.
    timeouts, policy, pace
        How long to wait and how often to try.

    Notes
    -----
    Threads may share a session. Redirects are refused: a key and a body are never forwarded to another address. The
    proxy of ``HTTPS_PROXY`` is used for https, where it sees addresses alone; that of ``HTTP_PROXY`` never.
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
        self.policy, self.pace = policy or RetryPolicy(), pace or Timing()
        self.budget, self._gate = RetryBudget(), Throttle()
        self._credential, self._envelope, self._timeouts = (
            credential,
            envelope,
            timeouts or Timeouts(),
        )
        self._client = httpx.Client(
            headers={"User-Agent": "flipkit", "Accept": "application/json", **(headers or {})},
            transport=transport,
            follow_redirects=False,
            trust_env=parts_of(self.base_url).scheme
            == "https",  # a proxy would read what is sent over http
            limits=httpx.Limits(max_connections=2 * WORKERS, max_keepalive_connections=2 * WORKERS),
        )

    def close(self) -> None:
        """Close the connections; the session opens new ones no more."""
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
        decoder: msgspec.json.Decoder[T] = _ANYTHING,
    ) -> Answer[T]:
        """One call, tried as often as the policy allows.

        Parameters
        ----------
        method : str
        path : sequence of str
            Segments; each is percent-encoded.
        query : mapping, optional
        body : object, optional
            Sent as JSON.
        repeatable : bool
            Whether a second arrival does no harm. If not, it is tried again only when it cannot have arrived.
        authorization : Secret, optional
            The header in place of the credential's, for logging in.
        decoder : msgspec.json.Decoder
            Makes the answer's ``value``.

        Returns
        -------
        Answer
            With a status below 300; its ``value`` is None where the content is empty.

        Raises
        ------
        StatusError
            The service said no.
        ConnectionFailed, DeadlineExceeded
            No answer came.
        UnexpectedAnswer
            A redirect, an answer that is no JSON, or one that lacks a field; the text names the field.
        """
        content = None if body is None else msgspec.json.encode(body)
        return _Call(
            self, method, joined(path), query, content, repeatable, authorization, decoder
        ).run()


class _Call(Generic[T]):
    """The tries of one call."""

    def __init__(
        self,
        session: Session,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        content: bytes | None,
        repeatable: bool,
        authorization: Secret | None,
        decoder: msgspec.json.Decoder[T],
    ) -> None:
        self.session, self.method, self.path, self.query = session, method, path, query
        self.content, self.repeatable, self.authorization = content, repeatable, authorization
        self.decoder = decoder
        self.attempts, self.spent, self.renewed = 0, 0, False
        self.left = session.pace.now()
        self.deadline = self.left + session.policy.deadline_s

    def run(self) -> Answer[T]:
        while True:
            self._pass_gate()
            self.attempts += 1
            outcome = self._attempt()
            if isinstance(outcome, RequestError):
                raise outcome
            if isinstance(outcome, Answer) and outcome.status < 300:
                self.session.budget.refund(self.spent or 1)
                self.session._gate.speed_up()
                return outcome
            if self._was_renewed(outcome):
                continue
            self._wait_or_raise(outcome)

    # What follows returns its errors: a traceback with the values of variables must not show what was sent or read.

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
        headers = {
            name.lower(): self._masked(value.encode(), _SHORTEST_KEY).decode()
            for name, value in response.headers.items()
        }
        return self._answer(response.status_code, headers, content)

    def _answer(
        self, status: int, headers: dict[str, str], content: bytes
    ) -> Answer[T] | Exception:
        info = self._info(next((headers[name] for name in _REQUEST_IDS if name in headers), None))
        if 300 <= status < 400:
            return UnexpectedAnswer(f"{status}: the service redirects, which is refused", info)
        content = self._masked(content, _SHORTEST_KEY if status >= 400 else _SHORTEST_KEY_IN_DATA)
        answer: Answer[Any] = Answer(status, headers, content, info, None)
        if status >= 400 or not content:
            return answer
        try:
            return dataclasses.replace(answer, value=self.decoder.decode(content))
        except msgspec.ValidationError as error:
            return UnexpectedAnswer(f"the answer is not what the contract promises: {error}", info)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # Half of a login's answer is half of a token, so nothing of it is shown.
            shown = b"***" if self.authorization else self._masked(content, _SHORTEST_KEY)
            return _Unreadable(dataclasses.replace(answer, content=shown), error)

    def _masked(self, content: bytes, shortest: int) -> bytes:
        """An answer without the key: some services repeat what they refuse."""
        for key in self._keys():
            if len(key) >= shortest:
                content = _without_beginning(content.replace(key, b"***"), key)
        return content

    def _keys(self) -> list[bytes]:
        if self.authorization is None:
            return [self.sent.reveal().encode()] if self.sent else []
        encoded = self.authorization.reveal().rpartition(" ")[2].encode()
        with contextlib.suppress(binascii.Error):
            name, _, key = base64.b64decode(encoded).partition(b":")
            return [encoded, name, key]
        return [encoded]

    def _headers(self) -> dict[str, str]:
        self.sent = None if self.authorization else self.session._credential.secret()
        bearer = f"Bearer {self.sent.reveal()}" if self.sent else ""
        headers = {"Authorization": self.authorization.reveal() if self.authorization else bearer}
        return headers if self.content is None else {**headers, "Content-Type": "application/json"}

    def _timeout(self) -> httpx.Timeout:
        times, left = self.session._timeouts, max(0.001, self.deadline - self.session.pace.now())
        return httpx.Timeout(
            connect=min(times.connect_s, left),
            read=min(times.read_s, left),
            write=min(times.write_s, left),
            pool=min(times.pool_s, left),
        )

    def _read(self, response: httpx.Response) -> bytes:
        chunks, size = [], 0
        for chunk in response.iter_bytes():
            if (
                self.session.pace.now() >= self.deadline
            ):  # a trickle keeps each single read within its own time
                raise DeadlineExceeded(self._too_slow(), self._info())
            size += len(chunk)
            if size > _MOST_BYTES:
                raise UnexpectedAnswer(
                    f"the answer is larger than {_MOST_BYTES // 2**20} MiB", self._info()
                )
            chunks.append(chunk)
        return b"".join(chunks)

    def _too_slow(self) -> str:
        step = (
            "" if self.repeatable else "; the request has arrived, so look before you send it again"
        )
        return (
            f"{self.session.policy.deadline_s:g} s were up before the whole answer was here{step}"
        )

    def _info(self, request_id: str | None = None) -> RequestInfo:
        return RequestInfo(self.method, self.path, self.attempts, request_id)

    def _was_renewed(self, outcome: Answer[T] | Exception) -> bool:
        """A refused token is replaced once; the next refusal counts."""
        if (
            self.renewed
            or self.sent is None
            or not isinstance(outcome, Answer)
            or outcome.status not in {401, 403}
        ):
            return False
        self.renewed = self.session._credential.renew(self.sent)
        return self.renewed

    def _pass_gate(self) -> None:
        gate, pace = self.session._gate, self.session.pace
        wait = gate.wait_s(pace.now())
        while wait:
            if pace.now() + wait >= self.deadline:
                text = f"{self.session.policy.deadline_s:g} s were up before the service would take another call"
                raise DeadlineExceeded(text, self._info())
            pace.sleep(wait)
            wait = 0.0 if gate.is_open(pace.now()) else gate.wait_s(pace.now())
        self.left = pace.now()

    def _wait_or_raise(self, outcome: Answer[T] | Exception) -> None:
        session, policy = self.session, self.session.policy
        error = self._error(outcome)
        if not self._may_repeat(outcome) or self.attempts >= policy.attempts:
            raise error
        throttled = isinstance(error, RateLimited)
        asked = self._asked_wait(outcome)
        wait = policy.wait_s(self.attempts, throttled=throttled, uniform=session.pace.uniform)
        wait = max(wait, asked or 0.0)
        if asked is not None and asked > policy.retry_after_max_s:
            raise error
        if session.pace.now() + wait >= self.deadline:
            raise DeadlineExceeded(
                f"{policy.deadline_s:g} s were up; the last try: {error}", self._info()
            ) from error
        taken = session.budget.spend(throttled=throttled)
        if not taken:
            _log.warning(
                "%s %s: no retry, too many calls to this service fail", self.method, self.path
            )
            raise error
        self.spent = taken
        _log.debug(
            "%s %s: try %d failed (%s), next in %.2f s",
            self.method,
            self.path,
            self.attempts,
            error,
            wait,
        )
        if throttled:
            session._gate.slow_down(self.left, session.pace.now(), asked or 0.0)
        session.pace.sleep(wait)

    def _may_repeat(self, outcome: Answer[T] | Exception) -> bool:
        if isinstance(outcome, Answer):
            return self.repeatable and (is_retryable_status(outcome.status) or outcome.is_cut)
        if isinstance(outcome, _Unreadable):
            return self.repeatable and not outcome.is_page
        never_arrived = isinstance(
            outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
        )
        return never_arrived or self.repeatable

    def _asked_wait(self, outcome: Answer[T] | Exception) -> float | None:
        return (
            parse_retry_after(outcome.headers.get("retry-after"))
            if isinstance(outcome, Answer)
            else None
        )

    def _error(self, outcome: Answer[T] | Exception) -> RequestError:
        if isinstance(outcome, _Unreadable):
            return UnexpectedAnswer(str(outcome), outcome.answer.request)
        if not isinstance(outcome, Answer):
            kind = type(outcome).__name__
            step = "; it may have arrived, so look before you send it again"
            if isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout):
                step = "; check the address and the network"
            elif self._may_repeat(outcome):
                step = ""
            return ConnectionFailed(
                f"no answer from {self.session.base_url}: {kind}: {outcome}{step}", self._info()
            )
        error = error_of(outcome, self.session._envelope)
        if isinstance(error, RateLimited):
            error.retry_after_s = self._asked_wait(outcome)
        return error


def _without_beginning(content: bytes, key: bytes) -> bytes:
    """An answer that was cut off within the key ends with the beginning of it."""
    for size in range(len(key) - 1, _SHORTEST_KEY - 1, -1):
        if content.endswith(key[:size]):
            return content[:-size] + b"***"
    return content


class _Unreadable(Exception):  # noqa: N818
    """A 2xx whose content is no JSON: cut off (worth another try) or a page for people (not)."""

    def __init__(self, answer: Answer[Any], error: Exception) -> None:
        super().__init__(f"the answer is no JSON ({error}); it begins {answer.beginning!r}")
        self.answer = answer
        self.is_page = "html" in answer.headers.get("content-type", "")
