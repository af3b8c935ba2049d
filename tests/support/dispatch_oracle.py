"""The cheapest dispatch of a battery as a linear or mixed-integer programme in HiGHS, written from the battery's words.

Shares no code with the package: five variables an interval (charge, discharge, import, export, stored), and two
yes-or-no ones where import and export, or charging and discharging, must not be at once.
"""

import highspy
import numpy as np
from scipy import sparse


def cheapest(net, buy, sell, step_h, battery, *, whole=True, options=()):
    """The least cost; `whole=False` leaves the yes-or-no variables free: the linear programme."""
    return solved(net, buy, sell, step_h, battery, whole=whole, options=options)[0]


def solved(net, buy, sell, step_h, battery, *, whole=True, options=()):
    """The least cost, and charge, discharge, import, export and stored energy of each interval."""
    model = highspy.Highs()
    for name, value in {
        "output_flag": False,
        "threads": 1,
        "mip_rel_gap": 1e-11,
        "mip_abs_gap": 1e-11,
        **dict(options),
    }.items():
        model.setOptionValue(name, value)
    cost, lower, upper, rows, least, most = _programme(net, buy, sell, step_h, battery, whole=whole)
    kinds = len(cost) // len(net)
    model.addVars(len(cost), lower, upper)
    model.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)
    if kinds > 5:
        binary = np.arange(5 * len(net), len(cost), dtype=np.int32)
        model.changeColsIntegrality(len(binary), binary, np.full(len(binary), 1, dtype=np.uint8))
    model.addRows(rows.shape[0], least, most, rows.nnz, rows.indptr[:-1], rows.indices, rows.data)
    model.run()
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal, model.getModelStatus()
    values = np.array(model.getSolution().col_value)
    return model.getInfo().objective_function_value, values.reshape(kinds, -1)[:5]


def _programme(net, buy, sell, step_h, battery, *, whole):
    n, zero, one = len(net), np.zeros(len(net)), np.ones(len(net))
    most, capacity = battery.power_kw * step_h, battery.capacity_kwh
    start = capacity * (battery.reserve if battery.initial_soc is None else battery.initial_soc)
    charge = one * most if battery.grid_charging else np.clip(-net, 0, most)
    discharge = one * most if battery.export_from_battery else np.clip(net, 0, most)
    through = np.abs(net) + most
    eye, before = sparse.eye(n), sparse.eye(n, k=-1)
    empty = sparse.csr_matrix((n, n))
    balance = [-eye, eye, eye, -eye, empty]  # import - export - charge + discharge = net
    stored = [
        -battery.charge_efficiency * eye,
        eye / battery.discharge_efficiency,
        empty,
        empty,
        eye - before,
    ]
    rows = [balance, stored]
    first = zero.copy()
    first[0] = start
    least, upto = [net, first], [net, first]
    cost = [zero, zero, buy, -sell, zero]
    lower = [zero, zero, zero, zero, one * battery.reserve * capacity]
    upper = [charge, discharge, through, through, one * capacity]
    if whole:
        rows = [[*row, empty, empty] for row in rows]
        limit, wide = sparse.diags(one * most), sparse.diags(through)
        for number, yes, bound in ((0, 5, -limit), (1, 5, limit), (2, 6, -wide), (3, 6, wide)):
            rows.append([eye if k == number else bound if k == yes else empty for k in range(7)])
        least += [np.full(n, -np.inf)] * 4
        upto += [zero, one * most, zero, through]
        cost, lower, upper = [*cost, zero, zero], [*lower, zero, zero], [*upper, one, one]
    matrix = sparse.csr_matrix(sparse.bmat(rows))
    joined = (np.concatenate(each) for each in (cost, lower, upper))
    return *joined, matrix, np.concatenate(least), np.concatenate(upto)
