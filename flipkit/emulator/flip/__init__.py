"""The Flip half of the emulator."""
