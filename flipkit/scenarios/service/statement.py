"""A certificate in plain words: what agrees, what does not, and what could not be asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import isnan
from typing import TYPE_CHECKING

from flipkit.calendar import to_text
from flipkit.frames import Finding

if TYPE_CHECKING:
    from flipkit.scenarios.service.certificate import Certificate, CertificateRow
    from flipkit.scenarios.service.drawing import Drawn

__all__ = ["TOLERANCE", "findings_of", "statement_of"]

TOLERANCE = 5e-7
"""Major units by which two costs of an interval may differ: half of the last digit where costs have six."""

_NAMED = 3


def statement_of(certificate: Certificate) -> str:
    """The whole statement: the verdict, what was drawn from what, and the findings."""
    parts = [_headline(certificate)]
    if certificate.rows:
        parts += [_spread(certificate), _trace(certificate.rows)]
    return " ".join([*parts, *(_sentence(finding.words) for finding in certificate.findings)])


def findings_of(
    rows: Sequence[CertificateRow], found: Drawn, count: int, own_tariffs: int
) -> tuple[Finding, ...]:
    """What disagrees, what got no answer, and what could not be asked, in this order.

    Parameters
    ----------
    rows : sequence of CertificateRow
    found : Drawn
        What the rows were drawn from.
    count : int
        How many rows were wanted.
    own_tariffs : int
        Site-scenarios that were not even looked at, because they have tariffs of their own.
    """
    findings = [*_wrong(rows), *_not_asked(found, own_tariffs), *_tiers(found)]
    if len(rows) < count:
        words = f"there were {len(rows):,} intervals to ask about, fewer than the {count:,} that were wanted"
        findings.append(Finding("certificate.fewer", words))
    return tuple(findings)


def _headline(certificate: Certificate) -> str:
    rows = certificate.rows
    if not rows:
        return "Not verified: there was no interval to ask the service about."
    agreeing = sum(row.verdict == "agrees" for row in rows)
    verdict = "Verified" if certificate.agrees else "Not verified"
    currencies = sorted({row.currency or "units" for row in rows})
    within = f"{TOLERANCE:.7f} {currencies[0] if len(currencies) == 1 else 'of their currency'}"
    text = f"{verdict}: {agreeing:,} of {len(rows):,} intervals agree within {within}"
    return f"{text}; {_largest(rows)}."


def _largest(rows: Sequence[CertificateRow]) -> str:
    priced = [row for row in rows if not isnan(row.server_cost)]
    if not priced:
        return "the service gave no cost at all"
    worst = max(priced, key=lambda row: abs(row.difference))
    amount = f"{abs(worst.difference):.10f} {worst.currency or ''}".strip()
    return f"largest difference {amount}"


def _spread(certificate: Certificate) -> str:
    rows = certificate.rows
    kinds = [
        _counted(row.tariff_direction for row in rows),
        _counted(row.price_level for row in rows),
        _counted("beside a price change" for row in rows if row.beside_change),
        _counted(f"tier {row.tier + 1}" for row in rows if row.tier is not None),
    ]
    pairs = f"{certificate.pairs_seen:,} of {certificate.pairs:,} combinations of site and scenario"
    drawn = f"Drawn from {certificate.intervals:,} intervals with energy in {pairs}, seed {certificate.seed}"
    return f"{drawn}: {'; '.join(filter(None, kinds))}."


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(Counter(names).items()))


def _trace(rows: Sequence[CertificateRow]) -> str:
    if not any(not isnan(row.server_cost) for row in rows):
        return "Nothing was stored."
    return (
        "Each was priced by POST /costs/instant?non_persistent=true, and the service confirmed with each answer that "
        "it stored nothing."
    )


def _wrong(rows: Sequence[CertificateRow]) -> list[Finding]:
    differing = [row for row in rows if row.verdict == "differs"]
    silent = [row for row in rows if row.verdict == "unanswered"]
    findings = []
    groups: dict[tuple[str, str, int | None], list[CertificateRow]] = defaultdict(list)
    for row in differing:
        groups[row.scenario, row.tariff_direction, row.tier].append(row)
    asked = Counter((row.scenario, row.tariff_direction, row.tier) for row in rows)
    for key, group in groups.items():
        findings.append(Finding("certificate.differs", _disagreement(group, asked[key])))
    if silent:
        reasons = Counter(
            (row.finding or "").removeprefix("certificate.unanswered: ") for row in silent
        )
        shown = "; ".join(reason for reason, _ in reasons.most_common(_NAMED))
        findings.append(
            Finding("certificate.unanswered", f"{len(silent):,} got no answer: {shown}")
        )
    return findings


def _disagreement(group: Sequence[CertificateRow], asked: int) -> str:
    """Where costs differ: one scenario, direction and tier."""
    first = group[0]
    tier = "" if first.tier is None else f", tier {first.tier + 1}"
    worst = max(group, key=lambda row: abs(row.difference))
    sites = sorted({row.site_id for row in group})
    named = ", ".join(sites[:_NAMED]) + (
        f" and {len(sites) - _NAMED:,} more" if len(sites) > _NAMED else ""
    )
    return (
        f"scenario {first.scenario!r}, {first.tariff_direction}{tier}: {len(group):,} of {asked:,} differ (sites "
        f"{named}), most at site {worst.site_id}, {to_text(worst.start_us)}, {worst.price_level} price, "
        f"{worst.energy_wh:,} Wh: {worst.local_cost:.7f} here, {worst.server_cost:.7f} {worst.currency or ''} there"
        + ("" if "certificate.cost" in (worst.finding or "") else f" ({worst.finding})")
    )


def _not_asked(found: Drawn, own_tariffs: int) -> list[Finding]:
    findings = []
    own = own_tariffs + len(found.own)
    if own:
        words = f"not asked about, for they have tariffs of their own: {own:,} of the combinations"
        findings.append(Finding("certificate.own_tariff", words))
    if found.partly_own:
        count = len(found.partly_own)
        words = f"asked about in one direction only: {count:,} of the combinations, the other with a tariff of its own"
        findings.append(Finding("certificate.own_tariff", words))
    if found.whole_bill:
        words = f"{found.whole_bill:,} intervals have a cost that only the whole bill tells, and were not asked about"
        findings.append(Finding("certificate.whole_bill", words))
    return findings


def _tiers(found: Drawn) -> list[Finding]:
    findings = []
    if found.other_tier:
        left = sum(found.other_tier.values())
        words = (
            "with tiers, only intervals at which the scenario and the records stored at the service are on the same "
            f"tier were drawn from, {left:,} others were not"
        )
        findings.append(Finding("certificate.other_tier", words))
    if found.tiers_left:
        named = "; ".join(
            f"site {s}, scenario {c!r}, tier {t + 1}" for s, c, t in found.tiers_left[:_NAMED]
        )
        more = len(found.tiers_left) - _NAMED
        words = f"not compared at all, for the service is never on that tier at that time: {named}"
        findings.append(
            Finding("certificate.tier_left", words + (f" and {more:,} more" if more > 0 else ""))
        )
    for (site, scenario), reason in list(found.unread.items())[:_NAMED]:
        words = f"site {site}, scenario {scenario!r}: the tier that the service has reached cannot be told: {reason}"
        findings.append(Finding("certificate.tier_unread", words))
    return findings


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
