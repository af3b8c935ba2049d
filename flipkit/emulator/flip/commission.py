"""Commissioning: a site and its devices join the fleet."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from msgspec.structs import asdict

from flipkit.emulator.flip.answers import information_required, invalid
from flipkit.emulator.flip.bodies import CommissionBody, Device
from flipkit.emulator.flip.fleet_data import apply_waiting
from flipkit.emulator.flip.programs import PROGRAMS, still_needed
from flipkit.emulator.flip.tables import Site, put_site, site_by_id

__all__ = ["commission"]


def commission(db: sqlite3.Connection, body: CommissionBody, now: str) -> None:
    """Add a site, or bring one up to date: what is sent replaces what was there, the rest stays.

    Raises
    ------
    FlipRefusal
        400 without devices; 422 where a programme wants more. Nothing is stored then.
    """
    if not body.devices:
        raise invalid("devices array must not be empty")
    needed = still_needed(body)
    if needed:
        raise information_required(needed)
    known = site_by_id(db, body.site.id)
    site = known or Site(id=body.site.id, status="CREATED", created_at=now, updated_at=now)
    _bring_up_to_date(site, body, now)
    put_site(db, site)
    apply_waiting(db, site)


def _bring_up_to_date(site: Site, body: CommissionBody, now: str) -> None:
    for name, value in asdict(body.site).items():
        if value is not None:
            setattr(site, name, value)
    # Enrolments begin as PENDING; the later states are for people to decide.
    if site.status == "CREATED" and site.zip_code in PROGRAMS:
        site.status = "PENDING"
    site.technology_provider_identifier = body.devices[0].technology_provider_identifier
    site.devices = _merged(site.devices, body.devices)
    site.updated_at = now


def _merged(old: Sequence[Device], new: Sequence[Device]) -> list[Device]:
    return list({device.id: device for device in [*old, *new]}.values())
