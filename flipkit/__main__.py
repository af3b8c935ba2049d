"""``python -m flipkit``: the command line."""

import sys

from flipkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
