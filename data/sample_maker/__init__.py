"""Makes the sample fleet of flipkit: 24 fictional sites, one local calendar year of half-hours
each.

What is real, what is modelled and how is told in ``data/README.md``; ``data/make_sample.py`` runs
it.
"""
