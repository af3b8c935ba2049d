"""The command line: demo, report, simulate, upload, emulator."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from flipkit.connect import Kit, connect
from flipkit.errors import FlipkitError

__all__ = ["main"]

_ENVIRONMENTS = ("emulator", "sandbox", "production")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; ``flipkit --help`` lists them.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0 done; 1 an error, whose text is on standard error; 2 wrong words; 3 an upload that left records behind.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except FlipkitError as error:
        print(f"flipkit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("flipkit: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flipkit", description="Performance, cost and what-if reports for fleets of solar, battery and car sites."
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    demo = _verb(verbs, "demo", _demo, "make every report of the sample fleet, offline")
    demo.add_argument("--out", type=Path, default=Path("reports"), help="folder for CSV files and charts (reports)")
    _add_report(verbs)
    _add_simulate(verbs)
    _add_upload(verbs)
    _add_emulator(verbs)
    return parser


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], int | None], what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def _add_report(verbs: Any) -> None:
    report = _verb(verbs, "report", _report, "one report as CSV")
    report.add_argument("kind", choices=("performance", "cost", "lost-value"))
    report.add_argument("--start", required=True, metavar="YYYY-MM", help="first month, local to each site")
    report.add_argument("--end", required=True, metavar="YYYY-MM", help="last month, included")
    report.add_argument("--aggregation", choices=("MONTH", "DAY"), default="MONTH", help="of the cost report (MONTH)")
    report.add_argument("--out", type=Path, help="the CSV file; KIND.csv by default")
    _add_environment(report)


def _add_simulate(verbs: Any) -> None:
    simulate = _verb(verbs, "simulate", _simulate, "what-if: price energy under each scenario of a file")
    simulate.add_argument("scenarios", type=Path, help="TOML with a [[scenario]] for each")
    simulate.add_argument("--energy", required=True, type=Path, help="CSV or parquet: site_id, start_utc, ..._kwh")
    simulate.add_argument("--out", required=True, type=Path, help="folder for the CSV files")
    simulate.add_argument("--verify", type=int, default=0, metavar="N", help="re-price N intervals through Flatpeak")
    _add_environment(simulate)


def _add_upload(verbs: Any) -> None:
    upload = _verb(verbs, "upload", _upload, "submit meter records to Flatpeak")
    upload.add_argument("file", type=Path, help="CSV or parquet of interval records")
    upload.add_argument("--cumulative", action="store_true", help="the file holds register readings")
    upload.add_argument("--failed", type=Path, help="CSV for the records that were not accepted")
    _add_environment(upload)


def _add_emulator(verbs: Any) -> None:
    emulator = _verb(verbs, "emulator", _emulator, "run both APIs on this machine")
    emulator.add_argument("--port", type=int, default=8080, help="0 takes a free one (8080)")
    emulator.add_argument("--file", type=Path, help="keeps what is submitted; in memory without")
    emulator.add_argument("--empty", action="store_true", help="without the sample fleet")


def _add_environment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--environment", choices=_ENVIRONMENTS, help="FLIPKIT_ENVIRONMENT, else emulator")


def _demo(options: argparse.Namespace) -> None:
    from flipkit import demo

    print("Making the reports of the sample fleet, offline, against the emulator ...", flush=True)
    with connect("emulator", frames="polars") as kit:
        made = demo.run(kit, options.out)
    print("\n".join(demo.summary(made, options.out)))


def _report(options: argparse.Namespace) -> None:
    from flipkit import reports
    from flipkit.frames import write_csv

    with connect(options.environment, frames="polars") as kit:
        frame = _made(reports, kit, options)
    path = write_csv(frame, options.out or Path(f"{options.kind}.csv"))
    print(f"{path}: {len(frame)} rows; what the columns mean: {path.with_suffix('.meta.json')}")
    findings = [row for row in frame["finding"] if row]
    if findings:
        print(f"{len(findings)} rows have a finding, e.g. {findings[0]}")


def _made(reports: Any, kit: Kit, options: argparse.Namespace) -> Any:
    if options.kind == "cost":
        return reports.cost_report(kit, options.start, options.end, aggregation=options.aggregation)
    make = reports.performance_report if options.kind == "performance" else reports.lost_value_report
    return make(kit, options.start, options.end)


def _simulate(options: argparse.Namespace) -> None:
    from flipkit.frames.files import read_file
    from flipkit.scenarios import simulate
    from flipkit.scenarios.file import read_scenarios

    chosen, energy = read_scenarios(options.scenarios), read_file(options.energy)
    with connect(options.environment, frames="polars") as kit:
        result = simulate(energy, chosen, prices=kit, verify=options.verify)
    _print_files(result.to_csv(options.out))


def _upload(options: argparse.Namespace) -> int:
    from flipkit.frames import write_csv
    from flipkit.frames.files import read_file

    records = read_file(options.file)
    with connect(options.environment, frames="polars") as kit:
        submit = kit.flatpeak.submit_cumulative if options.cumulative else kit.flatpeak.submit_interval
        submission = submit(records)
    print(submission)
    if options.failed and len(submission.failed):
        print(f"not accepted: {write_csv(submission.failed, options.failed)}")
    return 3 if len(submission.failed) else 0


def _emulator(options: argparse.Namespace) -> None:
    from flipkit.emulator import serve

    serve(options.port, path=options.file, sample=not options.empty)


def _print_files(paths: Iterable[Path]) -> None:
    for path in paths:
        print(path)
