"""The proof of a simulation: a sample of its intervals, priced once more by the service itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, NamedTuple

from flipkit.errors import FlipkitError, InputError, PriceUnavailable
from flipkit.frames import Finding
from flipkit.scenarios.engine import IntervalResult
from flipkit.scenarios.service.asked_energy import Pair
from flipkit.scenarios.service.asking import Asked, Question, ask_all
from flipkit.scenarios.service.drawing import Draw, drawn
from flipkit.scenarios.service.statement import TOLERANCE, findings_of, statement_of
from flipkit.scenarios.service.strata import NO_PRICE

__all__ = ["SEED", "Certificate", "CertificateRow", "certify"]

SEED = 20_250_601


class CertificateRow(NamedTuple):
    """One interval, priced here and by the service.

    Attributes
    ----------
    site_id, scenario, location_id : str
    start_us, end_us : int
    tariff_direction : str
        IMPORT, EXPORT or LOCAL.
    energy_wh : int
        What was asked about: whole Wh, as the service counts.
    price_level : str
        ``negative``, ``cheapest``, ``middle``, ``dearest`` (a third each of the prices of that site, scenario and
        direction), ``the only price``, or ``no price`` (exports that are taken to earn nothing).
    beside_change : bool
        The interval before or after has another price.
    tier : int or None
        From 0 on; None where the tariff has no tiers.
    local_cost : float
        Of the whole Wh.
    server_cost : float
        NaN where the service gave none; `finding` says why.
    currency : str or None
    verdict : str
        ``agrees``, ``differs`` or ``unanswered``.
    finding : str or None
    """

    site_id: str
    scenario: str
    location_id: str
    start_us: int
    end_us: int
    tariff_direction: str
    energy_wh: int
    price_level: str
    beside_change: bool
    tier: int | None
    local_cost: float
    server_cost: float
    currency: str | None
    verdict: str
    finding: str | None

    @property
    def difference(self) -> float:
        """Local less server cost; NaN where the service gave none."""
        return self.local_cost - self.server_cost


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the service says of a sample of a simulation's intervals.

    Attributes
    ----------
    rows : tuple of CertificateRow
        By site, scenario, direction and time.
    asked : int
        How many were wanted.
    seed : int
    pairs : int
        Site-scenarios of the simulation; those with nothing to ask are among them.
    pairs_seen : int
        Of them, those whose intervals were drawn from.
    intervals : int
        Of those, the intervals with energy that could be compared.
    findings : tuple of Finding
        What disagrees, what got no answer, and what could not be asked.
    """

    rows: tuple[CertificateRow, ...]
    asked: int
    seed: int
    pairs: int
    pairs_seen: int
    intervals: int
    findings: tuple[Finding, ...]

    @property
    def agrees(self) -> bool:
        """Whether something was asked, and every answer is the local cost."""
        return bool(self.rows) and all(row.verdict == "agrees" for row in self.rows)

    @property
    def largest_difference(self) -> float:
        """The largest absolute difference of the two costs, major units; NaN where there is none to compare."""
        return max(
            (abs(row.difference) for row in self.rows if not isnan(row.server_cost)), default=nan
        )

    @property
    def statement(self) -> str:
        """What was proved, and what was not, in plain words."""
        return statement_of(self)

    def __repr__(self) -> str:
        return f"<{self.statement}>"


def certify(
    client: Any,
    pairs: Sequence[Pair],
    outcome_of: Callable[[str, str], IntervalResult],
    count: int,
    *,
    seed: int = SEED,
    own_tariffs: int = 0,
) -> Certificate:
    """Price `count` intervals of a simulation through the service, which keeps nothing of them.

    The intervals are spread over scenarios and sites, directions, price levels, the two sides of price changes, and
    tiers. The service prices a record at the tier that its stored records have reached. So with tiers an interval is
    drawn only if scenario and stored records are on the same tier before and after it; what is left out is named.

    Parameters
    ----------
    client : Flatpeak
    pairs : sequence of tuple of str
        ``(site_id, scenario)`` of all that can be asked about.
    outcome_of : callable
        ``outcome_of(site_id, scenario)`` makes one outcome; they are made one after another, and none is kept.
    count : int
        1 or more.
    seed : int
        The same seed draws the same intervals.
    own_tariffs : int
        Site-scenarios that are not among `pairs`, because they have tariffs of their own.

    Returns
    -------
    Certificate
        A record that the service does not price (422, or 429 and 5xx after all retries) is a row without a server
        cost, ``unanswered``, and the certificate does not agree.

    Raises
    ------
    InputError
        `client` is no Flatpeak client, or `count` is no number of intervals.
    AuthenticationFailed
        The key is refused.
    UnexpectedAnswer
        The service does not confirm that it kept nothing.
    """
    if not hasattr(client, "instant_cost"):
        raise InputError(
            "verify: only prices that come from Flatpeak can be verified; pass prices=kit"
        )
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise InputError(f"verify={count!r}: give a number of intervals, 1 or more")
    found = drawn(client, pairs, outcome_of, count, seed)
    rows = tuple(sorted(_asked(client, found.draws), key=_order))
    seen, total = len(found.seen), len(pairs) + own_tariffs
    findings = findings_of(rows, found, count, own_tariffs)
    return Certificate(rows, count, seed, total, seen - len(found.own), found.intervals, findings)


def _asked(client: Any, draws: Sequence[Draw]) -> list[CertificateRow]:
    rows: dict[int, CertificateRow] = {}

    def answered(question: Question, asked: Asked) -> None:
        rows[question.number] = _answered(draws[question.number], asked)

    def refused(question: Question, error: FlipkitError) -> None:
        rows[question.number] = _refused(draws[question.number], error)

    ask_all(client, map(_question, range(len(draws)), draws), answered, refused)
    return list(rows.values())


def _question(number: int, draw: Draw) -> Question:
    span = draw.start_us, draw.end_us
    return Question(number, draw.location_id, draw.stratum.tariff_direction, *span, draw.energy_wh)


def _answered(draw: Draw, asked: Asked) -> CertificateRow:
    problems = []
    if round(asked.energy_wh) != draw.energy_wh:
        problems.append(
            f"certificate.energy: the service counts {asked.energy_wh:g} Wh, not {draw.energy_wh}"
        )
    if asked.currency != draw.currency:
        problems.append(
            f"certificate.currency: the service prices in {asked.currency}, not {draw.currency}"
        )
    if not abs(draw.local_cost - asked.cost) <= TOLERANCE:
        problems.append(f"certificate.cost: {draw.local_cost:.10g} here, {asked.cost:.10g} there")
    return _row(draw, asked.cost, "differs" if problems else "agrees", "; ".join(problems) or None)


def _refused(draw: Draw, error: FlipkitError) -> CertificateRow:
    nobody_pays = isinstance(error, PriceUnavailable) and error.code == "no_tariff_connected"
    if draw.stratum.price_level == NO_PRICE and nobody_pays:
        return _row(draw, nan, "agrees", "certificate.no_price: the service has none either")
    return _row(draw, nan, "unanswered", f"certificate.unanswered: {type(error).__name__}: {error}")


def _row(draw: Draw, server_cost: float, verdict: str, finding: str | None) -> CertificateRow:
    place = (
        *draw.pair,
        draw.location_id,
        draw.start_us,
        draw.end_us,
        draw.stratum.tariff_direction,
        draw.energy_wh,
    )
    kind = draw.stratum.price_level, draw.stratum.beside_change, draw.stratum.tier
    return CertificateRow(
        *place, *kind, draw.local_cost, server_cost, draw.currency, verdict, finding
    )


def _order(row: CertificateRow) -> tuple[str, str, str, int]:
    return row.site_id, row.scenario, row.tariff_direction, row.start_us
