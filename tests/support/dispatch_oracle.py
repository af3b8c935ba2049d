"""The cheapest dispatch of a battery as an LP or MILP in HiGHS, written from its description.

Shares no code with the package: five variables per interval (charge, discharge, import, export,
stored), and two binary ones where import and export, or charge and discharge, exclude each other.
"""

import highspy
import numpy as np
from scipy import sparse


def cheapest(net, buy, sell, step_h, battery, *, binaries=True, end_soc=None):
    """Return the lowest cost; without binaries it is a linear program.

    It ends at `end_soc` or above; by default the initial state of charge.
    """
    model = highspy.Highs()
    options = {"output_flag": False, "threads": 1, "mip_rel_gap": 1e-11, "mip_abs_gap": 1e-11}
    for name, value in options.items():
        model.setOptionValue(name, value)
    columns, rows = _linear_program(net, buy, sell, step_h, battery, end_soc)
    if binaries:
        _add_binaries(columns, rows, net, step_h, battery)

    cost, lower, upper = (np.concatenate(values) for values in zip(*columns, strict=True))
    model.addVars(len(cost), lower, upper)
    model.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)
    if binaries:
        integers = np.arange(5 * len(net), len(cost), dtype=np.int32)
        kinds = np.full(len(integers), 1, dtype=np.uint8)
        model.changeColsIntegrality(len(integers), integers, kinds)

    empty = sparse.csr_matrix((len(net), len(net)))
    padded = [
        coefficients + [empty] * (len(columns) - len(coefficients)) for *_, coefficients in rows
    ]
    matrix = sparse.csr_matrix(sparse.bmat(padded))
    least = np.concatenate([low for low, _, _ in rows])
    most = np.concatenate([high for _, high, _ in rows])
    starts = matrix.indptr[:-1]
    model.addRows(matrix.shape[0], least, most, matrix.nnz, starts, matrix.indices, matrix.data)
    model.run()
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal, model.getModelStatus()
    return model.getInfo().objective_function_value


def _linear_program(net, buy, sell, step_h, battery, end_soc):
    """Columns as (cost, lower, upper), and rows as (lower, upper, coefficients per column)."""
    count = len(net)
    zero, one = np.zeros(count), np.ones(count)
    most, capacity = battery.power_kw * step_h, battery.capacity_kwh
    charge = one * most if battery.grid_charging else np.clip(-net, 0, most)
    discharge = one * most if battery.export_from_battery else np.clip(net, 0, most)
    through = np.abs(net) + most
    initial_soc = battery.reserve if battery.initial_soc is None else battery.initial_soc
    least = one * battery.reserve * capacity
    least[-1] = (initial_soc if end_soc is None else end_soc) * capacity
    columns = [
        (zero, zero, charge),
        (zero, zero, discharge),
        (np.asarray(buy), zero, through),
        (-np.asarray(sell), zero, through),
        (zero, least, one * capacity),
    ]

    eye, before = sparse.eye(count), sparse.eye(count, k=-1)
    empty = sparse.csr_matrix((count, count))
    initial = zero.copy()
    initial[0] = capacity * initial_soc
    # import - export - charge + discharge = net
    balance = [-eye, eye, eye, -eye, empty]
    # stored - stored before - charge x efficiency + discharge / efficiency = 0
    into, out = -battery.charge_efficiency * eye, eye / battery.discharge_efficiency
    storage = [into, out, empty, empty, eye - before]
    rows = [(net, net, balance), (initial, initial, storage)]
    return columns, rows


def _add_binaries(columns, rows, net, step_h, battery):
    """Let charge and discharge, and import and export, exclude each other."""
    count = len(net)
    zero, one = np.zeros(count), np.ones(count)
    most, through = battery.power_kw * step_h, np.abs(net) + battery.power_kw * step_h
    eye, empty = sparse.eye(count), sparse.csr_matrix((count, count))
    for first, limit in ((0, one * most), (2, through)):
        binary = len(columns)
        columns.append((zero, zero, one))
        for column, factor, upper in ((first, -1, zero), (first + 1, 1, limit)):
            coefficients = [empty] * (binary + 1)
            coefficients[column] = eye
            coefficients[binary] = factor * sparse.diags(limit)
            rows.append((np.full(count, -np.inf), upper, coefficients))
