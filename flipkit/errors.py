"""Every error that flipkit raises.

* FlipkitError
    - ConfigurationError       a key, an environment or an address is missing or not allowed
    - InputError               the input cannot be used (also a ValueError)
        - MissingColumnError   a required column is missing
        - NaiveTimestampError  a time has no zone
    - RequestError             a request failed; says which one and after how many attempts
        - ConnectionFailed     no answer arrived
            - DeadlineExceeded the time for all attempts together ran out
        - UnexpectedAnswer     the answer does not match the contract
        - StatusError          the service answered with an error status
            - AuthenticationFailed   401, 403
            - NotFound               404
            - InvalidRequest         400, 409, 422 and other 4xx
                - InformationRequired    Flip needs more to commission a site; see ``.missing``
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
    """The base class: ``except fk.FlipkitError`` catches every error of flipkit."""


class ConfigurationError(FlipkitError):
    """A key, an environment or an address is missing or not allowed."""


class InputError(FlipkitError, ValueError):
    """The input cannot be used; the message says which row or field is wrong and how to fix it."""


class MissingColumnError(InputError):
    """A frame lacks required columns; the message lists the columns that it has."""


class NaiveTimestampError(InputError):
    """A time without a zone; the message says how to give it one."""


class RequestInfo(NamedTuple):  # a dataclass would triple the time of `import flipkit`
    """The request that an error is about; never holds a secret.

    Attributes
    ----------
    method, path : str
        As sent; the path without its query.
    attempts : int
        Number of attempts.
    request_id : str or None
        The service's id of the last attempt, if it gave one.
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
    """A request failed.

    Attributes
    ----------
    request : RequestInfo
        Which request, and how many attempts.
    """

    def __init__(self, message: str, request: RequestInfo) -> None:
        super().__init__(f"{message} [{request}]")
        self.request = request

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without ``__init__``, whose parameters are not the arguments that pickle knows."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(
    error_class: type[RequestError], args: tuple[Any, ...], state: dict[str, Any]
) -> RequestError:
    error = error_class.__new__(error_class, *args)
    error.__dict__.update(state)
    return error


class ConnectionFailed(RequestError):  # noqa: N818  the name says it
    """No answer arrived: connection refused, reset or timed out."""


class DeadlineExceeded(ConnectionFailed):
    """The time allowed for all attempts together ran out."""


class UnexpectedAnswer(RequestError):  # noqa: N818
    """The answer does not match the contract: HTML, a truncated body, a missing field."""


class StatusError(RequestError):
    """The service answered with an error status.

    Attributes
    ----------
    status : int
        The HTTP status.
    code : str or None
        The service's error code, if it gave one.
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
        self.status = status
        self.code = code
        self.body = body


class AuthenticationFailed(StatusError):  # noqa: N818
    """401 or 403: the key is wrong, expired, or for the other environment."""


class NotFound(StatusError):  # noqa: N818
    """404: no such object at that address."""


class InvalidRequest(StatusError):  # noqa: N818
    """400, 409, 422: the service rejects the request."""


class InformationRequired(InvalidRequest):
    """Flip needs more information to commission a site.

    Attributes
    ----------
    missing : DataFrame
        One row per item to collect: ``kind, name, label, type, hint, error``.
    """

    missing: Any = None


class PriceUnavailable(InvalidRequest):
    """422: Flatpeak has no price yet; wait at least 15 minutes before the next request."""


class RateLimited(StatusError):  # noqa: N818
    """429, after all retries.

    Attributes
    ----------
    retry_after_s : float or None
        Seconds that the service asked to wait.
    """

    retry_after_s: float | None = None


class ServerError(StatusError):
    """5xx, after all retries."""
