"""The Flatpeak half of the emulator."""
