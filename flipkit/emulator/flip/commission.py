"""Commissioning: a site and its devices join the fleet if their zip code's program allows it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import asdict

from flipkit.emulator.flip.fleet import StoredSite, apply_waiting, put_site, site_by_id
from flipkit.emulator.flip.wire import (
    CommissionBody,
    DeviceBody,
    Enrollment,
    NewSite,
    information_required,
    invalid,
)

__all__ = ["commission"]

_TERMS_VERSION = "2025-01-01"


class _Question(NamedTuple):
    name: str
    label: str
    type: str
    hint: str


class Program(NamedTuple):
    """The requirements of a test program of Flip's sandbox.

    Attributes
    ----------
    has_terms : bool
        The current version of its terms must be accepted.
    site_attributes : tuple of str
        Fields of the site that must not be blank.
    questions : tuple of _Question
        The program's own enrollment form.
    """

    has_terms: bool = False
    site_attributes: tuple[str, ...] = ()
    questions: tuple[_Question, ...] = ()


_ACCOUNT_ID = _Question(
    name="account_id", label="Utility Account Number", type="string", hint="As printed on the bill"
)
# Flip documents the three zip codes but not how they differ; this split is inferred.
_PROGRAMS = {
    "88800": Program(),
    "88801": Program(has_terms=True),
    "88802": Program(
        has_terms=True,
        site_attributes=("street_address", "city", "state_code"),
        questions=(_ACCOUNT_ID,),
    ),
}


def commission(db: sqlite3.Connection, body: CommissionBody, now: str) -> None:
    """Add or update a site: fields that were sent are replaced, the others stay.

    Raises
    ------
    FlipRefusal
        400 without devices; 422 if a program needs more information. Nothing is stored then.
    """
    if not body.devices:
        raise invalid("devices array must not be empty")
    missing = _missing_information(body)
    if missing:
        raise information_required(missing)

    site = site_by_id(db, body.site.id)
    if site is None:
        site = StoredSite(id=body.site.id, status="CREATED", created_at=now, updated_at=now)
    _update(site, body, now)
    put_site(db, site)
    apply_waiting(db, site)


def _update(site: StoredSite, body: CommissionBody, now: str) -> None:
    for name, value in asdict(body.site).items():
        if value is not None:
            setattr(site, name, value)
    # An enrollment begins as PENDING; at Flip, people decide about the later states.
    if site.status == "CREATED" and site.zip_code in _PROGRAMS:
        site.status = "PENDING"
    site.technology_provider_identifier = body.devices[0].technology_provider_identifier
    site.devices = _merged(site.devices, body.devices)
    site.updated_at = now


def _merged(old: Sequence[DeviceBody], new: Sequence[DeviceBody]) -> list[DeviceBody]:
    by_id = {device.id: device for device in [*old, *new]}
    return list(by_id.values())


def _missing_information(body: CommissionBody) -> dict[str, Any] | None:
    """Return the ``enrollment`` of a 422 with everything that is missing; None if nothing is."""
    program = _PROGRAMS.get(body.site.zip_code or "", Program())
    enrollment = body.enrollment or Enrollment()
    missing = {
        **_missing_terms(program, enrollment),
        "missing_site_attributes": _blank_fields(program, body.site),
        "missing_program_specific_attributes": _open_questions(program, enrollment),
    }
    return missing if any(missing.values()) else None


def _missing_terms(program: Program, enrollment: Enrollment) -> dict[str, bool]:
    version = enrollment.terms_and_conditions_version
    has_agreed = bool(enrollment.has_agreed_to_terms_and_conditions)
    has_version = bool(version)
    is_other_version = has_version and version != _TERMS_VERSION
    return {
        "incorrect_terms_and_conditions_version": program.has_terms and is_other_version,
        "missing_has_agreed_to_terms_and_conditions": program.has_terms and not has_agreed,
        "missing_terms_and_conditions_version": program.has_terms and not has_version,
    }


def _blank_fields(program: Program, site: NewSite) -> list[str]:
    values = {name: getattr(site, name) or "" for name in program.site_attributes}
    return [name for name, value in values.items() if not value.strip()]


def _open_questions(program: Program, enrollment: Enrollment) -> list[dict[str, str]]:
    answers = enrollment.program_specific_attributes
    answered = {answer.name for answer in answers if answer.value.strip()}
    open_questions = [each for each in program.questions if each.name not in answered]
    return [{**question._asdict(), "error": "required"} for question in open_questions]
