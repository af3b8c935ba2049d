"""The Flip Aggregator API: sites, equipment performance, fleet data, commissioning."""

from flipkit.flip.client import Flip, performance_columns, site_columns

__all__ = ["Flip", "performance_columns", "site_columns"]
