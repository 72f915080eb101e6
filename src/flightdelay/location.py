"""Where the data lies. Airflow reads DAG files again and again, so this module imports nothing that takes long."""

import os
from pathlib import Path

# In an image or on a cluster the data lies elsewhere than beside the code.
DATA = Path(os.environ.get("FLIGHTDELAY_DATA", Path(__file__).resolve().parents[2] / "data"))
