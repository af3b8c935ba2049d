"""The certificate of a simulation: a sample of its intervals, priced again by the service."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, NamedTuple

from flipkit.calendar import to_text
from flipkit.errors import FlipkitError, InputError, PriceUnavailable
from flipkit.frames import Finding, as_text
from flipkit.scenarios.engine import IntervalResult
from flipkit.scenarios.service.pricing import Pair, PricedRecord, PriceRequest, price_records
from flipkit.scenarios.service.sampling import NO_PRICE, Sample, SampledInterval, draw_sample

__all__ = ["SEED", "TOLERANCE", "Certificate", "CertificateRow", "certify"]

SEED = 20_250_601
TOLERANCE = 5e-7
"""Major units by which two costs of an interval may differ: half of the sixth decimal."""

_NAMED = 3  # examples in a finding
_UNANSWERED = "certificate.unanswered: "


class CertificateRow(NamedTuple):
    """One interval, priced here and by the service.

    Attributes
    ----------
    site_id, scenario, location_id : str
    start_us, end_us : int
    tariff_direction : str
        IMPORT, EXPORT or LOCAL.
    energy_wh : int
        Whole Wh, as the service counts.
    price_level : str
        ``negative``, ``cheapest``, ``middle``, ``most expensive`` (a third each of the prices of
        that site, scenario and direction), ``the only price``, or ``no price`` (exports that are
        assumed to earn nothing).
    beside_change : bool
        The interval before or after has another price.
    tier : int or None
        From 0; None if the tariff has no tiers.
    local_cost : float
        Of the whole Wh.
    server_cost : float
        NaN if the service gave none; `finding` says why.
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
        """Local less server cost; NaN if the service gave none."""
        return self.local_cost - self.server_cost


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the service says about a sample of a simulation's intervals.

    Attributes
    ----------
    rows : tuple of CertificateRow
        By site, scenario, direction and time.
    asked : int
        Requested number of intervals.
    seed : int
    pairs : int
        Combinations of site and scenario in the simulation.
    pairs_seen : int
        Those that were sampled.
    intervals : int
        Their intervals with energy that could be compared.
    findings : tuple of Finding
        What disagrees, what got no answer, and what could not be sampled.
    is_emulator : bool
        Whether the service is flipkit's emulator, which shares the rating engine.
    """

    rows: tuple[CertificateRow, ...]
    asked: int
    seed: int
    pairs: int
    pairs_seen: int
    intervals: int
    findings: tuple[Finding, ...]
    is_emulator: bool = False

    @property
    def agrees(self) -> bool:
        """Whether at least one interval was priced and all costs agree."""
        return bool(self.rows) and all(row.verdict == "agrees" for row in self.rows)

    @property
    def largest_difference(self) -> float:
        """The largest absolute difference of two costs, major units; NaN without any answer."""
        priced = [row for row in self.rows if not isnan(row.server_cost)]
        return max((abs(row.difference) for row in priced), default=nan)

    @property
    def statement(self) -> str:
        """What was verified and what was not, in sentences."""
        sentences = [_headline(self)]
        if self.rows:
            sentences.append(_coverage(self))
            sentences.append(_trace(self.rows))
            if self.is_emulator:
                sentences.append(_EMULATOR)
        for finding in self.findings:
            sentences.append(f"{finding.words[:1].upper()}{finding.words[1:]}.")
        return " ".join(sentences)

    def __repr__(self) -> str:
        return f"<{self.statement}>"


def certify(
    client: Any,
    pairs: Sequence[Pair],
    result_of: Callable[[str, str], IntervalResult],
    count: int,
    *,
    seed: int = SEED,
    own_tariffs: int = 0,
    is_emulator: bool = False,
) -> Certificate:
    """Price `count` intervals of a simulation through the service, which stores nothing of them.

    The sample is spread over scenarios and sites, directions, price levels, both sides of price
    changes, and tiers. The service prices a record on the tier that its stored records have
    reached, so with tiers only intervals on the same tier at both are sampled; a finding counts the
    others.

    Parameters
    ----------
    client : Flatpeak
    pairs : sequence of tuple of str
        ``(site_id, scenario)`` of all that the service can price.
    result_of : callable
        ``result_of(site_id, scenario)``; called for one pair after another, no result is kept.
    count : int
        1 or more.
    seed : int
        The same seed samples the same intervals.
    own_tariffs : int
        Number of pairs that are left out of `pairs`, because they have tariffs of their own.
    is_emulator : bool
        Whether the client is connected to flipkit's emulator; the statement then says so.

    Returns
    -------
    Certificate
        A record that the service does not price (422, or 429 and 5xx after all retries) is a row
        without a server cost, ``unanswered``, and the certificate does not agree.

    Raises
    ------
    InputError
        `client` is not a Flatpeak client, or `count` is not a number of intervals.
    AuthenticationFailed
        The key is refused.
    UnexpectedAnswer
        The service does not confirm that it stored nothing.
    """
    if not hasattr(client, "instant_cost"):
        raise InputError("verify: only prices from Flatpeak can be verified; pass prices=kit")
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise InputError(f"verify={count!r}: give a number of intervals, 1 or more")
    sample = draw_sample(client, pairs, result_of, count, seed)
    rows = sorted(_priced_rows(client, sample.sampled), key=_order)
    return Certificate(
        rows=tuple(rows),
        asked=count,
        seed=seed,
        pairs=len(pairs) + own_tariffs,
        pairs_seen=len(sample.seen) - len(sample.own_tariffs),
        intervals=sample.comparable,
        findings=tuple(_findings(rows, sample, count, own_tariffs)),
        is_emulator=is_emulator,
    )


def _order(row: CertificateRow) -> tuple[str, str, str, int]:
    return row.site_id, row.scenario, row.tariff_direction, row.start_us


def _priced_rows(client: Any, sampled: Sequence[SampledInterval]) -> list[CertificateRow]:
    requests = [interval.request for interval in sampled]
    rows: list[CertificateRow] = []

    def on_priced(request: PriceRequest, priced: PricedRecord) -> None:
        rows.append(_compared(sampled[request.number], priced))

    def on_refused(request: PriceRequest, error: FlipkitError) -> None:
        rows.append(_refused(sampled[request.number], error))

    price_records(client, requests, on_priced, on_refused)
    return rows


def _compared(interval: SampledInterval, priced: PricedRecord) -> CertificateRow:
    wh = interval.request.energy_wh
    cost, currency = interval.local_cost, interval.currency
    problems = []
    if round(priced.energy_wh) != wh:
        problems.append(f"certificate.energy: the service counts {priced.energy_wh:g} Wh, not {wh}")
    if priced.currency != currency:
        problems.append(
            f"certificate.currency: the service prices in {priced.currency}, not {currency}"
        )
    if not abs(cost - priced.cost) <= TOLERANCE:  # true for NaN as well
        problems.append(
            f"certificate.cost: {cost:.10g} calculated, {priced.cost:.10g} from the service"
        )
    verdict = "differs" if problems else "agrees"
    return _row(interval, priced.cost, verdict, as_text(problems))


def _refused(interval: SampledInterval, error: FlipkitError) -> CertificateRow:
    has_no_tariff = isinstance(error, PriceUnavailable) and error.code == "no_tariff_connected"
    # Unpaid exports are sampled once, to see whether the service would pay for them.
    if interval.stratum.price_level == NO_PRICE and has_no_tariff:
        finding = "certificate.no_price: the service has no price either"
        return _row(interval, nan, "agrees", finding)
    return _row(interval, nan, "unanswered", f"{_UNANSWERED}{type(error).__name__}: {error}")


def _row(
    interval: SampledInterval, server_cost: float, verdict: str, finding: str | None
) -> CertificateRow:
    site_id, scenario = interval.pair
    request, stratum = interval.request, interval.stratum
    return CertificateRow(
        site_id=site_id,
        scenario=scenario,
        location_id=request.location_id,
        start_us=request.start_us,
        end_us=request.end_us,
        tariff_direction=request.tariff_direction,
        energy_wh=request.energy_wh,
        price_level=stratum.price_level,
        beside_change=stratum.beside_change,
        tier=stratum.tier,
        local_cost=interval.local_cost,
        server_cost=server_cost,
        currency=interval.currency,
        verdict=verdict,
        finding=finding,
    )


# The statement.

_OF_DIRECTION = {"IMPORT": "of imports", "EXPORT": "of exports", "LOCAL": "of own use"}
_AT_PRICE = {
    "cheapest": "in the cheapest third of prices",
    "middle": "in the middle third",
    "most expensive": "in the most expensive third",
    "negative": "at negative prices",
    "the only price": "at the only price",
    NO_PRICE: "without a price",
}
# A fault in the shared code, such as a calendar that is an hour off, changes both costs alike.
_EMULATOR = (
    "The service is flipkit's emulator, which shares the rating engine with flipkit: this checks"
    " the wiring (records, times, directions and tariffs sent and read), not the prices."
)


def _headline(certificate: Certificate) -> str:
    rows = certificate.rows
    if not rows:
        return "Not verified: there was no interval that the service could price."
    verdict = "Verified" if certificate.agrees else "Not verified"
    agreeing = sum(row.verdict == "agrees" for row in rows)
    currencies = sorted({row.currency or "units" for row in rows})
    unit = currencies[0] if len(currencies) == 1 else "of their currency"
    return (
        f"{verdict}: {agreeing:,} of {len(rows):,} intervals agree with the service to within"
        f" {TOLERANCE:.7f} {unit}; {_largest(rows)}."
    )


def _largest(rows: Sequence[CertificateRow]) -> str:
    priced = [row for row in rows if not isnan(row.server_cost)]
    if not priced:
        return "the service returned no cost"
    worst = max(priced, key=lambda row: abs(row.difference))
    amount = f"{abs(worst.difference):.10f} {worst.currency or ''}".strip()
    return f"the largest difference is {amount}"


def _coverage(certificate: Certificate) -> str:
    rows = certificate.rows
    counts = [
        _counts(_OF_DIRECTION[row.tariff_direction] for row in rows),
        _counts(_AT_PRICE[row.price_level] for row in rows),
        _counts("next to a price change" for row in rows if row.beside_change),
        _counts(f"on tier {row.tier + 1}" for row in rows if row.tier is not None),
    ]
    kinds = "; ".join(count for count in counts if count)
    return (
        f"They were sampled from {certificate.intervals:,} intervals with energy in"
        f" {certificate.pairs_seen:,} of {certificate.pairs:,} combinations of site and scenario,"
        f" seed {certificate.seed}: {kinds}."
    )


def _counts(phrases: Iterable[str]) -> str:
    """Return how many intervals each phrase is true of: ``10 are of exports and 50 of imports``."""
    counted = [(number, phrase) for phrase, number in sorted(Counter(phrases).items())]
    if not counted:
        return ""
    (number, phrase), *others = counted
    parts = [f"{number:,} {'is' if number == 1 else 'are'} {phrase}"]
    parts += [f"{number:,} {phrase}" for number, phrase in others]
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last


def _trace(rows: Sequence[CertificateRow]) -> str:
    if all(isnan(row.server_cost) for row in rows):
        return "Nothing was stored."
    return (
        "Each was priced by POST /costs/instant?non_persistent=true, and the service confirmed each"
        " time that it stored nothing."
    )


# The findings.


def _findings(
    rows: Sequence[CertificateRow], sample: Sample, count: int, own_tariffs: int
) -> list[Finding]:
    """What disagrees, what got no answer, and what could not be sampled, in this order."""
    findings = [*_differing(rows), *_unanswered(rows)]
    findings += _not_priced(sample, own_tariffs)
    findings += _other_tiers(sample)
    if len(rows) < count:
        message = f"only {len(rows):,} of the {count:,} requested intervals could be sampled"
        findings.append(Finding("certificate.fewer", message))
    return findings


def _differing(rows: Sequence[CertificateRow]) -> list[Finding]:
    """One finding per scenario, direction and tier."""
    groups: dict[tuple[str, str, int | None], list[CertificateRow]] = defaultdict(list)
    sizes: Counter[tuple[str, str, int | None]] = Counter()
    for row in rows:
        group = row.scenario, row.tariff_direction, row.tier
        sizes[group] += 1
        if row.verdict == "differs":
            groups[group].append(row)
    findings = []
    for group, differing in groups.items():
        message = _difference(differing, sizes[group])
        findings.append(Finding("certificate.differs", message))
    return findings


def _difference(rows: Sequence[CertificateRow], size: int) -> str:
    """What differs among the `size` intervals of a scenario, direction and tier."""
    worst = max(rows, key=lambda row: abs(row.difference))
    tier = "" if worst.tier is None else f", tier {worst.tier + 1}"
    sites = sorted({row.site_id for row in rows})
    named = _first_of(sites, ", ")
    message = (
        f"scenario {worst.scenario!r}, {worst.tariff_direction}{tier}: {len(rows):,} of {size:,}"
        f" differ (sites {named}), most at site {worst.site_id}, {to_text(worst.start_us)}"
        f" (price level: {worst.price_level}, {worst.energy_wh:,} Wh): {worst.local_cost:.7f}"
        f" calculated, {worst.server_cost:.7f} {worst.currency or ''} from the service"
    )
    finding = worst.finding or ""
    return message if "certificate.cost" in finding else f"{message} ({finding})"


def _unanswered(rows: Sequence[CertificateRow]) -> list[Finding]:
    unanswered = [row for row in rows if row.verdict == "unanswered"]
    if not unanswered:
        return []
    reasons = Counter((row.finding or "").removeprefix(_UNANSWERED) for row in unanswered)
    shown = "; ".join(reason for reason, _ in reasons.most_common(_NAMED))
    message = f"{len(unanswered):,} intervals were not priced: {shown}"
    return [Finding("certificate.unanswered", message)]


def _not_priced(sample: Sample, own_tariffs: int) -> list[Finding]:
    findings = []
    own = own_tariffs + len(sample.own_tariffs)
    if own:
        message = f"{own:,} combinations have tariffs of their own, which the service cannot price"
        findings.append(Finding("certificate.own_tariff", message))
    partly_own = len(sample.partly_own_tariffs)
    if partly_own:
        message = (
            f"{partly_own:,} combinations have a tariff of their own in one direction; only the"
            " other direction was sampled"
        )
        findings.append(Finding("certificate.own_tariff", message))
    if sample.whole_bill:
        message = (
            f"{sample.whole_bill:,} intervals have a cost that only the whole bill determines; they"
            " were not sampled"
        )
        findings.append(Finding("certificate.whole_bill", message))
    return findings


def _other_tiers(sample: Sample) -> list[Finding]:
    findings = []
    if sample.other_tier:
        left_out = sum(sample.other_tier.values())
        message = (
            "with tiers, only intervals are sampled for which the scenario and the records stored"
            f" at the service are on the same tier; {left_out:,} others were left out"
        )
        findings.append(Finding("certificate.other_tier", message))
    if sample.tiers_left:
        tiers = []
        for site_id, scenario, tier in sample.tiers_left:
            tiers.append(f"site {site_id}, scenario {scenario!r}, tier {tier + 1}")
        message = (
            "not compared at all, as the service is never on that tier at that time:"
            f" {_first_of(tiers, '; ')}"
        )
        findings.append(Finding("certificate.tier_left", message))
    for (site_id, scenario), reason in list(sample.unread.items())[:_NAMED]:
        message = (
            f"site {site_id}, scenario {scenario!r}: the tier that the service has reached is"
            f" unknown: {reason}"
        )
        findings.append(Finding("certificate.tier_unread", message))
    return findings


def _first_of(names: Sequence[str], separator: str) -> str:
    shown = separator.join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown
