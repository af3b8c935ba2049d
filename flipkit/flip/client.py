"""The client of the Flip Aggregator API."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

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
from flipkit.flip.commission import commission_body
from flipkit.flip.envelope import envelope
from flipkit.flip.fleet_data import Entry, batches_of, entries_of, outcome_columns, settle
from flipkit.flip.missing import missing_rows
from flipkit.flip.performance import performance_columns
from flipkit.flip.sites import site_columns
from flipkit.frames import (
    EQUIPMENT_PERFORMANCE,
    FLEET_DATA,
    MISSING_INFORMATION,
    SITES,
    Frame,
    Table,
    library,
    records_of,
    returns,
)
from flipkit.http import Answer, BearerKey, Session, Timing, Transport, find_secret, map_concurrent

__all__ = ["Flip"]


class Flip:
    """The Flip Aggregator API: which sites there are, and what they produced against what was expected.

    Parameters
    ----------
    api_key : str, optional
        Else the environment variable ``FLIP_API_KEY``, else the system's key store (``keyring``).
    environment : {"sandbox", "production"}
        Any other name needs an address.
    base_url : str, optional
        In place of the environment's address; else the environment variable ``FLIP_BASE_URL``.
    frames : {"pandas", "polars"}
        Which library the frames are of.
    transport : httpx.BaseTransport, optional
        In place of the network, e.g. the emulator in process.
    pace : Timing, optional
        The clock and the sleep of the retries; tests replace them.

    Attributes
    ----------
    environment, base_url, frames : str

    Raises
    ------
    ConfigurationError
        There is no key, or no such environment, or the address is not safe to send a key to.
    InputError
        `frames` is neither library.

    Notes
    -----
    Threads may share a client. Every method may raise a `RequestError`: `AuthenticationFailed` for a key that the
    service refuses, `InvalidRequest`, `RateLimited`, `ServerError` and `ConnectionFailed` once the retries are used
    up, `UnexpectedAnswer` for an answer that cannot be read (its text names row and field).

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
        frames: str = "pandas",
        transport: Transport | None = None,
        pace: Timing | None = None,
    ) -> None:
        library(frames)
        address = _address(environment, base_url)
        key = BearerKey(find_secret("FLIP_API_KEY", api_key))
        self._session = Session(address, key, envelope, transport=transport, pace=pace)
        self.environment, self.base_url, self.frames = environment, self._session.base_url, frames

    def __repr__(self) -> str:
        return f"Flip(environment={self.environment!r}, base_url={self.base_url!r}, frames={self.frames!r})"

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
        """Close the connections; the client makes no calls after that."""
        self._session.close()

    def get(self, *path: str, **query: str | int) -> Any:
        """The untouched JSON of any path, for what the frames leave out.

        Parameters
        ----------
        *path : str
            Its segments; each is percent-encoded.
        **query : str or int
            Left out where None.

        Returns
        -------
        object
            As decoded; None for an empty answer.

        Examples
        --------
        >>> flip.get("v1", "reports", "equipment_performance", month="2025-06")  # doctest: +SKIP
        """
        return self._get(
            path, {name: str(value) for name, value in query.items() if value is not None}
        ).value

    @returns(SITES)
    def sites(self) -> Frame:
        """Every site of the fleet with its status (``GET /v1/sites``).

        A site without a customer name has its first and last name there, or its company. Status words that are
        unknown pass through.

        Returns
        -------
        DataFrame
            A row a site.

        Raises
        ------
        UnexpectedAnswer
            A site without an id, or a value of the wrong type; the text names row and field.
        """
        answer = self._get(wire.SITES, {})
        return self._frame(SITES, site_columns(answer), {}, answer)

    @returns(EQUIPMENT_PERFORMANCE)
    def equipment_performance(
        self, month: str | None = None, *, start: str | None = None, end: str | None = None
    ) -> Frame:
        """Solar production of each site, month by month, against what was expected.

        One call of ``GET /v1/reports/equipment_performance`` a month, 16 side by side. A running month is month to
        date.

        Parameters
        ----------
        month : str, optional
            ``YYYY-MM``. Without any month it is the current one as Flip sees it; the column ``month`` is then null
            unless Flip says which that is.
        start, end : str, optional
            In place of `month`: every month from the one to the other, both included.

        Returns
        -------
        DataFrame
            A row a site and month. ``performance_index`` is Flip's own ratio, else actual / expected production; null
            where nothing was expected.

        Raises
        ------
        InputError
            A month that is none, the end before the start, one of the two alone, or together with `month`.
        UnexpectedAnswer
            A row without a site, of another month, or a value of the wrong type; the text names row and field.
        """
        months = _months(month, start, end)
        answers = map_concurrent(self._performance, months, what="months")
        parts = [
            performance_columns(answer, asked)
            for answer, asked in zip(answers, months, strict=True)
        ]
        columns = {
            name: np.concatenate([part[name] for part in parts])
            for name in EQUIPMENT_PERFORMANCE.names
        }
        query = {"month": month} if start is None else {"start": start, "end": end}
        return self._frame(EQUIPMENT_PERFORMANCE, columns, query, *answers)

    @returns(FLEET_DATA)
    def push_fleet_data(self, records: Any, record_type: str = "site") -> Frame:
        """Send records of the customer's own system (CRM) to Flip (``POST /v1/fleet-data``).

        They go in calls of 500, one after the other: where two records are about the same id, the later one holds.
        A record that cannot be sent is reported and the others go out; where a call fails, its records are reported
        with the error and the others go out still.

        Parameters
        ----------
        records : DataFrame or list of dict
            ``external_id`` and any columns, e.g. ``customer_name, system_size_kw``; nulls are left out. To supply
            what a site should produce in a month: ``month`` (``YYYY-MM``) and ``expected_production_kwh``. Dicts may
            also have the service's own shape: ``external_id, record_type, data``.
        record_type : str
            Of records that name none.

        Returns
        -------
        DataFrame
            A row a record, in their order. ``status`` is the service's own word; where it gives none, ``SUCCESS``
            (the call was accepted), ``FAILED`` (see ``error``), or ``UNKNOWN`` (the answer lists the records of the
            call, but not this one).

        Raises
        ------
        InputError
            `records` is no frame and no list of dicts.
        AuthenticationFailed
            The key was refused for every call.
        """
        entries = entries_of(records_of(records), record_type)
        outcomes = [self._push(batch) for batch in batches_of(entries)]
        refusals = [outcome for outcome in outcomes if isinstance(outcome, AuthenticationFailed)]
        if refusals and len(refusals) == len(outcomes):
            raise refusals[0]
        return self._frame(FLEET_DATA, outcome_columns(entries), {"record_type": record_type})

    def commission(
        self,
        site: Mapping[str, Any],
        devices: Sequence[Mapping[str, Any]] | Frame,
        enrollment: Mapping[str, Any] | None = None,
    ) -> None:
        """Register a site with its devices (``POST /v1/commission``).

        Never repeated by itself once it may have arrived.

        Parameters
        ----------
        site : dict
            ``id`` (yours) and as much of ``first_name, last_name, company_name, email, street_address,
            street_address2, city, state_code, zip_code`` as there is.
        devices : list of dict, or DataFrame
            Each with ``id`` (yours), ``type`` (``BATTERY``, ...), ``technology_provider_identifier`` (``DURACELL``,
            ...) and ``install_date`` (with a zone); more fields pass through.
        enrollment : dict, optional
            What Flip asked for: ``has_agreed_to_terms_and_conditions, terms_and_conditions_version,
            program_specific_attributes`` (a list of ``{"name": ..., "value": ...}``).

        Raises
        ------
        InformationRequired
            Flip wants more: ``.missing`` is a frame of what to collect. Fill the site fields in `site`, the rest in
            `enrollment`, and call again.
        InputError
            A required field is missing, an unknown state code, an install date without a zone; nothing was sent.

        Examples
        --------
        >>> flip.commission(  # doctest: +SKIP
        ...     {"id": "site-abc-789", "state_code": "CA", "zip_code": "88800"},
        ...     [{"id": "device-xyz-123", "type": "BATTERY", "technology_provider_identifier": "DURACELL",
        ...       "install_date": "2025-06-19T15:30:00Z"}],
        ... )
        """
        body = commission_body(site, devices, enrollment)
        try:
            self._session.send("POST", wire.COMMISSION, body=body, repeatable=False)
        except InformationRequired as error:
            rows = missing_rows(error.body)
            columns = {name: [row[name] for row in rows] for name in MISSING_INFORMATION.names}
            error.missing = self._frame(
                MISSING_INFORMATION, columns, {"site_id": body["site"]["id"]}
            )
            raise

    def _get(self, path: Sequence[str], query: Mapping[str, str]) -> Answer[Any]:
        return self._session.send("GET", path, query=query)

    def _performance(self, month: str | None) -> Answer[Any]:
        return self._get(wire.PERFORMANCE, {} if month is None else {"month": month})

    def _push(self, batch: Sequence[Entry]) -> RequestError | None:
        """Send a batch and note what became of its records; the error, if the whole batch failed."""
        body = {"records": [entry.body for entry in batch]}
        try:
            answer: Answer[Any] = self._session.send("POST", wire.FLEET_DATA, body=body)
        except RequestError as error:
            for entry in batch:
                entry.fail(str(error))
            return error
        settle(batch, answer.value)
        return None

    def _frame(
        self,
        table: Table,
        columns: Mapping[str, Any],
        query: Mapping[str, Any],
        *answers: Answer[Any],
    ) -> Frame:
        times = [answer.data_time_utc for answer in answers if answer.data_time_utc]
        facts = {
            "query": {name: value for name, value in query.items() if value is not None},
            "service": "flip",
            "environment": self.environment,
            "data_time_utc": min(times, default=None),
        }
        return table.build(columns, self.frames, facts=facts)


def _address(environment: str, given: str | None) -> str:
    address = (
        given or os.environ.get("FLIP_BASE_URL", "").strip() or wire.ENVIRONMENTS.get(environment)
    )
    if not address:
        raise ConfigurationError(
            f"environment={environment!r}: choose {' or '.join(map(repr, sorted(wire.ENVIRONMENTS)))}, "
            f"or give the address as base_url= or in FLIP_BASE_URL"
        )
    return address


def _months(month: Any, start: Any, end: Any) -> list[str | None]:
    if start is None and end is None:
        return [None if month is None else check_month(month)]
    if month is not None:
        raise InputError("month and start/end together: give the one month, or both start and end")
    if start is None or end is None:
        raise InputError("start and end belong together: give both, or month for a single one")
    return [*read_window(start, end).months()]
