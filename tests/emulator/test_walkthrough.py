"""The curl commands in the emulator's README answer as the contracts say."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

import flipkit as fk

README = Path(fk.emulator.__file__).parent / "README.md"


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The requests and answers of the curl commands, block by block, against a running emulator."""
    for program in ("bash", "curl", "python3"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")
    text = README.read_text(encoding="utf-8")
    with fk.emulator.start() as emulator, _Shell(emulator.url) as shell:
        flip = fk.Flip("any-key", base_url=emulator.url)
        sites, digests, calls = [set(flip.sites()["site_id"])], [emulator.store.digest()], []
        for block in re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            calls.append(shell.run(block, tmp_path_factory.mktemp("calls")))
            digests.append(emulator.store.digest())
        sites.append(set(flip.sites()["site_id"]))
        flip.close()
    return SimpleNamespace(calls=calls, digests=digests, sites=sites)


class _Shell:
    """bash, with a curl that also records its arguments and the answer."""

    def __init__(self, url):
        self.url = url

    def __enter__(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            ["bash", "-u"], stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def run(self, block, folder):
        """Return the arguments, status and JSON body (None if empty) of each call of the block."""
        noting = f"""
            curl() {{
                local out={shlex.quote(str(folder))}/$(ls {shlex.quote(str(folder))} | wc -l)
                printf '%s\\n' "$*" > $out.request
                command curl "$@" -o $out.body -w '%{{http_code}}' > $out.status || return
                touch $out.body && cat $out.body
            }}
        """
        self.process.stdin.write(
            f"{noting}\n{block.replace('http://127.0.0.1:8080', self.url)}\necho; echo END $?\n"
        )
        self.process.stdin.flush()
        said = []
        while not said or not said[-1].startswith("END"):
            line = self.process.stdout.readline()
            assert line, "".join(said)
            said.append(line)
        assert said[-1] == "END 0\n", "".join(said)
        return [
            _call(path)
            for path in sorted(folder.glob("*.request"), key=lambda path: int(path.stem))
        ]


def _call(path):
    body = path.with_suffix(".body").read_text(encoding="utf-8")
    status = int(path.with_suffix(".status").read_text(encoding="utf-8"))
    return path.read_text(encoding="utf-8"), status, json.loads(body) if body else None


def test_the_walk_through_of_flip(walked):
    sites, report, pushed, commissioned = walked.calls[0]
    assert [status for _, status, _ in (sites, report, pushed, commissioned)] == [
        200,
        200,
        200,
        201,
    ]
    assert len(sites[2]) == 24
    assert {"id", "status"} <= set(sites[2][0])
    assert {row["month"] for row in report[2]} == {"2025-06"}
    assert {"site_id", "actual_production_kwh", "expected_production_kwh"} <= set(report[2][0])
    assert pushed[2] == {
        "records": [{"external_id": "CRM-12345", "record_type": "site", "status": "SUCCESS"}]
    }
    assert commissioned[2] is None
    assert walked.sites[1] - walked.sites[0] == {"site-abc-789"}


def test_the_walk_through_of_flatpeak(walked):
    login, locations, device, batch, costs = walked.calls[1]
    assert [call[1] for call in (login, locations, device, batch, costs)] == [
        200,
        200,
        201,
        200,
        200,
    ]
    assert login[2]["expires_in"] == 3600
    assert [place["reference_id"] for place in locations[2]["data"]] == ["uk-03"]
    assert (device[2]["object"], device[2]["reference_id"]) == ("device", "heat-pump-1")
    counts = [batch[2][name] for name in ("records_submitted", "records_accepted")]
    assert (counts, batch[2]["failed_records"]) == ([2, 2], [])
    assert '"tariff_direction": "IMPORT"' in costs[0]  # in the body, as in the guide
    assert "tariff_direction=" not in costs[0]
    assert costs[2]["object_id"] == device[2]["id"]
    assert costs[2]["currency_code"] == "GBP"
    assert [row["energy"]["value"] for row in costs[2]["data"]] == [1200, 750]
    assert [row["cost"]["value"] for row in costs[2]["data"]] == pytest.approx(
        [1.2 * 0.301, 0.75 * 0.301]
    )


def test_own_generation_costs_nothing(walked):
    batch, (_, status, costs) = walked.calls[2]
    assert batch[2]["records_accepted"] == 1
    [row] = costs["data"]
    assert (status, costs["tariff_direction"], row["energy"]["value"], row["cost"]["value"]) == (
        200,
        "LOCAL",
        800,
        0,
    )
    assert row["start_time"] == "2025-11-01T00:00:00Z"  # aggregated by local day


def test_a_call_that_is_not_persistent_leaves_the_store_byte_for_byte_as_it_was(walked):
    [(_, status, answer)] = walked.calls[3]
    assert walked.digests[4] == walked.digests[3]
    assert len(set(walked.digests)) == 4  # the other blocks all left something
    assert status == 200
    assert answer["request"]["non_persistent"] is True
    assert answer["data"]["energy"]["value"] == 10284
    assert answer["data"]["cost"]["value"] == pytest.approx(10.2835 * 0.301)
