"""Notebooks are tested without keys, without a real account, and without progress bars."""

import os

# Here, not in a fixture: the kernels take the environment of the process that starts them.
for name in list(os.environ):
    if name.startswith(("FLIP_", "FLATPEAK_", "FLIPKIT_")):
        del os.environ[name]
os.environ["TQDM_DISABLE"] = "1"
