"""The command line: demo, report, bill, simulate, upload, emulator."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flipkit.connect import Kit, connect
from flipkit.errors import FlipkitError, InputError

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
        0 done; 1 an error, whose text is on standard error; 2 wrong words; 3 an upload that left records behind, or a
        what-if that the service does not confirm; 130 stopped by Ctrl-C; 141 nobody reads the output any more
        (``flipkit ... | head``).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # a name that the terminal cannot show is no error
    options = _parser().parse_args(arguments)
    try:
        code = int(options.run(options) or 0)
        sys.stdout.flush()  # here, so that a disk without space is an error and not a traceback at the exit
    except BrokenPipeError:
        _print_no_more()
        return 141
    except (FlipkitError, OSError) as error:
        print(f"flipkit: {_words(error)}", file=sys.stderr)
        _print_no_more()
        return 1
    except KeyboardInterrupt:
        print("flipkit: stopped", file=sys.stderr)
        return 130
    return code


def _words(error: FlipkitError | OSError) -> str:
    if isinstance(error, FlipkitError):
        return str(error)
    place = error.filename2 or error.filename or "standard output"
    return f"{place}: {error.strerror or error}; name another place to write to"


def _print_no_more() -> None:
    """Let what Python cannot write to standard output go nowhere, or it would complain once more at the exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flipkit",
        description="Performance, cost and what-if reports for fleets of solar, battery and car sites.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    demo = _verb(verbs, "demo", _demo, "make every report of the sample fleet, offline")
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("reports"),
        help="folder for CSV files and charts (reports)",
    )
    _add_report(verbs)
    _add_bill(verbs)
    _add_simulate(verbs)
    _add_upload(verbs)
    _add_emulator(verbs)
    return parser


def _verb(
    verbs: Any, name: str, run: Callable[[argparse.Namespace], int | None], what: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=what, description=what[0].upper() + what[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def _add_report(verbs: Any) -> None:
    report = _verb(verbs, "report", _report, "one report as CSV")
    report.add_argument("kind", choices=("performance", "cost", "lost-value"))
    report.add_argument(
        "--start", required=True, metavar="YYYY-MM", help="first month; of a cost report also a day"
    )
    report.add_argument(
        "--end", required=True, metavar="YYYY-MM", help="last month (or day), included"
    )
    report.add_argument(
        "--aggregation",
        choices=("MONTH", "DAY"),
        default="MONTH",
        help="of the cost report (MONTH)",
    )
    report.add_argument("--out", type=Path, help="the CSV file; KIND.csv by default")
    _add_environment(report)


def _add_bill(verbs: Any) -> None:
    bill = _verb(verbs, "bill", _bill, "what energy costs under one tariff or several")
    bill.add_argument(
        "file",
        type=Path,
        help="CSV or parquet: site_id, start_utc, consumption_kwh[, generation_kwh]",
    )
    bill.add_argument(
        "--tariff",
        required=True,
        action="append",
        type=Path,
        metavar="PLAN",
        help="JSON: a URDB record, Octopus unit rates (or an object of standard-unit-rates and standing-charges), or "
        "Flatpeak tariff objects; may be repeated",
    )
    _add_place(bill)
    bill.add_argument(
        "--out", type=Path, help="folder for bill.csv and, of several tariffs, bill_matrix.csv"
    )


def _add_place(parser: argparse.ArgumentParser) -> None:
    """What a tariff's file may leave open."""
    parser.add_argument(
        "--timezone", help="IANA name, for tariffs that do not name theirs, such as URDB records"
    )
    parser.add_argument(
        "--currency", help="ISO 4217, for tariffs that do not name theirs (URDB: USD, Octopus: GBP)"
    )
    rules = ("chronological", "prorate", "per_period")
    parser.add_argument(
        "--tier-rule",
        choices=rules,
        help="how kWh fill tiers; needed for URDB records that have some",
    )


def _add_simulate(verbs: Any) -> None:
    simulate = _verb(
        verbs, "simulate", _simulate, "what-if: price energy under each scenario of a file"
    )
    simulate.add_argument("scenarios", type=Path, help="TOML with a [[scenario]] for each")
    simulate.add_argument(
        "--energy", required=True, type=Path, help="CSV or parquet: site_id, start_utc, ..._kwh"
    )
    simulate.add_argument("--out", required=True, type=Path, help="folder for the CSV files")
    methods = ("rule", "rule_tou", "day_ahead", "optimal")
    simulate.add_argument(
        "--dispatch", choices=methods, default="rule", help="how batteries are run (rule)"
    )
    simulate.add_argument(
        "--no-band",
        dest="band",
        action="store_false",
        help="leave out what each battery would cost under the other methods: quicker for large fleets",
    )
    simulate.add_argument(
        "--verify",
        type=_count,
        default=0,
        metavar="N",
        help="re-price N intervals through Flatpeak",
    )
    prices = simulate.add_mutually_exclusive_group()
    prices.add_argument(
        "--tariff",
        type=Path,
        metavar="PLAN",
        help="JSON of today's tariff of all sites, instead of asking Flatpeak",
    )
    _add_environment(prices)
    _add_place(simulate)


def _add_upload(verbs: Any) -> None:
    upload = _verb(verbs, "upload", _upload, "submit meter records to Flatpeak")
    upload.add_argument("file", type=Path, help="CSV or parquet of interval records")
    upload.add_argument(
        "--cumulative", action="store_true", help="the file holds register readings"
    )
    upload.add_argument(
        "--failed",
        type=Path,
        help="CSV for records that were not accepted; FILE.failed.csv by default",
    )
    _add_environment(upload)


def _add_emulator(verbs: Any) -> None:
    emulator = _verb(verbs, "emulator", _emulator, "run both APIs on this machine")
    emulator.add_argument("--port", type=int, default=8080, help="0 takes a free one (8080)")
    emulator.add_argument("--file", type=Path, help="keeps what is submitted; in memory without")
    emulator.add_argument("--empty", action="store_true", help="without the sample fleet")


def _add_environment(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--environment", choices=_ENVIRONMENTS, help="FLIPKIT_ENVIRONMENT, else emulator"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no count; give 0 or more")
    return int(text)


def _demo(options: argparse.Namespace) -> None:
    from flipkit import demo

    _check_folder(options.out)
    print("Making the reports of the sample fleet, offline, against the emulator ...", flush=True)
    with connect("emulator", frames="polars") as kit:
        made = demo.run(kit, options.out)
    print("\n".join(demo.summary(made, options.out)))


def _report(options: argparse.Namespace) -> None:
    from flipkit import reports
    from flipkit.frames import meta_path, write_csv

    out = options.out or Path(f"{options.kind}.csv")
    _check_file(out)
    with connect(options.environment, frames="polars") as kit:
        frame = _made(reports, kit, options)
    path = write_csv(frame, out)
    print(f"{path}: {len(frame)} rows; what the columns mean: {meta_path(path)}")
    _print_findings(frame)


def _print_findings(frame: Any) -> None:
    findings = [row for row in frame["finding"] if row]
    if findings:
        print(f"{len(findings)} rows have a finding, e.g. {findings[0]}")


def _made(reports: Any, kit: Kit, options: argparse.Namespace) -> Any:
    if options.kind == "cost":
        return reports.cost_report(kit, options.start, options.end, aggregation=options.aggregation)
    make = (
        reports.performance_report if options.kind == "performance" else reports.lost_value_report
    )
    return make(kit, options.start, options.end)


def _bill(options: argparse.Namespace) -> None:
    from flipkit.frames import read_file, write_csv
    from flipkit.reports import bill_table, matrix_table
    from flipkit.tariffs.rating import bill, bill_matrix
    from flipkit.tariffs.read import read_plans

    place = {
        "timezone": options.timezone,
        "currency": options.currency,
        "tier_rule": options.tier_rule,
    }
    plans, energy = read_plans(options.tariff, **place), read_file(options.file)
    if options.out:
        _check_folder(options.out)
    made = {"bill": bill(energy, plans)}
    lines = list(bill_table(made["bill"]))
    if len(plans) > 1:
        made["bill_matrix"] = bill_matrix(energy, plans)
        lines += matrix_table(made["bill_matrix"])
    print("\n".join(lines).rstrip())
    _print_findings(made["bill"])
    for name, frame in made.items() if options.out else ():
        print(write_csv(frame, options.out / f"{name}.csv"))


def _simulate(options: argparse.Namespace) -> int:
    from flipkit.frames import read_file
    from flipkit.scenarios.changes import read_scenarios

    energy = read_file(options.energy)
    sites = set(map(str, energy["site_id"])) if "site_id" in energy.columns else None
    chosen = read_scenarios(options.scenarios, site_ids=sites)
    _check_folder(options.out)
    result = _simulated(options, energy, chosen)
    print("\n".join(map(str, _put_in_place(result, options))))
    if not options.verify:
        return 0
    print(result.proof.statement)
    return 3 if result.proof.rows and not result.proof.agrees else 0


def _simulated(options: argparse.Namespace, energy: Any, chosen: Any) -> Any:
    from flipkit.scenarios import simulate
    from flipkit.tariffs.read import read_plan

    if options.tariff is None:
        with connect(options.environment, frames="polars") as kit:
            return simulate(
                energy, chosen, prices=kit, verify=options.verify, dispatch=options.dispatch
            )
    if options.verify:
        raise InputError(
            "--verify asks Flatpeak about its own prices; leave out --verify, or --tariff"
        )
    place = {
        "timezone": options.timezone,
        "currency": options.currency,
        "tier_rule": options.tier_rule,
    }
    return simulate(
        energy, chosen, prices=read_plan(options.tariff, **place), dispatch=options.dispatch
    )


def _put_in_place(result: Any, options: argparse.Namespace) -> list[Path]:
    """All files made aside, then renamed: what is in the folder comes from one run, before a kill and after it."""
    from flipkit.frames import checked_target, meta_path

    with tempfile.TemporaryDirectory(dir=options.out, prefix=".what_if.") as aside:
        made = result.to_csv(aside, band=options.band)
        paths = [checked_target(options.out / path.name) for path in made]
        for path, target in zip(made, paths, strict=True):
            meta_path(path).replace(meta_path(target))
            path.replace(target)
    for name in {"certificate.csv", "waterfall.csv"} - {
        path.name for path in paths
    }:  # of another run
        (options.out / name).unlink(missing_ok=True)
        meta_path(options.out / name).unlink(missing_ok=True)
    return paths


def _upload(options: argparse.Namespace) -> int:
    from flipkit.frames import read_text, rejected, with_numbers, write_csv

    records = read_text(options.file)
    out = options.failed or Path(f"{options.file.stem}.failed.csv")
    _check_file(out)  # now, for afterwards it would be too late
    with connect(options.environment, frames="polars") as kit:
        submission = _submitted(kit, with_numbers(records), options)
    print(submission)
    if len(submission.failed):
        print(
            f"not accepted, to be mended and uploaded again: {write_csv(rejected(records, submission.failed), out)}"
        )
    return 3 if submission.accepted < submission.submitted else 0


def _submitted(kit: Kit, records: Any, options: argparse.Namespace) -> Any:
    if kit.emulator:
        print(
            "flipkit: these records go to an emulator that forgets them when this command ends; to keep them run "
            "'flipkit emulator --file NAME' and set FLIP_BASE_URL and FLATPEAK_BASE_URL, or give --environment",
            file=sys.stderr,
        )
    submit = kit.flatpeak.submit_cumulative if options.cumulative else kit.flatpeak.submit_interval
    try:
        return submit(records)
    except KeyboardInterrupt:
        print(
            "flipkit: some records may have arrived; uploading the whole file again does no harm",
            file=sys.stderr,
        )
        raise


def _emulator(options: argparse.Namespace) -> None:
    from flipkit.emulator import serve

    serve(options.port, path=options.file, sample=not options.empty)


def _check_file(path: Path) -> None:
    """See whether a CSV can be written there, before the work begins."""
    from flipkit.frames import checked_target

    _check_folder(checked_target(path).parent)


def _check_folder(folder: Path) -> None:
    """Make the folder, and see whether it takes a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = (
            "a file is in the way"
            if isinstance(error, FileExistsError | NotADirectoryError)
            else error.strerror
        )
        raise InputError(f"{folder}: {reason}; name a folder that can be written to") from None
