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

from flipkit.connect import ENVIRONMENTS, Kit, connect
from flipkit.errors import FlipkitError, InputError
from flipkit.vocabulary import DISPATCH_METHODS

__all__ = ["main"]

_OK = 0
_ERROR = 1
# Records left over, sites that are not evaluated, or costs that the service does not confirm.
_INCOMPLETE = 3
_STOPPED = 130
_NO_READER = 141

# Written by some runs of `simulate` only; those of an earlier run in the same folder are removed.
_OPTIONAL_RESULTS = {"certificate.csv", "waterfall.csv"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; ``flipkit --help`` lists them.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments of the process by default.

    Returns
    -------
    int
        0 success; 1 an error, described on standard error; 2 unknown arguments; 3 an upload that
        left records behind, or a what-if that the service does not confirm; 130 stopped with
        Ctrl-C; 141 the reader of the output has gone (``flipkit ... | head``).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal cannot show must not stop a report.
        sys.stdout.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        code = int(options.run(options) or _OK)
        # Flush here: at exit, a full disk would print a traceback.
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return _NO_READER
    except (FlipkitError, OSError) as error:
        print(f"flipkit: {_message(error)}", file=sys.stderr)
        _discard_output()
        return _ERROR
    except KeyboardInterrupt:
        print("flipkit: stopped", file=sys.stderr)
        return _STOPPED
    return code


def _message(error: FlipkitError | OSError) -> str:
    if isinstance(error, FlipkitError):
        return str(error)
    target = error.filename2 or error.filename or "standard output"
    return f"{target}: {error.strerror or error}; write to another place"


def _discard_output() -> None:
    """Drop what cannot be written, or Python would report it once more at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as devnull:
            os.dup2(devnull.fileno(), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flipkit",
        description="Performance, cost and what-if reports for fleets of homes.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_report(commands)
    _add_bill(commands)
    _add_simulate(commands)
    _add_upload(commands)
    _add_emulator(commands)
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int | None], summary: str
) -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}."
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description
    )
    parser.set_defaults(run=run)
    return parser


def _add_demo(commands: Any) -> None:
    demo = _command(commands, "demo", _demo, "make every report of the sample fleet, offline")
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("reports"),
        help="folder for the CSV files and pictures (default: reports)",
    )


def _add_report(commands: Any) -> None:
    report = _command(commands, "report", _report, "write one report as CSV")
    report.add_argument("kind", choices=("performance", "cost", "lost-value"))
    report.add_argument(
        "--start",
        required=True,
        metavar="DATE",
        help="first year, month or day: 2025, 2025-06 or 2025-06-15",
    )
    report.add_argument("--end", metavar="DATE", help="last one, included (default: --start)")
    report.add_argument(
        "--aggregation",
        choices=("MONTH", "DAY"),
        help="rows of the cost report (default: MONTH)",
    )
    report.add_argument("--out", type=Path, help="the CSV file (default: KIND.csv)")
    _add_environment(report)


def _add_bill(commands: Any) -> None:
    bill = _command(commands, "bill", _bill, "rate energy under one or more tariffs")
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
        metavar="FILE",
        help="JSON: a URDB record, Octopus unit rates (or an object with standard-unit-rates and "
        "standing-charges), or Flatpeak tariff objects; CSV or parquet: start_utc, end_utc, "
        "price_per_kwh, or rows of Octopus; can be repeated",
    )
    _add_tariff_options(bill)
    bill.add_argument(
        "--out",
        type=Path,
        help="folder for bill.csv and, for several tariffs, bill_matrix.csv",
    )


def _add_tariff_options(parser: argparse.ArgumentParser) -> None:
    """Add what a tariff file may leave open."""
    parser.add_argument(
        "--timezone",
        help="IANA time zone of tariffs that do not name one, such as URDB records",
    )
    parser.add_argument(
        "--currency",
        help="ISO 4217 code for tariffs that do not name one (URDB: USD, Octopus: GBP)",
    )
    parser.add_argument(
        "--tier-rule",
        choices=("chronological", "prorate", "per_period"),
        help="how kWh fill the tiers; required for URDB records with tiers",
    )


def _add_simulate(commands: Any) -> None:
    simulate = _command(
        commands, "simulate", _simulate, "run a what-if: rate energy under each scenario of a file"
    )
    simulate.add_argument("scenarios", type=Path, help="TOML file with one [[scenario]] each")
    simulate.add_argument(
        "--energy", required=True, type=Path, help="CSV or parquet: site_id, start_utc, ..._kwh"
    )
    simulate.add_argument("--out", required=True, type=Path, help="folder for the CSV files")
    simulate.add_argument(
        "--dispatch",
        choices=DISPATCH_METHODS,
        default="rule",
        help="how batteries are controlled: by a rule, by a rule that also charges in cheap hours, "
        "planned day by day, or with perfect foresight (default: rule)",
    )
    simulate.add_argument(
        "--no-band",
        dest="band",
        action="store_false",
        help="leave out the cost under the other dispatch methods; faster for large fleets",
    )
    simulate.add_argument(
        "--verify",
        type=_count,
        default=0,
        metavar="N",
        help="let Flatpeak price N of the intervals and compare",
    )
    prices = simulate.add_mutually_exclusive_group()
    prices.add_argument(
        "--tariff",
        type=Path,
        metavar="FILE",
        help="JSON with the current tariff of all sites, instead of asking Flatpeak",
    )
    _add_environment(prices)
    _add_tariff_options(simulate)


def _add_upload(commands: Any) -> None:
    upload = _command(commands, "upload", _upload, "submit meter records to Flatpeak")
    upload.add_argument("file", type=Path, help="CSV or parquet of interval records")
    upload.add_argument(
        "--cumulative", action="store_true", help="the file holds cumulative register readings"
    )
    upload.add_argument(
        "--failed",
        type=Path,
        help="CSV for records that were not accepted (default: FILE.failed.csv)",
    )
    _add_environment(upload)


def _add_emulator(commands: Any) -> None:
    emulator = _command(commands, "emulator", _emulator, "run both APIs on this machine")
    emulator.add_argument(
        "--port", type=int, default=8080, help="0 for any free port (default: 8080)"
    )
    emulator.add_argument(
        "--file", type=Path, help="keep the data in this file (default: in memory)"
    )
    emulator.add_argument("--empty", action="store_true", help="start without the sample fleet")


def _add_environment(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--environment",
        choices=ENVIRONMENTS,
        help="default: the variable FLIPKIT_ENVIRONMENT, or else emulator",
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a count; use 0 or more")
    return int(text)


def _demo(options: argparse.Namespace) -> None:
    from flipkit import demo

    _check_folder(options.out)
    print("Making the reports of the sample fleet, offline, with the emulator ...", flush=True)
    with connect("emulator", frames="polars") as kit:
        results = demo.run(kit, options.out)
    print("\n".join(demo.summary(results, options.out)))


def _report(options: argparse.Namespace) -> None:
    from flipkit.frames import meta_path, write_csv

    if options.aggregation and options.kind != "cost":
        raise InputError(f"--aggregation is an option of the cost report, not of {options.kind}")
    target = options.out or Path(f"{options.kind}.csv")
    _check_file(target)
    with connect(options.environment, frames="polars") as kit:
        frame = _make_report(kit, options)
    path = write_csv(frame, target)
    print(f"{path}: {len(frame)} rows; the columns are described in {meta_path(path)}")
    _print_findings(frame)


def _make_report(kit: Kit, options: argparse.Namespace) -> Any:
    from flipkit import reports

    if options.kind == "performance":
        return reports.performance_report(kit, options.start, options.end)
    if options.kind == "lost-value":
        return reports.lost_value_report(kit, options.start, options.end)
    return reports.cost_report(
        kit, options.start, options.end, aggregation=options.aggregation or "MONTH"
    )


def _print_findings(frame: Any) -> None:
    findings = [finding for finding in frame["finding"] if finding]
    if findings:
        print(f"{len(findings)} rows have a finding, for example {findings[0]}")


def _bill(options: argparse.Namespace) -> int:
    from flipkit.frames import read_file, write_csv
    from flipkit.reports import bill_table, matrix_table
    from flipkit.tariffs import bill, bill_matrix
    from flipkit.tariffs.read import read_plans

    tariffs = read_plans(options.tariff, **_tariff_options(options))
    energy = read_file(options.file)
    if options.out:
        _check_folder(options.out)
    frames = {"bill": bill(energy, tariffs)}
    lines = list(bill_table(frames["bill"]))
    if len(tariffs) > 1:
        frames["bill_matrix"] = bill_matrix(energy, tariffs)
        lines += matrix_table(frames["bill_matrix"])
    print("\n".join(lines).rstrip())
    _print_findings(frames["bill"])
    if options.out:
        for name, frame in frames.items():
            print(write_csv(frame, options.out / f"{name}.csv"))
    is_complete = all(cost is not None and cost == cost for cost in frames["bill"]["cost"])
    return _OK if is_complete else _INCOMPLETE


def _tariff_options(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "timezone": options.timezone,
        "currency": options.currency,
        "tier_rule": options.tier_rule,
    }


def _simulate(options: argparse.Namespace) -> int:
    from flipkit.frames import read_file
    from flipkit.scenarios.changes import read_scenarios

    energy = read_file(options.energy)
    site_ids = set(map(str, energy["site_id"])) if "site_id" in energy.columns else None
    scenarios = read_scenarios(options.scenarios, site_ids=site_ids)
    _check_folder(options.out)
    simulation = _run_simulation(options, energy, scenarios)
    for path in _write_simulation(simulation, options):
        print(path)
    refused = simulation.refused
    if refused:
        site_id, finding = next(iter(refused.items()))
        others = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        print(f"not evaluated: {site_id} ({finding}){others}")
    proof = simulation.proof
    if proof is None:
        return _INCOMPLETE if refused else _OK
    print(proof.statement)
    is_unconfirmed = bool(proof.rows) and not proof.agrees
    return _INCOMPLETE if refused or is_unconfirmed else _OK


def _run_simulation(options: argparse.Namespace, energy: Any, scenarios: Any) -> Any:
    from flipkit.scenarios import simulate
    from flipkit.tariffs.read import read_plan

    if options.tariff is not None:
        if options.verify:
            raise InputError("--verify compares with Flatpeak's own prices; leave out --tariff")
        tariff = read_plan(options.tariff, **_tariff_options(options))
        return simulate(energy, scenarios, prices=tariff, dispatch=options.dispatch)
    with connect(options.environment, frames="polars") as kit:
        return simulate(
            energy, scenarios, prices=kit, verify=options.verify, dispatch=options.dispatch
        )


def _write_simulation(simulation: Any, options: argparse.Namespace) -> list[Path]:
    """Write all files aside and rename them, so that a kill never mixes the files of two runs."""
    from flipkit.frames import checked_target, meta_path

    with tempfile.TemporaryDirectory(dir=options.out, prefix=".what_if.") as aside:
        written = simulation.to_csv(aside, band=options.band)
        targets = [checked_target(options.out / path.name) for path in written]
        for path, target in zip(written, targets, strict=True):
            meta_path(path).replace(meta_path(target))
            path.replace(target)
    for name in _OPTIONAL_RESULTS - {target.name for target in targets}:
        (options.out / name).unlink(missing_ok=True)
        meta_path(options.out / name).unlink(missing_ok=True)
    return targets


def _upload(options: argparse.Namespace) -> int:
    from flipkit.frames import read_text, rejected, with_numbers, write_csv

    records = read_text(options.file)
    failed_target = options.failed or Path(f"{options.file.stem}.failed.csv")
    # Check before records are sent: afterwards it is too late.
    _check_file(failed_target)
    with connect(options.environment, frames="polars") as kit:
        submission = _submit(kit, with_numbers(records), options)
    print(submission)
    if len(submission.failed):
        path = write_csv(rejected(records, submission.failed), failed_target)
        print(f"not accepted; correct these records and upload them again: {path}")
    return _INCOMPLETE if submission.accepted < submission.submitted else _OK


def _submit(kit: Kit, records: Any, options: argparse.Namespace) -> Any:
    if kit.emulator:
        print(
            "flipkit: this emulator forgets the records when the command ends. To keep them, run "
            "'flipkit emulator --file NAME' and set FLIP_BASE_URL and FLATPEAK_BASE_URL. "
            "For a real account, use --environment",
            file=sys.stderr,
        )
    submit = kit.flatpeak.submit_interval
    if options.cumulative:
        submit = kit.flatpeak.submit_cumulative
    try:
        return submit(records)
    except KeyboardInterrupt:
        print(
            "flipkit: some records may have arrived; it is safe to upload the whole file again",
            file=sys.stderr,
        )
        raise


def _emulator(options: argparse.Namespace) -> None:
    from flipkit.emulator import serve

    serve(options.port, path=options.file, sample=not options.empty)


def _check_file(path: Path) -> None:
    """Check that a CSV can be written there, before the work begins."""
    from flipkit.frames import checked_target

    _check_folder(checked_target(path).parent)


def _check_folder(folder: Path) -> None:
    """Create the folder if needed, and check that files can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder}: a file is in the way; choose another folder") from None
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}; choose a writable folder") from None
