"""Findings: what could not be evaluated or needs attention, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["FINDING_CODES", "Finding", "as_text", "rows_text"]

# Every code, and what it says. The message of a finding adds the figures.
FINDING_CODES: dict[str, str] = {
    # Energy and prices of the input.
    "energy.gap": "a site is not evaluated: an interval is missing",
    "energy.invalid": "a site is not evaluated: a value is missing, negative or infinite",
    "energy.peak": "a few intervals are far above the others and above the fuse of a home",
    "energy.register": "values never fall, as the readings of a register",
    "energy.repeated": "a site is not evaluated: a time occurs twice",
    "energy.single": "a site is not evaluated: it has a single interval",
    "energy.step": "a site is not evaluated: the length of its intervals changes",
    "energy.unit": "values are implausible in kWh, or would be those of a home in Wh or MWh",
    "generation.negative": "negative generation, which an inverter draws, counts as consumption",
    "interval.coarse": "intervals are too long for the prices or the demand of the tariff",
    "price.unit": "prices are implausible, and may be in pence or per MWh",
    # Submitted records.
    "batch.counts": "a batch accepted another number of records than were not reported as failed",
    "batch.unknown_record": "a batch reports the failure of a record that it does not contain",
    "records.overlap": "records of one series share time: their energy counts twice",
    "records.power": "the mean power is implausible: check the unit",
    "records.register_fell": "a cumulative reading is below the one before it",
    "records.repeated": "records of one series have the same times: the last one wins",
    # Reports.
    "confidence.estimated": "some rows are estimates or forecasts",
    "cost.differs": "the service's cost is not what flipkit calculates from the tariff",
    "cost.other_flow": "energy that flows against the direction of the report is left out",
    "cost.unavailable": "the service has no cost for the object and direction",
    "cost.unchecked": "the service's cost could not be calculated here as well",
    "coverage.none": "no records in the period",
    "coverage.partial": "records cover the period in part",
    "lost_value.no_export_price": "no export price: exported energy is valued at zero",
    "lost_value.no_location": "Flatpeak has no location with the site's id",
    "lost_value.no_price": "no import price: the loss has no value",
    "lost_value.no_profile": "no production records: the loss cannot be spread over the hours",
    "lost_value.profile_of_window": "the loss is spread as the production of the whole window",
    "performance.expected_zero": "the expected value is not above zero",
    "performance.implausible": "production is far above the expected value",
    "performance.low": "production is below the expected value",
    "performance.month_to_date": "the month is not over",
    "performance.no_data": "no production was reported",
    "performance.no_expected_value": "no expected value was pushed",
    "performance.no_row": "the service's report lacks the site",
    "performance.not_monitored": "the site may have no solar",
    "performance.zero_production": "nothing was produced",
    # Tariffs, as a reader found them.
    "tariff.assumed": "something that a record does not say is assumed",
    "tariff.ignored": "a field of a record, or a column, is left out",
    "tariff.status": "the service reports another status than connected",
    "tariff.unpriced": "charges of a record that are not priced, such as those in words",
    # Bills, in simulations too.
    "adder.spread": "charged kWh of net metering have no hour: an adder by hour spreads them",
    "carry_over.expired": "kWh or credit left at a true-up are lost",
    "carry_over.open": "carried over beyond the last billing period, and not settled",
    "demand.history": "a billing demand looks back at billing periods before the energy",
    "export.unpaid": "exports are not paid",
    "holidays.unlisted": "holidays are listed dates, and a year has none",
    "minimum.open": "a yearly minimum is not applied",
    "net_metering.series": "netted kWh have no hour in a price series: all imports are charged",
    "period.cut": "the period is cut by the window, or by the energy",
    # Simulations.
    "dispatch.approximate": "the battery's dispatch is not exact",
    "dispatch.milp": "the battery's dispatch needed binary variables",
    "ev.assumed": "a session without records is assumed to charge from arrival",
    "ev.backwards": "a session leaves before it arrives",
    "ev.cut": "a session extends beyond the energy",
    "ev.metered": "a session's records and its energy disagree",
    "ev.not_included": "the charging to replace is not part of the consumption",
    "ev.outside": "a session is outside the energy",
    "ev.unserved": "a session receives less than it needs",
    "finance.cycle_life": "a battery is worn out before the end of the lifetime",
    "finance.part_year": "the saving of a part of a year is scaled to a year",
    "simulate.band": "a cost of the band needs a solver that is not installed",
    "simulate.fixed_charges": "only one of two bills has standing charges",
    "simulate.instant": "each interval is priced by the service",
    "simulate.month_cut": "a month is covered in part, and each tier is prorated",
    "simulate.no_export_price": "exports are not paid, as there is no export price",
    "simulate.no_such_site": "a scenario names a site that has no energy",
    "simulate.stored_energy": "the battery ends with more or less energy than it began with",
    "simulate.utc": "the site's time zone is not known, and UTC is used",
    "solar.weather": "which weather the generation comes from",
    # The certificate of a simulation.
    "certificate.cost": "the service's cost differs",
    "certificate.currency": "the service's currency differs",
    "certificate.differs": "intervals that differ, by scenario, direction and tier",
    "certificate.energy": "the service counts other energy",
    "certificate.fewer": "fewer intervals were sampled than requested",
    "certificate.no_price": "neither the service nor flipkit has a price",
    "certificate.other_tier": "intervals on another tier at the service were not sampled",
    "certificate.own_tariff": "the service cannot price a scenario's own tariff",
    "certificate.tier_left": "the service is never on a tier of the scenario",
    "certificate.tier_unread": "the tier that the service has reached is not known",
    "certificate.unanswered": "the service did not price an interval",
    "certificate.whole_bill": "costs that only the whole bill determines were not sampled",
}

_MAX_ROWS_SHOWN = 3
_SEPARATOR = "; "  # stands between the findings of a cell, and in none of them


class Finding(NamedTuple):
    """One remark about a row of a frame, or about rows of the input.

    Attributes
    ----------
    name : str
        The dotted code, one of `FINDING_CODES`, such as ``coverage.partial``.
    words : str
        The message, with its figures.
    rows : tuple of int
        Rows of the input, counted from 0; empty if the finding is about the row it stands in.
    """

    name: str
    words: str
    rows: tuple[int, ...] = ()

    @classmethod
    def of(cls, text: str) -> Finding:
        """Return the finding that is written as ``code: message``."""
        name, _, words = text.partition(": ")
        return cls(name, words)

    def __str__(self) -> str:
        # An error, or the name of a tariff, may be part of the words.
        words = self.words.replace(_SEPARATOR, ", ")
        return f"{self.name}: {words}{rows_text(self.rows)}"

    def __repr__(self) -> str:
        return f"<{self}>"


def as_text(findings: Iterable[Finding | str | None]) -> str | None:
    """Return the findings of a row as one cell, or None if there are none."""
    return _SEPARATOR.join(str(each) for each in findings if each) or None


def rows_text(rows: tuple[int, ...]) -> str:
    """Return row numbers in parentheses, such as `` (rows 1, 2, 3 and 7 more)``, or nothing."""
    if not rows:
        return ""
    noun = "row" if len(rows) == 1 else "rows"
    shown = ", ".join(map(str, rows[:_MAX_ROWS_SHOWN]))
    hidden = len(rows) - _MAX_ROWS_SHOWN
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return f" ({noun} {shown}{more})"
