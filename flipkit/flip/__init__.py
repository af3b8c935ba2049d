"""The Flip Aggregator API: sites, equipment performance, fleet data, commissioning."""

from flipkit.flip.client import Flip

__all__ = ["Flip"]
