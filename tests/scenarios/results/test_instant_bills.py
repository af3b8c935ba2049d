"""Bills at the service's costs: the same as the local ones, to the cent."""

import numpy as np
import pytest

import flipkit as fk
from flipkit.errors import InputError
from flipkit.frames import take

GBP = {"currency": "GBP", "timezone": "Europe/London"}


def costs(frame):
    return take(
        frame,
        numbers=["cost", "quantity"],
        texts=["site_id", "scenario", "month", "component", "currency"],
    )


@pytest.mark.slow
@pytest.mark.parametrize("kit", ["pandas"], indirect=True)
def test_every_interval_priced_by_the_service_makes_the_same_bills(kit, tmp_path):
    frame = fk.site_energy(kit, "2025-06-29", "2025-07-01", site_id=["be-01", "ca-03", "uk-02"])
    scenarios = [fk.Scenario("today"), fk.Scenario("battery", battery=fk.Battery(5, 2.5))]
    before = kit.emulator.store.digest()
    local = fk.simulate(frame, scenarios, prices=kit)
    instant = fk.simulate(
        frame, scenarios, prices=kit, method="instant", journal=tmp_path / "journal"
    )
    here, there = costs(local.bills()), costs(instant.bills())
    for name in ("site_id", "scenario", "month", "component"):
        assert here[name].tolist() == there[name].tolist()
    # The service counts whole Wh: half a Wh per interval, some hundred intervals per row.
    np.testing.assert_allclose(here["cost"], there["cost"], atol=0.02)
    np.testing.assert_allclose(here["quantity"], there["quantity"], rtol=1e-12)
    assert np.abs(here["cost"] - there["cost"]).sum() <= 0.05
    finding = take(instant.summary(), texts=["finding"])["finding"]
    assert all("simulate.instant" in each for each in finding)
    assert kit.emulator.store.digest() == before


def test_what_the_service_cannot_price_is_an_error(kit):
    frame = fk.site_energy(kit, "2025-01-10", "2025-01-10", site_id="uk-02")
    with pytest.raises(InputError, match="pass prices=kit"):
        fk.simulate(frame, [fk.Scenario("x")], prices=fk.Tariff.flat(0.2, **GBP), method="instant")
    with pytest.raises(InputError, match="uk-02"):
        fk.simulate(
            frame,
            [fk.Scenario("x", tariff=fk.Tariff.flat(0.2, **GBP))],
            prices=kit,
            method="instant",
        )
    with pytest.raises(InputError, match="choose 'local' or 'instant'"):
        fk.simulate(frame, [fk.Scenario("x")], prices=kit, method="fast")
    with pytest.raises(InputError, match="only method='instant' keeps a journal"):
        fk.simulate(frame, [fk.Scenario("x")], prices=kit, journal="j")
