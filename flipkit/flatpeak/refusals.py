"""Flatpeak's error envelope, and what its codes mean for the reader."""

from __future__ import annotations

from typing import Any

from flipkit.errors import PriceUnavailable
from flipkit.http import ErrorBody

__all__ = ["read_refusal"]

_WAIT = "do not ask again within 15 minutes"

_NO_PRICE = {
    "pending_connect": f"the tariff is being connected, which takes a minute to a day; {_WAIT}",
    "no_tariff_connected": "connect a tariff for this location and direction first (create_tariff); import and export "
    f"are separate; {_WAIT}",
    "no_price_data": f"the supplier publishes no price for that time; {_WAIT}",
}

_NEXT_STEP = {
    "account_disabled": "see the account's subscription in Flatpeak's dashboard",
    "api_version_not_supported": "hand in version=... as the account's default, which the message names",
}

_CREDENTIALS = (
    "check FLATPEAK_ACCOUNT_ID and FLATPEAK_API_KEY (or account_id= and api_key=): both of one account, and the key of "
    "the mode, test or live, that you mean"
)

# Zero sends this text without a code.
_PENDING_TEXT = "processing link to tariff source"


def read_refusal(status: int, body: Any) -> ErrorBody:
    """What a body of status 400 and above says."""
    fields = body if isinstance(body, dict) else {}
    message, code = fields.get("message"), fields.get("code")
    message = message if isinstance(message, str) and message else "the service gives no reason"
    code = code if isinstance(code, str) and code else None
    if status == 422 and code is None and _PENDING_TEXT in message:
        code = "pending_connect"
    text = f"{message} ({code})" if code else message
    if status == 422 and code in _NO_PRICE:
        return ErrorBody(text, code, PriceUnavailable, _NO_PRICE[code])
    if status in {401, 403}:
        return ErrorBody(text, code, None, _CREDENTIALS)
    return ErrorBody(text, code, None, _NEXT_STEP.get(code or ""))
