"""What the service itself says of a simulation: a sample of its intervals, or every one."""

from flipkit.scenarios.service.certificate import Certificate, certify
from flipkit.scenarios.service.instant import InstantCosts, price_instantly

__all__ = [
    "Certificate",
    "InstantCosts",
    "certify",
    "price_instantly",
]
