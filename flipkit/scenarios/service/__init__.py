"""What the service itself says about a simulation: for a sample of its intervals, or for all.

``certificate`` compares a sample (``sample`` draws it), ``instant`` has every interval priced and
keeps a ``journal``. Both send their requests through ``pricing``. Calls may outlast a login: tokens
are renewed by ``http.credentials.Token``, not here.
"""

from flipkit.scenarios.service.certificate import Certificate, certify
from flipkit.scenarios.service.instant import priced_by_service

__all__ = ["Certificate", "certify", "priced_by_service"]
