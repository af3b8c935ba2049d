"""Makes the sample fleet of flipkit: 24 fictional sites, one local calendar year of half-hours
each.

``data/README.md`` says what is real and what is modelled; ``data/make_sample.py`` runs
it.
"""
