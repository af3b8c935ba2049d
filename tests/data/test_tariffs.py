"""Every tariff covers every hour once, has a source, and has the published figures."""

from datetime import datetime

import numpy as np
import pytest

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def minutes(text):
    hour, minute, second = map(int, text.split(":"))
    assert second == 0
    return 60 * hour + minute


def rates(tariff, month, weekday, minute):
    """Every rate the schedule gives at a local minute: read slowly, band by band."""
    found = []
    for season in tariff["schedule"]:
        if season["months"] != ["All"] and MONTHS[month - 1] not in season["months"]:
            continue
        for days in season["days_and_hours"]:
            kind = "Weekend" if weekday >= 5 else "Weekday"
            if not {"All", kind} & set(days["days"]):
                continue
            for band in days["hours"]:
                end = minutes(band["valid_to"]) or 1440
                assert minutes(band["valid_from"]) < end
                if minutes(band["valid_from"]) <= minute < end:
                    found += band["rate"]
    return found


def test_every_half_hour_of_the_week_has_one_rate_in_every_month(tariffs):
    for key, tariff in tariffs.items():
        for month in range(1, 13):
            for weekday in range(7):
                for minute in range(0, 1440, 30):
                    assert len(rates(tariff, month, weekday, minute)) == 1, (
                        key,
                        month,
                        weekday,
                        minute,
                    )


def test_every_tariff_says_where_it_comes_from(tariffs):
    for tariff in tariffs.values():
        source = tariff["source"]
        assert all(
            source[field]
            for field in ("publisher", "document", "effective_date", "found_in", "looked_up")
        )
        assert datetime.strptime(source["effective_date"], "%Y-%m-%d")  # noqa: DTZ007
        assert tariff["note"]
        assert tariff["figures"] in {"published", "derived", "quoted", "synthetic"}
        assert len(tariff["display_name"]) > 5


def test_contracts_cover_the_years_of_the_sample(tariffs):
    for tariff in tariffs.values():
        assert tariff["contract_start_date"] <= "2025-01-01T00:00:00Z"
        assert tariff["contract_end_date"] >= "2027-01-02T00:00:00Z"


def test_every_kind_of_tariff_is_there(tariffs, sites):
    assert list(tariffs) == sorted(tariffs)
    used = {
        site[field]
        for site in sites
        for field in ("import_tariff", "export_tariff", "grid_fee_tariff")
    } - {None}
    assert used == set(tariffs)
    flat = [
        t
        for t in tariffs.values()
        if len({r["fixed"] for r in all_rates(t)}) == 1 and not t["market_rates"]
    ]
    assert {t["direction"] for t in flat} == {"IMPORT", "EXPORT"}
    assert any(
        "Weekend" in d["days"]
        for t in tariffs.values()
        for s in t["schedule"]
        for d in s["days_and_hours"]
    )
    assert [t["key"] for t in tariffs.values() if t["market_rates"]] == ["uk-octopus-agile"]


def all_rates(tariff):
    return [
        r
        for s in tariff["schedule"]
        for d in s["days_and_hours"]
        for b in d["hours"]
        for r in b["rate"]
    ]


def test_rates_are_prices(tariffs):
    for tariff in tariffs.values():
        for rate in all_rates(tariff):
            assert rate["to_kwh"] is None
            assert rate["fixed"] is None if tariff["market_rates"] else 0.01 < rate["fixed"] < 0.8


# Typed from the published figures a second time. Weekday 0 is Monday.
PUBLISHED = [
    ("ca-pge-e-tou-c", 7, 6, 17.0, 0.62569),
    ("ca-pge-e-tou-c", 9, 0, 21.0, 0.50269),
    ("ca-pge-e-tou-c", 10, 0, 16.0, 0.50086),
    ("ca-pge-e-tou-c", 5, 0, 15.5, 0.47086),
    ("ca-pge-ev2-a", 6, 2, 15.0, 0.51228),
    ("ca-pge-ev2-a", 6, 2, 14.5, 0.31026),
    ("ca-pge-ev2-a", 1, 5, 20.5, 0.49566),
    ("ca-pge-ev2-a", 1, 5, 23.5, 0.47896),
    ("ca-pge-e-elec", 8, 0, 16.0, 0.61418),
    ("ca-pge-e-elec", 8, 0, 22.0, 0.45230),
    ("ca-pge-e-elec", 2, 0, 3.0, 0.34671),
    ("ca-pge-nsc", 1, 0, 12.0, 0.03396),
    ("ca-pge-nsc", 12, 0, 12.0, 0.03145),
    ("ca-sce-tou-d-prime", 7, 4, 18.0, 0.27693 + 0.28317 + 0.00198 + 0.00160),
    ("ca-sce-tou-d-prime", 7, 5, 18.0, 0.27693 + 0.10077 + 0.00198 + 0.00160),
    ("ca-sce-tou-d-prime", 7, 5, 21.0, 0.19236 + 0.06728 + 0.00198 + 0.00160),
    ("ca-sce-tou-d-prime", 12, 5, 18.0, 0.28223 + 0.24759 + 0.00198 + 0.00160),
    ("ca-sce-tou-d-prime", 12, 0, 9.0, 0.18446 + 0.05686 + 0.00198 + 0.00160),
    ("ca-sdge-ev-tou-5", 10, 0, 16.0, 0.73092),
    ("ca-sdge-ev-tou-5", 10, 6, 13.5, 0.12017),
    ("ca-sdge-ev-tou-5", 3, 0, 11.0, 0.11381),
    ("ca-sdge-ev-tou-5", 5, 0, 11.0, 0.44879),
    ("ca-sdge-ev-tou-5", 2, 3, 20.0, 0.49758),
    ("uk-ofgem-cap-2025-q3", 1, 0, 0.0, 0.2573),
    ("uk-octopus-go", 1, 0, 0.0, 0.301),
    ("uk-octopus-go", 1, 6, 0.5, 0.085),
    ("uk-octopus-go", 1, 6, 5.5, 0.301),
    ("uk-octopus-outgoing", 6, 0, 12.0, 0.15),
    ("be-engie-easy-fixed-single", 6, 0, 12.0, 0.18938),
    ("be-engie-easy-fixed-day-night", 6, 0, 7.0, 0.20197),
    ("be-engie-easy-fixed-day-night", 6, 0, 22.0, 0.17176),
    ("be-engie-easy-fixed-day-night", 6, 5, 12.0, 0.17176),
    ("be-engie-easy-fixed-injection", 6, 0, 12.0, 0.03217),
    # The levies as the supplier prints them, with VAT; the grid as the regulator does, without.
    ("be-fluvius-antwerpen-2025", 1, 0, 0.0, 0.0565101 * 1.06 + 0.0503288 + 0.0020417 + 0.01582),
    ("be-fluvius-west-2025", 1, 0, 0.0, 0.0704386 * 1.06 + 0.0503288 + 0.0020417 + 0.01582),
]


@pytest.mark.parametrize(("key", "month", "weekday", "hour", "price"), PUBLISHED)
def test_published_prices(tariffs, key, month, weekday, hour, price):
    assert rates(tariffs[key], month, weekday, int(60 * hour))[0]["fixed"] == pytest.approx(
        price, abs=6e-8
    )


@pytest.mark.parametrize("schedule", ["e-tou-c", "ev2-a"])
def test_nem_credits_are_retail_less_the_non_bypassable_charges(tariffs, schedule):
    retail, credit = tariffs[f"ca-pge-{schedule}"], tariffs[f"ca-pge-{schedule}-nem2"]
    for month in (1, 7):
        for minute in range(0, 1440, 30):
            less = (
                rates(retail, month, 0, minute)[0]["fixed"]
                - rates(credit, month, 0, minute)[0]["fixed"]
            )
            assert less == pytest.approx(0.03143, abs=1e-9)


def test_the_market_series_has_no_gaps(market):
    assert market.local[0].isoformat() == "2025-01-01T00:00:00+00:00"
    assert market.rows[-1]["end_utc"] == "2026-02-01T00:00:00Z"
    assert (market.end - market.start == 1800).all()
    assert (market.start[1:] == market.end[:-1]).all()
    assert len(market.start) == (365 + 31) * 48
    days = [moment.date().isoformat() for moment in market.local]
    assert (days.count("2025-03-30"), days.count("2025-10-26")) == (46, 50)


def test_market_prices_follow_the_formula(market):
    """Inverted, the formula must give wholesale prices with two decimals of a penny."""
    hour = np.array([moment.hour for moment in market.local])
    peak = (hour >= 16) & (hour < 19)
    wholesale = (100 * market.price / 1.05 - 12 * peak) / 2.0
    assert np.abs(wholesale - np.round(wholesale, 2)).max() < 3e-4
    assert market.price.max() <= 1.0
    assert all(len(row["price_per_kwh"].split(".")[1]) == 5 for row in market.rows)


def test_market_prices_resemble_the_published_statistics(market):
    hour, pence = np.array([moment.hour for moment in market.local]), 100 * market.price
    peak = (hour >= 16) & (hour < 19)
    assert pence.mean() == pytest.approx(20.0, abs=1.0)
    assert pence[peak].mean() == pytest.approx(34.8, abs=1.5)
    assert pence[~peak].mean() == pytest.approx(17.9, abs=1.0)
    assert -20 < pence.min() < -5
    assert 60 < pence.max() < 100
    assert 0.01 < (pence < 0).mean() < 0.04
