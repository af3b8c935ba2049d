"""Every error that flipkit raises.

* FlipkitError
    - ConfigurationError       a key, an environment or an address is missing or not allowed
    - InputError               what was handed in cannot be used (also a ValueError)
        - MissingColumnError   a frame lacks a column that is needed
        - NaiveTimestampError  a time without a zone
    - RequestError             a request went wrong; it knows which one and after how many attempts
        - ConnectionFailed     no answer came
            - DeadlineExceeded the time for all attempts together was up
        - UnexpectedAnswer     an answer came that is not what the contract promises
        - StatusError          the service said no
            - AuthenticationFailed   401, 403
            - NotFound               404
            - InvalidRequest         400, 409, 422 and other 4xx
                - InformationRequired    Flip wants more to commission a site; see ``.missing``
                - PriceUnavailable       Flatpeak has no price for that location and direction
            - RateLimited            429
            - ServerError            5xx
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "AuthenticationFailed",
    "ConfigurationError",
    "ConnectionFailed",
    "DeadlineExceeded",
    "FlipkitError",
    "InformationRequired",
    "InputError",
    "InvalidRequest",
    "MissingColumnError",
    "NaiveTimestampError",
    "NotFound",
    "PriceUnavailable",
    "RateLimited",
    "RequestError",
    "RequestInfo",
    "ServerError",
    "StatusError",
    "UnexpectedAnswer",
]


class FlipkitError(Exception):
    """The root: ``except fk.FlipkitError`` catches everything that flipkit raises on purpose."""


class ConfigurationError(FlipkitError):
    """A key, an environment or an address is missing or not allowed."""


class InputError(FlipkitError, ValueError):
    """What was handed in cannot be used; the text names the row or field and the mend."""


class MissingColumnError(InputError):
    """A frame lacks columns that are needed; the text lists the ones that are there."""


class NaiveTimestampError(InputError):
    """A time without a zone; the text says how to give it one."""


class RequestInfo(NamedTuple):  # no dataclass: it would triple the time of `import flipkit`
    """Which request an error is about; never holds a secret.

    Attributes
    ----------
    method, path : str
        As sent; the path without its query.
    attempts : int
        How often it was tried.
    request_id : str or None
        The service's own id for the last attempt, where it gave one.
    """

    method: str
    path: str
    attempts: int = 1
    request_id: str | None = None

    def __str__(self) -> str:
        tries = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        tail = f", request id {self.request_id}" if self.request_id else ""
        return f"{self.method} {self.path} ({tries}{tail})"


class RequestError(FlipkitError):
    """A request went wrong.

    Attributes
    ----------
    request : RequestInfo
        Which request, after how many attempts.
    """

    def __init__(self, message: str, request: RequestInfo) -> None:
        super().__init__(f"{message} [{request}]")
        self.request = request

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors travel back from other processes, though their arguments are not those of ``__init__``."""
        return _remade, (type(self), self.args, self.__dict__)


def _remade(kind: type[RequestError], args: tuple[Any, ...], state: dict[str, Any]) -> RequestError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConnectionFailed(RequestError):  # noqa: N818  the name says it
    """No answer came: refused, reset, timed out."""


class DeadlineExceeded(ConnectionFailed):
    """The time allowed for all attempts together was up."""


class UnexpectedAnswer(RequestError):  # noqa: N818
    """An answer came that is not what the contract promises: HTML, half a body, a missing field."""


class StatusError(RequestError):
    """The service said no.

    Attributes
    ----------
    status : int
        The HTTP status.
    code : str or None
        The service's machine code, where it gave one.
    body : object
        The decoded answer, or its first bytes as text.
    """

    def __init__(
        self,
        message: str,
        request: RequestInfo,
        *,
        status: int,
        code: str | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(message, request)
        self.status, self.code, self.body = status, code, body


class AuthenticationFailed(StatusError):  # noqa: N818
    """401 or 403: the key is wrong, expired, or for the other environment."""


class NotFound(StatusError):  # noqa: N818
    """404: no such object at that address."""


class InvalidRequest(StatusError):  # noqa: N818
    """400, 409, 422: the service does not accept what was sent."""


class InformationRequired(InvalidRequest):
    """Flip wants more information to commission a site.

    Attributes
    ----------
    missing : DataFrame
        A row for each thing to collect: ``kind, name, label, type, hint, error``.
    """

    missing: Any = None


class PriceUnavailable(InvalidRequest):
    """422: Flatpeak has no price there yet; do not ask again within 15 minutes."""


class RateLimited(StatusError):  # noqa: N818
    """429, and the retries were used up.

    Attributes
    ----------
    retry_after_s : float or None
        Seconds the service asked to wait.
    """

    retry_after_s: float | None = None


class ServerError(StatusError):
    """5xx, and the retries were used up."""
