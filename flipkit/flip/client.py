"""The client of the Flip Aggregator API."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self

import numpy as np

from flipkit.calendar import check_month, read_window
from flipkit.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InformationRequired,
    InputError,
    RequestError,
)
from flipkit.flip import wire
from flipkit.flip.answers import read_error, read_performance, read_sites
from flipkit.flip.requests import (
    OutgoingRecord,
    batches_of,
    commission_body,
    missing_rows,
    outgoing_records,
    read_results,
    status_columns,
)
from flipkit.frames import (
    EQUIPMENT_PERFORMANCE,
    FLEET_DATA,
    MISSING_INFORMATION,
    SITES,
    Frame,
    FrameLibrary,
    FrameType,
    Table,
    library,
    records_of,
    returns,
)
from flipkit.http import Answer, BearerKey, Session, Timing, Transport, find_secret, map_concurrent

__all__ = ["Flip", "FlipColumns", "performance_columns", "site_columns"]


class Flip(Generic[FrameType]):
    """Client of the Flip Aggregator API: sites, and their production against the expected one.

    Parameters
    ----------
    api_key : str, optional
        By default from the environment variable ``FLIP_API_KEY``, then from the system's key store
        (``keyring``).
    environment : {"sandbox", "production"}
        Any other name needs an address.
    base_url : str, optional
        Replaces the address of the environment; by default ``FLIP_BASE_URL``.
    frames : {"pandas", "polars"}
        The library of the returned frames.
    transport : httpx.BaseTransport, optional
        Replaces the network, for example by the emulator in this process.
    pace : Timing, optional
        The clock and sleep function of the retries, for tests.

    Attributes
    ----------
    environment, base_url, frames : str

    Raises
    ------
    ConfigurationError
        No key, an unknown environment, or an address that is not safe to send a key to.
    InputError
        `frames` is not one of the two libraries.

    Notes
    -----
    Threads can share a client. Every method can raise a `RequestError`: `AuthenticationFailed` if
    the service refuses the key; `InvalidRequest`; `RateLimited`, `ServerError` and
    `ConnectionFailed` after the last retry; `UnexpectedAnswer` if an answer cannot be read (the
    message names row and field).

    Examples
    --------
    >>> with fk.Flip() as flip:  # doctest: +SKIP
    ...     flip.equipment_performance(start="2025-01", end="2025-06")
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        environment: str = "sandbox",
        base_url: str | None = None,
        frames: FrameLibrary = "pandas",
        transport: Transport | None = None,
        pace: Timing | None = None,
    ) -> None:
        library(frames)  # raises here instead of at the first frame
        address = _address(environment, base_url)
        key = BearerKey(find_secret("FLIP_API_KEY", api_key))
        self._session = Session(address, key, read_error, transport=transport, pace=pace)
        self.environment = environment
        self.base_url = self._session.base_url
        self.frames = frames

    def __repr__(self) -> str:
        return (
            f"Flip(environment={self.environment!r}, base_url={self.base_url!r}, "
            f"frames={self.frames!r})"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._session.close()

    def get(self, *path: str, **query: str | int) -> Any:
        """Return the JSON of any path, for what the frames leave out.

        Parameters
        ----------
        *path : str
            Path segments; each one is percent-encoded.
        **query : str or int
            Query parameters; None leaves one out.

        Returns
        -------
        object
            The decoded answer; None if it is empty.

        Examples
        --------
        >>> flip.get("v1", "reports", "equipment_performance", month="2025-06")  # doctest: +SKIP
        """
        given = {name: str(value) for name, value in query.items() if value is not None}
        return self._get(path, given).value

    @returns(SITES)
    def sites(self) -> FrameType:
        """Return every site of the fleet with its status (``GET /v1/sites``).

        A site without a customer name gets its first and last name, or its company. Unknown status
        values pass through.

        Returns
        -------
        DataFrame
            One row per site.

        Raises
        ------
        UnexpectedAnswer
            A site without an id, or a value of the wrong type; names row and field.
        """
        sites = site_columns(self)
        return self._frame(SITES, sites.columns, {}, sites.data_time_utc)

    @returns(EQUIPMENT_PERFORMANCE)
    def equipment_performance(
        self, month: str | None = None, *, start: Any = None, end: Any = None
    ) -> FrameType:
        """Return the solar production of each site and month, measured and expected.

        Calls ``GET /v1/reports/equipment_performance`` once per month, up to 16 calls at a time.
        The current month is month to date.

        Parameters
        ----------
        month : str, optional
            One month, ``YYYY-MM``. Without a month Flip returns its current one; the column
            ``month`` is then null unless the answer names it.
        start, end : str, date, datetime, Timestamp or Period, optional
            A range instead of `month`, in the forms that all functions accept: ``"2025"``,
            ``"2025-06"``, ``"2025-06-15"``, a date, or a time with a zone. The report has whole
            months: every month that the range touches is included. `end` defaults to the end of
            `start`.

        Returns
        -------
        DataFrame
            One row per site and month. ``performance_index`` is Flip's own ratio, else actual /
            expected production, and null where nothing was expected.

        Raises
        ------
        InputError
            Not a valid month or range, an end before the start, `end` without `start`, or `month`
            together with them.
        UnexpectedAnswer
            A row without a site, of another month, or with a value of the wrong type; names row and
            field.
        """
        months = _months(month, start, end)
        performance = performance_columns(self, months)
        query = {"month": month} if start is None else {"start": start, "end": end}
        return self._frame(
            EQUIPMENT_PERFORMANCE, performance.columns, query, performance.data_time_utc
        )

    @returns(FLEET_DATA)
    def push_fleet_data(self, records: Any, record_type: str = "site") -> FrameType:
        """Send records of your own system (CRM) to Flip (``POST /v1/fleet-data``).

        Records are sent in order, 500 per call; of two records with the same id the later one
        counts. A record that cannot be sent is reported, and the others are sent. If a call fails,
        its records are reported with the error, and the next calls are made.

        Parameters
        ----------
        records : DataFrame or list of dict
            ``external_id`` and any other columns, such as ``customer_name, system_size_kw``; nulls
            are left out. To supply the expected production of a month, add ``month``
            (``YYYY-MM``) and ``expected_production_kwh``. Dicts can also have the service's own
            shape: ``external_id, record_type, data``.
        record_type : str
            Used for records that have none.

        Returns
        -------
        DataFrame
            One row per record, in their order. ``status`` is the service's own value. If it gives
            none: ``SUCCESS`` (the call was accepted), ``FAILED`` (see ``error``) or ``UNKNOWN``
            (the answer lists the records of the call without this one).

        Raises
        ------
        InputError
            `records` is neither a frame nor a list of dicts.
        AuthenticationFailed
            The key was refused in every call.
        """
        outgoing = outgoing_records(records_of(records), record_type)
        errors = [self._push(batch) for batch in batches_of(outgoing)]
        refusals = [error for error in errors if isinstance(error, AuthenticationFailed)]
        if refusals and len(refusals) == len(errors):
            raise refusals[0]
        return self._frame(FLEET_DATA, status_columns(outgoing), {"record_type": record_type})

    def commission(
        self,
        site: Mapping[str, Any],
        devices: Sequence[Mapping[str, Any]] | Frame,
        enrollment: Mapping[str, Any] | None = None,
    ) -> None:
        """Register a site with its devices (``POST /v1/commission``).

        The request is not repeated once it may have reached the service.

        Parameters
        ----------
        site : dict
            Your ``id``, and what is known of ``first_name, last_name, company_name, email,
            street_address, street_address2, city, state_code, zip_code``.
        devices : list of dict, or DataFrame
            Each device with your ``id``, ``type`` (``BATTERY``, ...),
            ``technology_provider_identifier`` (``DURACELL``, ...) and ``install_date`` (with a
            zone). Other fields pass through.
        enrollment : dict, optional
            What Flip asked for: ``has_agreed_to_terms_and_conditions,
            terms_and_conditions_version, program_specific_attributes`` (a list of
            ``{"name": ..., "value": ...}``).

        Raises
        ------
        InformationRequired
            Flip needs more information: ``.missing`` is a frame of what to collect. Add site fields
            to `site`, everything else to `enrollment`, and call again.
        InputError
            A required field is missing, the state code is unknown, or an install date has no zone.
            Nothing was sent.

        Examples
        --------
        >>> flip.commission(  # doctest: +SKIP
        ...     {"id": "site-abc-789", "state_code": "CA", "zip_code": "88800"},
        ...     [
        ...         {
        ...             "id": "device-xyz-123",
        ...             "type": "BATTERY",
        ...             "technology_provider_identifier": "DURACELL",
        ...             "install_date": "2025-06-19T15:30:00Z",
        ...         }
        ...     ],
        ... )
        """
        body = commission_body(site, devices, enrollment)
        try:
            self._session.send("POST", wire.COMMISSION, body=body, repeatable=False)
        except InformationRequired as error:
            rows = missing_rows(error.body)
            columns = {name: [row[name] for row in rows] for name in MISSING_INFORMATION.names}
            query = {"site_id": body["site"]["id"]}
            error.missing = self._frame(MISSING_INFORMATION, columns, query)
            raise

    def _get(self, path: Sequence[str], query: Mapping[str, str]) -> Answer[Any]:
        return self._session.send("GET", path, query=query)

    def _push(self, batch: Sequence[OutgoingRecord]) -> RequestError | None:
        """Send a batch and set the status of its records; return the error of a failed call."""
        body = {"records": [record.body for record in batch]}
        try:
            answer: Answer[Any] = self._session.send("POST", wire.FLEET_DATA, body=body)
        except RequestError as error:
            for record in batch:
                record.fail(str(error))
            return error
        read_results(batch, answer.value)
        return None

    def _frame(
        self,
        table: Table,
        columns: Mapping[str, Any],
        query: Mapping[str, Any],
        data_time_utc: str | None = None,
    ) -> FrameType:
        facts = {
            "query": {name: value for name, value in query.items() if value is not None},
            "service": "flip",
            "environment": self.environment,
            "data_time_utc": data_time_utc,
        }
        return table.build(columns, self.frames, facts=facts)


class FlipColumns(NamedTuple):
    """Data of the service as numpy columns, for reports that need no frame.

    Attributes
    ----------
    columns : dict of str to ndarray
        Text as objects (null: None), numbers as float64 (null: NaN), times as datetime64[us] in
        UTC. Rows are in the order of the answers.
    data_time_utc : str or None
        When the oldest of the answers was given.
    """

    columns: dict[str, np.ndarray]
    data_time_utc: str | None


def site_columns(flip: Flip) -> FlipColumns:
    """Return the columns of `Flip.sites`."""
    answer = flip._get(wire.SITES, {})
    return FlipColumns(read_sites(answer), answer.data_time_utc)


def performance_columns(flip: Flip, months: Sequence[str | None]) -> FlipColumns:
    """Return the columns of `Flip.equipment_performance` for months ``YYYY-MM``, at least one.

    None stands for Flip's current month.
    """

    def request(month: str | None) -> Answer[Any]:
        return flip._get(wire.PERFORMANCE, {} if month is None else {"month": month})

    answers = map_concurrent(request, months, what="months")
    parts = [read_performance(answer, month) for answer, month in zip(answers, months, strict=True)]
    columns = {
        name: np.concatenate([part[name] for part in parts]) for name in EQUIPMENT_PERFORMANCE.names
    }
    return FlipColumns(columns, _oldest(answers))


def _oldest(answers: Iterable[Answer[Any]]) -> str | None:
    times = [answer.data_time_utc for answer in answers if answer.data_time_utc]
    return min(times, default=None)


def _address(environment: str, given: str | None) -> str:
    from_environment = os.environ.get("FLIP_BASE_URL", "").strip()
    address = given or from_environment or wire.ENVIRONMENTS.get(environment)
    if not address:
        names = " or ".join(map(repr, sorted(wire.ENVIRONMENTS)))
        raise ConfigurationError(
            f"environment={environment!r} does not exist; choose {names}, "
            f"or give the address as base_url= or in FLIP_BASE_URL"
        )
    return address


def _months(month: Any, start: Any, end: Any) -> Sequence[str | None]:
    if start is None and end is None:
        return [None if month is None else check_month(month)]
    if month is not None:
        raise InputError("month and start/end exclude each other; use one of the two")
    if start is None:
        raise InputError(f"end {end!r} needs a start; give both, or month for a single month")
    return read_window(start, end).months()
