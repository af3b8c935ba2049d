"""Bad input of each kind through the public API: a typed error or a finding."""

from datetime import UTC, datetime, timedelta

import httpx
import pandas as pd
import polars as pl
import pytest
from support.kits import home, kit_over, scripted

import flipkit as fk
from flipkit.frames import take

MAKE = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
GBP = {"currency": "GBP", "timezone": "Europe/London"}
FLAT_TARIFF = fk.Tariff.flat(0.25, **GBP)
FLAT = fk.Scenario("flat", tariff=FLAT_TARIFF)
BEGIN = datetime(2025, 6, 1, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
DAY = {"start": BEGIN, "end": BEGIN + timedelta(days=1)}


@pytest.fixture
def kit(frames_library):
    """An emulator of one home, for this test alone."""
    with kit_over(frames=frames_library) as opened:
        home(opened)
        yield opened


@pytest.fixture
def place(kit):
    return take(kit.flatpeak.locations(), texts=["location_id"])["location_id"][0]


@pytest.fixture
def records(kit, place):
    """``records(column=values, ...)``: five records of 1 to 5 kWh with these columns replaced."""

    def make(**columns):
        good = {
            "location_id": [place] * 5,
            "units": ["KWH"] * 5,
            "value": [1.0, 2.0, 3.0, 4.0, 5.0],
            "start_utc": [BEGIN + n * HALF_HOUR for n in range(5)],
            "end_utc": [BEGIN + (n + 1) * HALF_HOUR for n in range(5)],
        }
        kept = {name: values for name, values in (good | columns).items() if values is not None}
        return MAKE[kit.frames](kept)

    return make


@pytest.fixture
def energy(kit):
    """``energy(column=values, ...)``: half-hours of one site, as `simulate` takes them."""

    def make(**columns):
        good = {"site_id": ["home"] * 3, "start_utc": [BEGIN + n * HALF_HOUR for n in range(3)]}
        good["consumption_kwh"] = [1.0, 2.0, 3.0]
        return MAKE[kit.frames](
            {name: values for name, values in (good | columns).items() if values is not None}
        )

    return make


def prices(kit, intervals, *directions):
    """A price frame of site home."""
    starts = [BEGIN + n * HALF_HOUR for _ in directions or ("IMPORT",) for n in range(intervals)]
    columns = {"start_utc": starts, "end_utc": [start + HALF_HOUR for start in starts]}
    columns["tariff_direction"] = [
        way for way in directions or ("IMPORT",) for _ in range(intervals)
    ]
    columns |= {"site_id": ["home"] * len(starts), "currency": ["GBP"] * len(starts)}
    columns["timezone"] = ["Europe/London"] * len(starts)
    return MAKE[kit.frames](columns | {"price_per_kwh": [0.2] * len(starts)})


def profile(intervals):
    return [{"start_utc": BEGIN + n * HALF_HOUR, "kwh": 1.0} for n in range(intervals)]


def ev(arrive, leave, kwh):
    """A car at site home, half-hours from the begin."""
    stay = {"arrive_utc": BEGIN + arrive * HALF_HOUR, "leave_utc": BEGIN + leave * HALF_HOUR}
    return fk.EvCharging([stay | {"energy_kwh": kwh, "max_power_kw": 7.0}])


def home_with(**changes):
    return fk.Scenario("home", tariff=FLAT.tariff, **changes)


EUROS = fk.Scenario("euros", tariff=fk.Tariff.flat(0.2, currency="EUR", timezone="Europe/Brussels"))
NAIVE = [(BEGIN + n * HALF_HOUR).replace(tzinfo=None) for n in range(5)]

# What is wrong with row 2 of five records, and the words that name it.
BAD_RECORDS = {
    "a naive timestamp": (
        "start_utc",
        "2025-06-01T01:00:00",
        "start_utc: 2025-06-01T01:00:00 has no zone",
    ),
    "an unknown unit": ("units", "MWH", "units is 'MWH'; use one of"),
    "a negative value": ("value", -3.0, "value is negative"),
    "a missing value": ("value", None, "value is missing"),
    "a value that is not a number": ("value", float("inf"), "value"),
    "an end before its start": ("end_utc", BEGIN - HALF_HOUR, "end_utc"),
    "an id that climbs": ("location_id", "../x", "'../x'"),
    "an unknown direction": (
        "tariff_direction",
        "SIDEWAYS",
        "tariff_direction is 'SIDEWAYS'; use one of",
    ),
    "a confidence above 1": ("confidence", 1.5, "confidence"),
}


@pytest.mark.parametrize("kind", BAD_RECORDS)
def test_one_bad_record_is_named_and_the_others_arrive(kit, place, records, kind):
    column, bad, words = BAD_RECORDS[kind]
    values = take(
        records(), times=["start_utc", "end_utc"], texts=["location_id", "units"], numbers=["value"]
    )
    column_values = values[column].tolist() if column in values else [None] * 5
    if column.endswith(
        "_utc"
    ):  # a column of times cannot hold a naive one among others, but text can
        column_values = [value.strftime("%Y-%m-%dT%H:%M:%SZ") for value in column_values]
        bad = bad if isinstance(bad, str) else bad.strftime("%Y-%m-%dT%H:%M:%SZ")
    column_values[2] = bad
    submission = kit.flatpeak.submit_interval(records(**{column: column_values}))
    failed = take(submission.failed, numbers=["row"], texts=["error"])
    assert (submission.submitted, submission.accepted) == (5, 4)
    assert failed["row"].tolist() == [2]
    assert words in failed["error"][0]
    stored = take(kit.flatpeak.cost_by_interval(place, **DAY), numbers=["energy_kwh"])["energy_kwh"]
    assert stored.tolist() == [1.0, 2.0, 4.0, 5.0]


# What is wrong as a whole: the call, the error, and the words that name it.
MISTAKES = {
    "naive times of records": (
        lambda kit, records, energy: kit.flatpeak.submit_interval(records(start_utc=NAIVE)),
        fk.NaiveTimestampError,
        "column start_utc has times without a zone",
    ),
    "naive times of energy": (
        lambda kit, records, energy: fk.simulate(energy(start_utc=NAIVE[:3]), [FLAT]),
        fk.NaiveTimestampError,
        "column start_utc has times without a zone",
    ),
    "a naive start": (
        lambda kit, records, energy: kit.flatpeak.prices(
            "loc_1", "2025-06-01T00:00:00", "2025-06-02T00:00:00Z"
        ),
        fk.NaiveTimestampError,
        "start: 2025-06-01T00:00:00 has no zone",
    ),
    "a naive start of a report": (
        lambda kit, records, energy: fk.cost_report(
            kit, "2025-06-01T00:00:00", "2025-06-02T00:00:00Z"
        ),
        fk.NaiveTimestampError,
        "2025-06-01T00:00:00 has no zone",
    ),
    "a naive install date": (
        lambda kit, records, energy: kit.flip.commission(
            {"id": "s"},
            [
                {
                    "id": "d",
                    "type": "SOLAR",
                    "technology_provider_identifier": "X",
                    "install_date": "2025-06-01T00:00:00",
                }
            ],
        ),
        fk.NaiveTimestampError,
        r"devices\[0\].install_date.*has no zone",
    ),
    "a negative consumption": (
        lambda kit, records, energy: fk.simulate(energy(consumption_kwh=[1.0, -2.0, 3.0]), [FLAT]),
        fk.InputError,
        "site home, 2025-06-01T00:30:00Z: consumption_kwh is missing, negative",
    ),
    "a missing consumption": (
        lambda kit, records, energy: fk.simulate(energy(consumption_kwh=[1.0, None, 3.0]), [FLAT]),
        fk.InputError,
        "site home, 2025-06-01T00:30:00Z: consumption_kwh is missing",
    ),
    "an end before its start": (
        lambda kit, records, energy: kit.flatpeak.cost_by_interval(
            "loc_1", DAY["end"], DAY["start"]
        ),
        fk.InputError,
        "the end must be after the start",
    ),
    "an end month before the start": (
        lambda kit, records, energy: fk.lost_value_report(kit, "2025-06", "2025-05"),
        fk.InputError,
        "is empty; the end must be after the start",
    ),
    "an id that climbs": (
        lambda kit, records, energy: kit.flatpeak.location("../customers"),
        fk.InputError,
        "id '../customers' is not valid; '.', '..' and control characters",
    ),
    "an id among many that climbs": (
        lambda kit, records, energy: kit.flatpeak.cost_by_interval(["loc_1", "a/../b"], **DAY),
        fk.InputError,
        "id 'a/../b'",
    ),
    "an id of a session that climbs": (
        lambda kit, records, energy: kit.flatpeak.cost_by_session(".."),
        fk.InputError,
        "id '..'",
    ),
    "month 2025-13 of a site": (
        lambda kit, records, energy: kit.flip.equipment_performance("2025-13"),
        fk.InputError,
        "month '2025-13' is not a valid month",
    ),
    "month 2025-13 of a report": (
        lambda kit, records, energy: fk.performance_report(kit, "2025-13", "2025-14"),
        fk.InputError,
        "'2025-13'",
    ),
    "month 2025-13 of costs": (
        lambda kit, records, energy: fk.cost_report(kit, "2025-01", "2025-13"),
        fk.InputError,
        "'2025-13'",
    ),
    "records without a needed column": (
        lambda kit, records, energy: kit.flatpeak.submit_interval(records(units=None)),
        fk.MissingColumnError,
        "missing units; the columns are: location_id, value",
    ),
    "energy without a needed column": (
        lambda kit, records, energy: fk.simulate(energy(consumption_kwh=None), [FLAT]),
        fk.MissingColumnError,
        "energy: missing consumption_kwh; the columns are: site_id, start_utc",
    ),
    "prices without a needed column": (
        lambda kit, records, energy: fk.Tariff.from_prices(energy(), **GBP),
        fk.MissingColumnError,
        "missing end_utc, price_per_kwh",
    ),
    "energy without a row": (
        lambda kit, records, energy: fk.simulate(
            energy(site_id=[], start_utc=[], consumption_kwh=[]), [FLAT]
        ),
        fk.InputError,
        "energy: no rows",
    ),
    "a bad record that is to be priced": (
        lambda kit, records, energy: kit.flatpeak.simulate_costs(
            records(value=[1.0, 2.0, -3.0, 4.0, 5.0])
        ),
        fk.InputError,
        "nothing was sent, because 1 of 5 records are not valid: row 2: value",
    ),
    "a generation without end": (
        lambda kit, records, energy: fk.simulate(
            energy(generation_kwh=[0.0, float("-inf"), 0.0]), [FLAT]
        ),
        fk.InputError,
        "site home, 2025-06-01T00:30:00Z: generation_kwh is missing or infinite",
    ),
    "negative consumption that negative generation would hide": (
        lambda kit, records, energy: fk.bill(
            energy(consumption_kwh=[1.0, -1.0, 1.0], generation_kwh=[0.0, -2.0, 0.0]), FLAT_TARIFF
        ),
        fk.InputError,
        "site home, 2025-06-01T00:30:00Z: consumption_kwh is missing, negative",
    ),
    "energy of another currency than the tariff": (
        lambda kit, records, energy: fk.bill(energy(currency=["EUR"] * 3), FLAT_TARIFF),
        fk.InputError,
        "energy, site home: currency is 'EUR', but that of tariff 'Flat rate' is 'GBP'; give each site",
    ),
    "energy of another time zone than the tariff": (
        lambda kit, records, energy: fk.bill_matrix(energy(timezone=["UTC"] * 3), [FLAT_TARIFF]),
        fk.InputError,
        "energy, site home: timezone is 'UTC', but that of tariff 'Flat rate' is 'Europe/London'",
    ),
    "a site in two time zones": (
        lambda kit, records, energy: fk.bill(energy(timezone=["UTC", "UTC", "CET"]), FLAT_TARIFF),
        fk.InputError,
        "energy, site home: timezone is 'UTC' and 'CET'; a site has one timezone",
    ),
    "a battery with power and no capacity": (
        lambda kit, records, energy: fk.Battery(0, 5),
        fk.InputError,
        "battery: power_kw 5 without capacity: capacity_kwh is 0; give both or neither",
    ),
    "an efficiency above one": (
        lambda kit, records, energy: fk.Battery(5, 5, charge_efficiency=1.01),
        fk.InputError,
        "battery: charge_efficiency 1.01 must be above 0 and at most 1",
    ),
    "an efficiency of nothing": (
        lambda kit, records, energy: fk.Battery(5, 5, discharge_efficiency=0),
        fk.InputError,
        "battery: discharge_efficiency 0 must be above 0",
    ),
    "a session of less than nothing": (
        lambda kit, records, energy: ev(0, 2, -4.0),
        fk.InputError,
        "ev: sessions, row 0: energy_kwh must be a number of 0 or more",
    ),
    "panels like those that are not there": (
        lambda kit, records, energy: fk.simulate(
            energy(), [home_with(solar=fk.Solar.like_existing(2, 4))]
        ),
        fk.InputError,
        "site home.*: solar: like_existing scales the site's generation, but the site has none",
    ),
    "a scenario name twice": (
        lambda kit, records, energy: fk.simulate(energy(), [FLAT, fk.Scenario("other"), FLAT]),
        fk.InputError,
        "the name flat is used more than once",
    ),
    "a site without an import price": (
        lambda kit, records, energy: fk.simulate(
            energy(site_id=["elsewhere"] * 3), [fk.Scenario("today")], prices=kit
        ),
        fk.InputError,
        "site elsewhere, scenario 'today': no import price; give the scenario a tariff",
    ),
    "two currencies in one bill": (
        lambda kit, records, energy: fk.simulate(
            energy(), [fk.Scenario("today"), EUROS], prices=kit
        ),
        fk.InputError,
        "site home, scenario 'euros': tariffs in EUR, GBP",
    ),
    "prices that end before the energy": (
        lambda kit, records, energy: fk.simulate(
            energy(), [fk.Scenario("today")], prices=prices(kit, 2)
        ),
        fk.InputError,
        "scenario 'today', site home: .*first uncovered: 2025-06-01T01:00:00Z",
    ),
    "a profile that ends before the energy": (
        lambda kit, records, energy: fk.simulate(
            energy(), [home_with(load=fk.Load(add=profile(2)))]
        ),
        fk.InputError,
        "scenario .*, site home: .*first uncovered: 2025-06-01T01:00:00Z",
    ),
    "one scenario that is not a list": (
        lambda kit, records, energy: fk.simulate(energy(), FLAT),
        fk.InputError,
        r"scenarios: expected a list of Scenario, got a single one; write \[scenario\]",
    ),
    "an invalid count": (
        lambda kit, records, energy: fk.simulate(energy(), [FLAT], prices=kit, verify=-1),
        fk.InputError,
        "verify=-1: give a number of intervals",
    ),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_is_a_typed_error_that_names_it_and_nothing_is_stored(kit, records, energy, kind):
    call, error, words = MISTAKES[kind]
    before = kit.emulator.store.digest()
    with pytest.raises(error, match=words):
        call(kit, records, energy)
    assert kit.emulator.store.digest() == before


# What cannot be done in full: the scenario, the kWh that the home then takes beside its 6, the
# words of the finding.
DOUBTFUL = {
    "a car that leaves before it arrives": (
        home_with(ev=ev(2, 0, 4.0)),
        0.0,
        "ev.backwards: session 2025-06-01T01:00:00Z leaves at 2025-06-01T00:00:00Z, not after it arrives",
    ),
    "a car that needs more than it can take": (
        home_with(ev=ev(0, 2, 40.0)),
        7.0,
        "ev.unserved: session 2025-06-01T00:00:00Z gets 7 of 40 kWh, as it stays 1 h at no more than 7 kW",
    ),
    "a car that is there at another time": (home_with(ev=ev(100, 104, 4.0)), 0.0, "ev.outside"),
}


@pytest.mark.parametrize("kind", DOUBTFUL)
def test_what_cannot_be_done_in_full_is_done_as_far_as_it_goes_with_a_finding(energy, kind):
    scenario, taken, words = DOUBTFUL[kind]
    rows = take(
        fk.simulate(energy(), [FLAT, scenario]).summary(),
        texts=["site_id", "scenario", "finding"],
        numbers=["import_kwh"],
    )
    assert rows["import_kwh"].tolist() == [6.0, 6.0 + taken]
    assert (rows["site_id"][1], rows["scenario"][1], rows["finding"][0]) == ("home", "home", None)
    assert words in rows["finding"][1]


@pytest.mark.parametrize("prices_say", [("IMPORT",), ("IMPORT", "EXPORT")])
def test_exports_without_a_price_are_worth_nothing_and_a_finding_says_so(kit, energy, prices_say):
    result = fk.simulate(
        energy(generation_kwh=[0.0, 9.0, 0.0]),
        [fk.Scenario("today")],
        prices=prices(kit, 3, *prices_say),
    )
    rows = take(
        result.summary(), texts=["site_id", "scenario", "finding"], numbers=["cost", "export_kwh"]
    )
    paid = 0.2 * (1.0 + 3.0) - (0.2 * 7.0 if "EXPORT" in prices_say else 0.0)
    assert (rows["cost"].tolist(), rows["export_kwh"].tolist()) == ([pytest.approx(paid)], [7.0])
    words = "simulate.no_export_price: 7 kWh exported, counted as worth nothing"
    assert rows["finding"].tolist() == [None if "EXPORT" in prices_say else words]


def test_a_fleet_record_without_its_id_is_reported_and_the_others_arrive(kit):
    frame = MAKE[kit.frames]({"external_id": ["a", None, "c"], "customer_name": ["A", "B", "C"]})
    rows = take(kit.flip.push_fleet_data(frame), texts=["external_id", "status", "error"])
    assert rows["status"].tolist() == ["SUCCESS", "FAILED", "SUCCESS"]
    assert "external_id is missing" in rows["error"][1]


def test_an_expected_value_for_an_invalid_month_is_reported(kit):
    frame = MAKE[kit.frames](
        {
            "external_id": ["a", "b"],
            "month": ["2025-13", "2025-12"],
            "expected_production_kwh": [1.0, 2.0],
        }
    )
    rows = take(kit.flip.push_fleet_data(frame), texts=["status", "error"])
    assert rows["status"].tolist() == ["FAILED", "SUCCESS"]
    assert "2025-13" in rows["error"][0]


def test_frames_without_rows_are_answered_with_frames_without_rows(kit, records, tmp_path):
    empty = {"location_id": [], "units": [], "value": [], "start_utc": [], "end_utc": []}
    submission = kit.flatpeak.submit_interval(records(**empty))
    assert (submission.submitted, submission.accepted, len(submission.failed)) == (0, 0, 0)
    assert len(kit.flatpeak.simulate_costs(records(**empty))) == 0
    assert len(kit.flip.push_fleet_data(MAKE[kit.frames]({"external_id": []}))) == 0
    path = fk.write_csv(kit.flatpeak.simulate_costs(records(**empty)), tmp_path / "none.csv")
    assert ",cost," in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").count("\n") == 1


def test_reports_of_an_empty_fleet_have_their_columns(frames_library, tmp_path):
    with kit_over(frames=frames_library) as kit:
        for number, report in enumerate(
            (fk.performance_report, fk.cost_report, fk.lost_value_report)
        ):
            frame = report(kit, "2025-01", "2025-02")
            assert len(frame) == 0
            header = fk.write_csv(frame, tmp_path / f"{number}.csv").read_text(encoding="utf-8")
            assert header.count("\n") == 1
            assert header.startswith("site_id,")


# Methods that read, for invalid answers.
READS = {
    "sites": lambda kit: kit.flip.sites(),
    "equipment performance": lambda kit: kit.flip.equipment_performance("2025-06"),
    "devices": lambda kit: kit.flatpeak.devices(),
    "locations": lambda kit: kit.flatpeak.locations(),
    "a location": lambda kit: kit.flatpeak.location("loc_1"),
    "tariffs": lambda kit: kit.flatpeak.tariffs("loc_1"),
    "prices": lambda kit: kit.flatpeak.prices("loc_1", **DAY),
    "costs": lambda kit: kit.flatpeak.cost_by_interval("loc_1", **DAY),
    "costs of a session": lambda kit: kit.flatpeak.cost_by_session("s"),
    "a batch": lambda kit: kit.flatpeak.batch("b"),
    "the cost report": lambda kit: fk.cost_report(kit, "2025-01", "2025-02"),
    "the performance report": lambda kit: fk.performance_report(kit, "2025-01", "2025-02"),
    "the lost value report": lambda kit: fk.lost_value_report(kit, "2025-01", "2025-02"),
}
PAGES = {
    "a page of HTML": httpx.Response(200, html="<html>Please sign in</html>"),
    "half a body": httpx.Response(
        200, headers={"content-type": "application/json"}, content=b'{"data": [{"id": "x'
    ),
    "no body": httpx.Response(200, content=b""),
    "another shape": httpx.Response(200, json=[[1, 2], "three"]),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("verb", READS)
def test_an_invalid_answer_is_a_typed_error_that_names_the_request(frames_library, verb, page):
    answer = PAGES[page]

    def copied(_request):
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    with pytest.raises(fk.UnexpectedAnswer, match=r"\[(GET|POST) /\S+ \(\d attempts?\)\]"):
        READS[verb](scripted(copied, frames=frames_library))


# Functions of several requests, for a service that cannot be reached.
REPORTS = {
    "the cost report": lambda kit, energy: fk.cost_report(kit, "2025-06"),
    "the performance report": lambda kit, energy: fk.performance_report(kit, "2025-06"),
    "the lost value report": lambda kit, energy: fk.lost_value_report(kit, "2025-06"),
    "the energy of sites": lambda kit, energy: fk.site_energy(kit, "2025-06"),
    "a simulation": lambda kit, energy: fk.simulate(energy, [fk.Scenario("today")], prices=kit),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_service_that_cannot_be_reached_is_an_error(frames_library, energy, name):
    def refuse(_request):
        raise httpx.ConnectError("refused")

    with pytest.raises(fk.ConnectionFailed, match=r"\[(GET|POST) /\S+ \(\d attempts?\)\]"):
        REPORTS[name](scripted(refuse, frames=frames_library), energy())


@pytest.mark.parametrize("page", ["a page of HTML", "half a body", "another shape"])
def test_records_with_an_invalid_answer_are_all_reported(records, page, frames_library):
    answer = PAGES[page]
    kit = scripted(
        lambda _: httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.content
        ),
        frames=frames_library,
    )
    submission = kit.flatpeak.submit_interval(records())
    failed = take(submission.failed, numbers=["row"], texts=["error"])
    assert (submission.accepted, failed["row"].tolist()) == (0, [0, 1, 2, 3, 4])
    assert "PUT /meters/interval" in failed["error"][0]


def test_unknown_values_pass_through(frames_library):
    kit = scripted(lambda _: [{"id": "s", "status": "HIBERNATING"}], frames=frames_library)
    assert take(kit.flip.sites(), texts=["status"])["status"].tolist() == ["HIBERNATING"]

    tariff = {
        "id": "trf_1",
        "location_id": "loc_1",
        "direction": "SIDEWAYS",
        "type": "BARTER",
        "display_name": "x",
    }
    tariff |= {"contract_start_date": "2025-01-01", "contract_end_date": "2026-01-01"}
    tariff |= {"market_rates": False, "status": "DREAMING", "new_field": {"of": ["any", "kind"]}}
    kit = scripted(
        lambda _: {"object": "list", "has_more": False, "data": [tariff]}, frames=frames_library
    )
    found = take(kit.flatpeak.tariffs("loc_1"), texts=["tariff_direction", "tariff_type", "status"])
    assert [value.tolist() for value in found.values()] == [["SIDEWAYS"], ["BARTER"], ["DREAMING"]]


COST = {"start_time": "2025-06-01T00:00:00Z", "end_time": "2025-06-01T00:30:00Z"}
COST |= {"energy": {"value": 1000}, "cost": {"value": 0.25, "confidence": 1}}
PRICE = {
    "valid_from": COST["start_time"],
    "valid_to": COST["end_time"],
    "price": {"value": 0.25, "confidence": 1},
}
NULLS = {
    "a cost": (
        lambda kit: kit.flatpeak.cost_by_interval("loc_1", **DAY),
        COST | {"cost": {"value": None, "confidence": 1}},
        r"\$\.data\[1\]\.cost\.value",
    ),
    "an energy": (
        lambda kit: kit.flatpeak.cost_by_interval("loc_1", **DAY),
        COST | {"energy": {"value": None}},
        r"\$\.data\[1\]\.energy\.value",
    ),
    "a confidence": (
        lambda kit: kit.flatpeak.cost_by_interval("loc_1", **DAY),
        COST | {"cost": {"value": 1, "confidence": None}},
        r"\$\.data\[1\]\.cost\.confidence",
    ),
    "a price": (
        lambda kit: kit.flatpeak.prices("loc_1", **DAY),
        PRICE | {"price": {"value": None, "confidence": 1}},
        r"\$\.data\[1\]\.price\.value",
    ),
}


@pytest.mark.parametrize("kind", NULLS)
def test_a_null_where_a_number_should_be_is_named_by_row_and_field(frames_library, kind):
    call, row, words = NULLS[kind]
    good = PRICE if kind == "a price" else COST
    answer = {
        "account_id": "acc_1",
        "currency_code": "GBP",
        "energy_units": "WH",
        "data": [good, row],
    }
    with pytest.raises(fk.UnexpectedAnswer, match=words):
        call(scripted(lambda _: answer, frames=frames_library))


def test_a_null_production_is_a_finding_and_the_site_stays(frames_library):
    def answer(request):
        if request.url.path.endswith("/sites"):
            return [{"id": "a"}, {"id": "b"}]
        month = request.url.params["month"]
        return [
            {
                "site_id": "a",
                "month": month,
                "actual_production_kwh": None,
                "expected_production_kwh": 9.0,
            },
            {
                "site_id": "b",
                "month": month,
                "actual_production_kwh": 4.0,
                "expected_production_kwh": None,
            },
        ]

    report = fk.performance_report(scripted(answer, frames=frames_library), "2025-06", "2025-06")
    rows = take(report, texts=["site_id", "finding"], numbers=["lost_kwh"])
    assert rows["site_id"].tolist() == ["a", "b"]
    assert [finding.partition(":")[0] for finding in rows["finding"]] == [
        "performance.no_data",
        "performance.no_expected_value",
    ]
