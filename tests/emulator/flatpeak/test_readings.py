"""The store of meter records, compared with a dict that receives the same."""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from flipkit.emulator import Store
from flipkit.emulator.flatpeak import readings
from flipkit.emulator.flatpeak.readings import Readings, Series

HOUR = 3_600_000_000
NEW_YEAR = 1_735_689_600_000_000  # 2025-01-01T00:00:00Z
STARTS = st.integers(-3, 3).map(
    lambda n: NEW_YEAR + n * 7 * 24 * HOUR
)  # on either side of a month's end
SPANS = st.sampled_from([HOUR // 2, HOUR, 40 * 24 * HOUR])
CONFIDENCES = st.sampled_from([1.0, 1.0, 0.5, 0.9])
NAMES = st.none() | st.sampled_from(["a", "b"])
RECORD = st.tuples(STARTS, SPANS, st.integers(0, 9).map(float), CONFIDENCES, NAMES, NAMES)
BATCH = st.lists(RECORD, min_size=1, max_size=12)
SERIES = st.sampled_from(
    [
        Series("loc_1", "", "INBOUND", "IMPORT"),
        Series("loc_1", "dev_1", "INBOUND", "IMPORT"),
        Series("loc_2", "dev_1", "INBOUND", "IMPORT"),
        Series("loc_1", "", "OUTBOUND", "IMPORT"),
    ]
)


def columns(records):
    start, span, wh, confidence, session, record = zip(*records, strict=True)
    begin = np.array(start, dtype=np.int64)
    ids = [
        None if all(name is None for name in names) else objects(names)
        for names in (session, record)
    ]
    return Readings(
        begin, begin + np.array(span, dtype=np.int64), np.array(wh), np.array(confidence), *ids
    )


def objects(names):
    array = np.empty(len(names), dtype=object)
    array[:] = names
    return array


def rows(found):
    """Return columns as a list of records."""
    if found is None:
        return []
    ids = (
        objects([None] * len(found)) if names is None else names
        for names in (found.session, found.record)
    )
    columns = (found.start_us, found.end_us, found.wh, found.confidence, *ids)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def apply(model, records):
    """Apply the rule: the last record wins, but a forecast never replaces an actual."""
    for start, span, wh, confidence, session, record in records:
        known = model.get((start, start + span))
        if not (known and known[1] == 1.0 and confidence < 1.0):
            model[start, start + span] = (wh, confidence, session, record)


def expected(model, low=-(1 << 62), high=1 << 62):
    return [(*key, *model[key]) for key in sorted(model) if key[1] > low and key[0] < high]


@given(st.lists(BATCH, min_size=1, max_size=4))
def test_merged_batches_equal_a_dict(batches):
    model, kept = {}, columns(batches[0]).at(slice(0))
    for batch in batches:
        apply(model, batch)
        kept = readings.merged(kept, columns(batch))
    assert rows(kept) == expected(model)


class Memory(RuleBasedStateMachine):
    """Writes, failed writes, reads and restarts in any order."""

    folder = None

    def __init__(self):
        super().__init__()
        self.path = self.folder / f"{id(self)}.db"
        self.path.unlink(missing_ok=True)
        self.model = {}
        self.open()

    def open(self):
        self.store = Store(self.path)
        self.store.create(readings.SCHEMA)

    def teardown(self):
        self.store.close()

    @rule(series=SERIES, batch=BATCH)
    def write(self, series, batch):
        apply(self.model.setdefault(series, {}), batch)
        with self.store.write() as db:
            readings.write(db, series, columns(batch))

    @rule(series=SERIES, batch=BATCH)
    def fail(self, series, batch):
        with contextlib.suppress(ZeroDivisionError), self.store.write() as db:
            readings.write(db, series, columns(batch))
            raise ZeroDivisionError

    @rule()
    def restart(self):
        self.store.close()
        self.open()

    @rule(low=STARTS, span=SPANS)
    def window(self, low, span):
        with self.store.read() as db:
            for series_id, series in readings.series_of(db, "loc_1"):
                found = readings.read(db, series_id, low, low + span)
                assert rows(found) == expected(self.model[series], low, low + span)

    @rule(name=st.sampled_from(["a", "b"]))
    def session(self, name):
        with self.store.read() as db:
            found = {series: rows(own) for series, own in readings.session(db, name)}
        model = {
            series: [row for row in expected(own) if row[4] == name]
            for series, own in self.model.items()
        }
        assert found == {series: own for series, own in model.items() if own}

    @invariant()
    def equals_the_model(self):
        with self.store.read() as db:
            for object_id in ("loc_1", "loc_2", "dev_1"):
                found = {
                    series: rows(readings.read(db, number))
                    for number, series in readings.series_of(db, object_id)
                }
                own = {
                    series: records for series, records in self.model.items() if object_id in series
                }
                assert found == {series: expected(records) for series, records in own.items()}


@pytest.mark.slow
def test_the_store_equals_a_dict_across_restarts(tmp_path):
    Memory.folder = tmp_path
    quick = settings(
        max_examples=25,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Memory.TestCase.settings = quick
    Memory.TestCase().runTest()


def test_the_records_of_a_location_can_be_deleted(tmp_path):
    store, other = Store(), Series("loc_2", "dev_1", "INBOUND", "IMPORT")
    store.create(readings.SCHEMA)
    record = [(NEW_YEAR, HOUR, 1.0, 1.0, "s", None)]
    with store.write() as db:
        readings.write(db, Series("loc_1", "dev_1", "INBOUND", "IMPORT"), columns(record))
        readings.write(db, other, columns(record))
        readings.delete_location(db, "loc_1")
        assert [series for _, series in readings.series_of(db, "dev_1")] == [other]
        assert [series for series, _ in readings.session(db, "s")] == [other]


def test_missing_ids_and_confidences_take_no_space():
    store = Store()
    store.create(readings.SCHEMA)
    with store.write() as db:
        readings.write(
            db,
            Series("loc_1", "", "INBOUND", "IMPORT"),
            columns([(NEW_YEAR, HOUR, 1.0, 1.0, None, None)]),
        )
        row = db.execute("SELECT confidence, refs FROM chunks").fetchone()
    assert tuple(row) == (None, None)
