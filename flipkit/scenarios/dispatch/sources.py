"""Where the energy of a battery comes from, and where it goes."""

from __future__ import annotations

from flipkit.scenarios.dispatch.compiled import INPUT_TABLE, LIMITS, ROW, entry
from flipkit.scenarios.dispatch.problem import Limits
from flipkit.vocabulary import Float64

__all__ = ["source_rows"]


@entry(INPUT_TABLE, INPUT_TABLE, INPUT_TABLE, LIMITS, ROW, ROW)
def source_rows(
    consumption_kwh: Float64,
    generation_kwh: Float64,
    flow_kwh: Float64,
    limits: Limits,
    foreign_export_kwh: Float64,
    foreign_import_kwh: Float64,
) -> None:
    """Set, for each site, which exports are not generation and which imports not consumption.

    Generation serves the consumption first, then the battery; what is stored is drawn in proportion
    to its sources. What is stored at first is not known to be generation, so it is not.

    * `foreign_export_kwh`: exports less the generation that was exported, directly or through the
      battery. An exported kWh of generation is counted with its losses.
    * `foreign_import_kwh`: imports less the consumption that own generation did not serve.
    """
    sites, intervals = flow_kwh.shape
    stored_per_kwh = limits.charge_efficiency
    drawn_per_kwh = 1.0 / limits.discharge_efficiency
    empty = 1e-9 * limits.usable_kwh
    for row in range(sites):
        stored, own = limits.initial_kwh, 0.0
        foreign_export, foreign_import = 0.0, 0.0
        for t in range(intervals):
            consumption, generation = consumption_kwh[row, t], generation_kwh[row, t]
            flow = flow_kwh[row, t]
            if flow > 0.0:
                from_generation = min(flow, max(generation - consumption, 0.0))
                stored += flow * stored_per_kwh
                own += from_generation * stored_per_kwh
                foreign_import += flow - from_generation
            elif flow < 0.0:
                share = min(own / stored, 1.0) if stored > 0.0 else 0.0
                to_consumption = min(-flow, max(consumption - generation, 0.0))
                to_export = -flow - to_consumption
                # What was charged for an exported kWh: the losses are exported with it.
                behind_export = to_export * share * drawn_per_kwh / stored_per_kwh
                foreign_export += to_export - behind_export
                foreign_import -= to_consumption * (1.0 - share)
                stored -= -flow * drawn_per_kwh
                own -= -flow * drawn_per_kwh * share
                if stored <= empty:  # or rounding errors would have a source
                    stored, own = 0.0, 0.0
        foreign_export_kwh[row] = foreign_export
        foreign_import_kwh[row] = foreign_import
