"""Helpers, cases and oracles that the tests share; the oracles share no code with flipkit."""
