"""One rank of `XGBoostOnMany`."""

import json
import os
import sys

import numpy as np
import xgboost
from xgboost.collective import CommunicatorContext

RULES = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "nthread": 1}
xgboost.set_config(verbosity=0)
rank = int(os.environ["RANK"])
share = np.load(f"share-{rank}.npz")
with CommunicatorContext(**json.loads(sys.argv[1])):
    rows = xgboost.DMatrix(share["X"], share["late"])  # a meeting: all ranks agree on the columns
    model = xgboost.train(RULES, rows, num_boost_round=60)
if rank == 0:
    model.save_model("model.json")
