"""The honest baseline: how often was this route late at this hour?"""

import numpy as np
import pandas as pd

# A route and hour with few flights is pulled towards the overall rate, as if it had this many more flights.
PRIOR_FLIGHTS = 50


def baseline_probabilities(history: pd.DataFrame, flights: pd.DataFrame) -> np.ndarray:
    """Predict with the smoothed share of late flights per origin, destination and hour.

    Parameters
    ----------
    history, flights : DataFrame
        Rows of `featurize`: those to learn the shares from, and those to predict.

    Returns
    -------
    ndarray, shape (len(flights),)
        The probability to be late. A route or hour that history does not know gets the overall share.
    """
    overall = history["late"].mean()
    groups = history["late"].groupby(_route_and_hour(history)).agg(["sum", "count"])
    shares = (groups["sum"] + PRIOR_FLIGHTS * overall) / (groups["count"] + PRIOR_FLIGHTS)
    return _route_and_hour(flights).map(shares).fillna(overall).to_numpy()


def _route_and_hour(flights: pd.DataFrame) -> pd.Series:
    hour = (flights["departure_minute"] // 60).astype(int).astype(str)
    return flights["origin"] + "-" + flights["dest"] + "-" + hour
