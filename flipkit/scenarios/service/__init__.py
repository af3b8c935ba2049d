"""What the service itself says about a simulation: for a sample of its intervals, or for all."""

from flipkit.scenarios.service.certificate import Certificate, certify
from flipkit.scenarios.service.instant import price_instantly

__all__ = [
    "Certificate",
    "certify",
    "price_instantly",
]
