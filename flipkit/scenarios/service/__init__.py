"""What the service itself says about a simulation: for a sample of its intervals, or for all."""

from flipkit.scenarios.service.certificate import Certificate, certify
from flipkit.scenarios.service.instant import priced_by_service

__all__ = ["Certificate", "certify", "priced_by_service"]
