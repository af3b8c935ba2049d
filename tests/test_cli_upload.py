"""``flipkit upload``: records and registers of a file are stored, failed ones are returned."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kits import reach

import flipkit as fk
from flipkit.emulator import start
from flipkit.frames import take

START = datetime(2025, 6, 1, tzinfo=UTC)


def records(*values, location="loc_1", **more):
    times = [
        (START + timedelta(minutes=30 * n)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for n in range(len(values) + 1)
    ]
    rows = [
        {
            "location_id": location,
            "units": "WH",
            "value": value,
            "start_utc": first,
            "end_utc": last,
            **more,
        }
        for value, first, last in zip(values, times, times[1:], strict=False)
    ]
    return pl.DataFrame(rows, strict=False)


def location(flatpeak):
    name = flatpeak.create_location("home", city="London", country_code="GB", post_code="SW1A 1AA")
    flatpeak.create_tariff(name, fk.Tariff.flat(0.25, currency="GBP", timezone="Europe/London"))
    return name


@pytest.fixture
def file_emulator(cwd, monkeypatch):
    """An emulator with a file and one location; ``start()`` starts it again after a stop."""

    class Kept:
        def start(self):
            self.emulator = start(path=cwd / "store.db", sample=False)
            reach(self.emulator, monkeypatch)
            self.kit = fk.connect(frames="polars")
            return self

        def stop(self):
            self.kit.close()
            self.emulator.stop()

        def energy(self, direction="IMPORT"):
            frame = self.kit.flatpeak.cost_by_interval(
                self.location, START, START + timedelta(days=1), tariff_direction=direction
            )
            return (take(frame, numbers=["energy_kwh"])["energy_kwh"] * 1000).round(6).tolist()

    file_emulator = Kept().start()
    file_emulator.location = location(file_emulator.kit.flatpeak)
    yield file_emulator
    file_emulator.stop()


def test_records_are_uploaded_and_kept_through_a_restart(run, file_emulator):
    records(100, 200.5, 300, location=file_emulator.location).write_csv("r.csv")
    code, output, errors = run("upload", "r.csv")
    assert (code, errors) == (0, "")
    assert output == "3 records: 3 accepted in 1 batch, 0 failed\n"
    assert file_emulator.energy() == [100, 201, 300]  # whole watt-hours, half up
    file_emulator.stop()
    file_emulator.start()
    assert file_emulator.energy() == [100, 201, 300]
    assert not Path("r.failed.csv").exists()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_registers_are_uploaded_as_differences(run, file_emulator, ending):
    frame = (
        records(1000, 1100, 1300, location=file_emulator.location)
        .rename({"start_utc": "time_utc"})
        .drop("end_utc")
    )
    frame.write_csv("r.csv") if ending == "csv" else frame.write_parquet("r.parquet")
    code, output, errors = run("upload", f"r.{ending}", "--cumulative")
    assert (code, errors) == (0, "")
    assert "3 records: 3 accepted" in output
    assert file_emulator.energy() == [100, 200]


@pytest.mark.parametrize("shape", ["interval", "cumulative"])
def test_failed_records_are_returned_unchanged_and_can_be_corrected(run, file_emulator, cwd, shape):
    frame = records(
        0, 1, 3, 6, 10, location=file_emulator.location, note="=1+1", record_reference_id="00012"
    )
    wrong = frame.with_columns(pl.Series("value", ["0", "1", "three", "", "10"]))
    if shape == "cumulative":
        wrong = wrong.rename({"start_utc": "time_utc"}).drop("end_utc")
    wrong.write_csv("r.csv")
    words = ["--cumulative"] if shape == "cumulative" else []
    code, output, errors = run("upload", "r.csv", *words)
    assert (code, errors) == (3, "")
    assert "5 records: 3 accepted in 1 batch, 2 failed" in output
    assert "correct these records and upload them again: r.failed.csv" in output
    left = pl.read_csv("r.failed.csv", infer_schema=False)
    assert left.columns == ["row", "error", *wrong.columns]
    assert left["row"].to_list() == ["2", "3"]
    assert left["value"].to_list() == ["three", None]
    assert left["record_reference_id"].to_list() == ["00012"] * 2
    assert left["note"].to_list() == ["'=1+1"] * 2  # harmless in a spreadsheet
    assert "'three' is not a number" in left["error"][0]

    left.with_columns(pl.Series("value", ["3", "6"])).write_csv("r.failed.csv")
    code, output, _ = run("upload", "r.failed.csv", *words, "--failed", "still.csv")
    assert (code, "2 records: 2 accepted" in output) == (0, True)
    if shape == "interval":
        assert file_emulator.energy() == [0, 1, 3, 6, 10]


def test_an_emulator_without_a_file_says_that_records_are_lost(run):
    records(1).write_csv("r.csv")
    code, output, errors = run("upload", "r.csv")
    assert code == 3
    assert "forgets the records when the command ends" in errors
    assert "there is no 'loc_1'" in output


def test_records_missing_from_the_answer_are_not_accepted(run, served, monkeypatch):
    def short(self, frame):
        return fk.flatpeak.Submission(
            2, 1, 1, ("b",), frame.clear().select(row=1, error=pl.lit("")).clear()
        )

    monkeypatch.setattr("flipkit.flatpeak.Flatpeak.submit_interval", short)
    records(1, 2).write_csv("r.csv")
    assert run("upload", "r.csv")[0] == 3


def test_ctrl_c_during_an_upload_says_that_it_can_be_repeated(run, served, cwd, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("flipkit.flatpeak.Flatpeak.submit_interval", stopped)
    records(1).write_csv("r.csv")
    code, _, errors = run("upload", "r.csv")
    assert code == 130
    assert "it is safe to upload the whole file again" in errors


SPOILED_CELLS = st.sampled_from(["", "-1", "1e400", "nan", "x", "=1+1", "2025-06-01", "\x00", "é"])


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["interval", "cumulative"])
def test_a_file_with_one_spoiled_value_is_uploaded_or_named(run, file_emulator, shape):
    good = records(100, 200, 300, location=file_emulator.location).cast(pl.String)
    words = []
    if shape == "cumulative":
        good = good.rename({"start_utc": "time_utc"}).drop("end_utc")
        words = ["--cumulative"]
    codes = []

    @settings(max_examples=15, deadline=None)
    @given(
        is_spoiled=st.booleans(),
        row=st.integers(0, 2),
        column=st.sampled_from(good.columns),
        cell=SPOILED_CELLS,
    )
    def upload(is_spoiled, row, column, cell):
        frame = good
        if is_spoiled:
            is_here = pl.int_range(pl.len()) == row
            frame = good.with_columns(
                pl.when(is_here).then(pl.lit(cell)).otherwise(column).alias(column)
            )
        frame.write_csv("near.csv")
        code, output, errors = run("upload", "near.csv", *words)
        codes.append(code)
        assert code in {0, 1, 3}
        assert is_spoiled or code == 0
        assert (code == 1) == (errors != "")
        assert "Traceback" not in output + errors

    upload()
    assert codes.count(0) >= len(codes) / 5
    assert codes.count(0) < len(codes)
