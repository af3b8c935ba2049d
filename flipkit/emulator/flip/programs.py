"""The test programmes of Flip's sandbox, and what each wants to know before a site can join."""

from __future__ import annotations

from typing import Any, NamedTuple

from flipkit.emulator.flip.bodies import CommissionBody, Enrollment, NewSite

__all__ = ["PROGRAMS", "TERMS_VERSION", "still_needed"]

TERMS_VERSION = "2025-01-01"


class _Question(NamedTuple):
    name: str
    label: str
    type: str
    hint: str


class Program(NamedTuple):
    """What a programme wants.

    Attributes
    ----------
    has_terms : bool
        Whether its terms have to be accepted, in their current version.
    site_attributes : tuple of str
        Fields of the site that must be filled.
    questions : tuple
        Its own enrolment form.
    """

    has_terms: bool = False
    site_attributes: tuple[str, ...] = ()
    questions: tuple[_Question, ...] = ()


# Flip documents the three zip codes, not what tells them apart: this split is ours.
PROGRAMS = {
    "88800": Program(),
    "88801": Program(has_terms=True),
    "88802": Program(
        has_terms=True,
        site_attributes=("street_address", "city", "state_code"),
        questions=(
            _Question("account_id", "Utility Account Number", "string", "As printed on the bill"),
        ),
    ),
}


def still_needed(body: CommissionBody) -> dict[str, Any] | None:
    """The ``enrollment`` of a 422: all that is missing at once; None when nothing is."""
    program = PROGRAMS.get(body.site.zip_code or "", Program())
    answers = body.enrollment or Enrollment()
    needed = {
        **_terms_needed(program, answers),
        "missing_site_attributes": _blank_fields(program, body.site),
        "missing_program_specific_attributes": _open_questions(program, answers),
    }
    return needed if any(needed.values()) else None


def _terms_needed(program: Program, answers: Enrollment) -> dict[str, bool]:
    version, has_agreed = (
        answers.terms_and_conditions_version,
        answers.has_agreed_to_terms_and_conditions,
    )
    return {
        "incorrect_terms_and_conditions_version": program.has_terms
        and bool(version)
        and version != TERMS_VERSION,
        "missing_has_agreed_to_terms_and_conditions": program.has_terms and not has_agreed,
        "missing_terms_and_conditions_version": program.has_terms and not version,
    }


def _blank_fields(program: Program, site: NewSite) -> list[str]:
    return [name for name in program.site_attributes if not (getattr(site, name) or "").strip()]


def _open_questions(program: Program, answers: Enrollment) -> list[dict[str, str]]:
    answered = {
        answer.name for answer in answers.program_specific_attributes if answer.value.strip()
    }
    return [
        {**asked._asdict(), "error": "required"}
        for asked in program.questions
        if asked.name not in answered
    ]
