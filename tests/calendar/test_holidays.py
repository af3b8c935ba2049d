"""Public holidays: of a country, with names added and dropped, actual and observed, or dates."""

import pickle
from datetime import date, datetime

import holidays as published
import numpy as np
import pandas as pd
import polars as pl
import pytest

import flipkit as fk
from flipkit.calendar import as_holidays, holiday_dates
from flipkit.errors import InputError

FEDERAL_2026 = {  # 5 U.S.C. 6103; 4 July 2026 is a Saturday, which is observed on Friday
    "01-01",
    "01-19",
    "02-16",
    "05-25",
    "06-19",
    "07-04",
    "09-07",
    "10-12",
    "11-11",
    "11-26",
    "12-25",
}


def days(holidays, first=2026, last=2026):
    numbers = holiday_dates(as_holidays(holidays), first, last)
    texts = np.datetime_as_string(numbers.astype("datetime64[D]")).tolist()
    return texts if first != last else [text[5:] for text in texts]


@pytest.mark.parametrize("code", ["US", "US-CA", "GB-ENG", "NZ", "JP", "ES", "CN", "BE", "DE-BY"])
def test_a_country_has_its_dates_and_those_on_which_they_are_observed(code):
    # As before there were other ways to count them.
    country, _, part = code.partition("-")
    want = published.country_holidays(country, subdiv=part or None, years=range(2020, 2031))
    assert days(code, 2020, 2030) == sorted(map(str, want))


def test_a_holiday_on_a_weekend_counts_on_its_date_or_where_it_is_observed():
    assert set(days(fk.Holidays("US", observed=False))) == FEDERAL_2026
    assert set(days(fk.Holidays("US", observed=True))) == FEDERAL_2026 - {"07-04"} | {"07-03"}
    assert set(days("US")) == FEDERAL_2026 | {"07-03"}
    # 1 January 2028 is a Saturday: it is observed in the year before.
    assert "12-31" in days(fk.Holidays("US", observed=True), 2027, 2027)
    assert "12-31" not in days(fk.Holidays("US", observed=False), 2027, 2027)
    # 25 and 26 December 2027 are Saturday and Sunday; GOV.UK: substitute days on 27 and 28.
    substitutes = days(fk.Holidays("GB-ENG", observed=True), 2027, 2027)
    assert substitutes[-2:] == ["12-27", "12-28"]
    assert days(fk.Holidays("GB-ENG", observed=False), 2027, 2027)[-2:] == ["12-25", "12-26"]


def test_a_utility_has_a_list_of_its_own():
    # PG&E, electric schedule E-TOU-B, holidays: New Year's Day, President's
    # Day, Memorial Day, Independence Day, Labor Day, Veterans Day, Thanksgiving Day and Christmas
    # Day, on the days on which they are legally observed.
    pge = fk.Holidays(
        "US",
        observed=True,
        drop=[
            "Martin Luther King Jr. Day",
            "Juneteenth National Independence Day",
            "columbus day",
        ],
    )
    want = ["01-01", "02-16", "05-25", "07-03", "09-07", "11-11", "11-26", "12-25"]
    assert days(pge) == want
    # Names that the country has unofficially, or in some of its states only.
    more = fk.Holidays("US", observed=True, add=["Good Friday", "Friday After Thanksgiving"])
    assert set(days(more)) - set(days(fk.Holidays("US", observed=True))) == {"04-03", "11-27"}


def test_a_dropped_holiday_is_not_observed_either():
    # 11 November 2028 is a Saturday.
    assert {"11-10", "11-11"} <= set(days("US", 2028, 2028))
    assert not {"11-10", "11-11"} & set(days(fk.Holidays("US", drop="Veterans Day"), 2028, 2028))


LISTED = ["2026-12-25", "2026-01-01"]


@pytest.mark.parametrize(
    "dates",
    [
        LISTED,
        [date(2026, 12, 25), date(2026, 1, 1)],
        [datetime(2026, 12, 25), "2026-01-01", "2026-01-01"],
        np.array(LISTED, dtype="datetime64[D]"),
        pd.to_datetime(LISTED),
        pd.Series(pd.to_datetime(LISTED)),
        pl.Series(LISTED).str.to_date(),
    ],
)
def test_dates_may_be_listed_in_any_form(dates):
    made = as_holidays(dates)
    assert made == fk.Holidays(dates=(date(2026, 1, 1), date(2026, 12, 25)))
    assert days(made)[:1] == ["01-01"]
    tariff = fk.Tariff.flat(0.2, currency="USD", timezone="UTC").replace(holidays=dates)
    assert tariff.holidays == made
    assert hash(tariff) == hash(tariff.replace(holidays=made))


def test_dates_are_added_to_those_of_a_country():
    assert set(days(fk.Holidays("US", dates=["2026-12-24"]))) == set(days("US")) | {"12-24"}


def test_they_are_values():
    made = fk.Holidays("US", observed=True, add=("Good Friday",), dates=["2026-12-24"])
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301
    assert len({made, fk.Holidays("US"), fk.Holidays("US", observed=False)}) == 3
    assert made.label == (
        "US, days observed, with Good Friday, 1 listed date from 2026-12-24 to 2026-12-24"
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: fk.Holidays("XX"), "holidays 'XX': unknown country or subdivision"),
        (lambda: fk.Holidays(7), "holidays 7: unknown country"),
        (lambda: as_holidays(7), "holidays 7 are not known; write a code such as 'US'"),
        (fk.Holidays, "none given; give a country, such as 'US', or dates"),
        (lambda: as_holidays([]), "none given"),
        (lambda: fk.Holidays("US", observed="yes"), "observed 'yes' is not known"),
        (lambda: fk.Holidays(add=["Good Friday"]), "give the country"),
        (
            lambda: fk.Holidays("US", drop=["Xmas"]),
            "drop: 'Xmas' is not a holiday there; known are Christmas Day, Columbus Day",
        ),
        (lambda: fk.Holidays("US", add=["Xmas"]), "add: 'Xmas' is not a holiday there; known are"),
        (lambda: fk.Holidays("US", add=[date(2026, 1, 2)]), "is not a name; list days of your own"),
        (lambda: fk.Holidays("AU", add=["King's Birthday"]), "differs between parts of AU"),
        (lambda: fk.Holidays(dates="2026-12-25"), "expected a list of dates, got '2026-12-25'"),
        (lambda: fk.Holidays(dates=["2026-12"]), r"dates\[0\]: '2026-12' is not a day"),
        (lambda: fk.Holidays(dates=["2026-12-25T00:00Z"]), "is not a day; write a date"),
        (lambda: fk.Holidays(dates=["Christmas"]), r"dates\[0\] 'Christmas' is not a valid date"),
    ],
)
def test_what_is_no_holiday_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_a_year_without_a_listed_date_is_a_finding():
    hours = pd.date_range("2025-12-31", "2026-01-04", freq="h", tz="UTC", inclusive="left")
    frame = pd.DataFrame({"site_id": "a", "start_utc": hours, "consumption_kwh": 1.0})
    rates = [fk.Rate(0.2), fk.Rate(0.1, days="holiday")]
    tariff = fk.Tariff("x", "USD", "America/Chicago", rates, holidays=["2025-12-25"])
    found = set(fk.bill(frame, tariff)["finding"].dropna())
    assert any("holidays.unlisted: no holiday is listed in 2026" in finding for finding in found)
    both = tariff.replace(holidays=["2025-12-25", "2026-01-01"])
    for listed in (both, tariff.replace(holidays="US")):
        assert not fk.bill(frame, listed)["finding"].str.contains("unlisted").any()
    # Six hours of 31 December are too few to ask for holidays of that year.
    first = frame[frame["start_utc"] >= "2026-01-01"]
    only_2026 = tariff.replace(holidays=["2026-01-01"])
    assert not fk.bill(first, only_2026)["finding"].str.contains("unlisted").any()
