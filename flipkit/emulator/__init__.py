"""The emulator: both APIs over one store, with a sample fleet, for work without an account or a network."""
