"""How far has a month moved away from the months that a model learned from?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import entropy

BINS = 10
# A bin that one side never saw would make the index infinite.
SMALLEST_SHARE = 1e-4


def population_stability_index(reference: pd.Series, current: pd.Series) -> float:
    """Compare the distribution of one column in two sets of rows.

    The index is the symmetric Kullback-Leibler divergence over ten bins of equal share in `reference`
    (numbers) or over the values (categories); missing values are a bin of their own. By the custom of
    credit scoring (Siddiqi, *Credit Risk Scorecards*, 2006) below 0.1 is stable and above 0.25 has moved.

    Parameters
    ----------
    reference, current : Series
        The column in the rows learned from and in the rows to compare.

    Returns
    -------
    float
        0 for equal distributions; it has no upper bound.
    """
    if pd.api.types.is_numeric_dtype(reference):
        edges = np.unique(reference.quantile(np.linspace(0, 1, BINS + 1)).dropna())[1:-1]
        reference, current = (
            pd.Series(np.where(column.isna(), -1, np.searchsorted(edges, column, side="right")))
            for column in (reference, current)
        )
    shares = pd.concat([column.value_counts(normalize=True) for column in (reference, current)], axis=1)
    p, q = shares.fillna(0).clip(lower=SMALLEST_SHARE).to_numpy().T
    return float(entropy(p, q) + entropy(q, p))


def drift(reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """Return the `population_stability_index` of each column, largest first."""
    found = {name: population_stability_index(reference[name], current[name]) for name in columns}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
