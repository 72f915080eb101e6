"""The month by itself: run the pipeline for the scheduled month, and serve whoever is champion then."""

import json
import os
import ssl
import sys
import urllib.request
from pathlib import Path

from month import month_of

from flightdelay.pipelines.in_plain_python import run
from flightdelay.store import Store

SPACE = "/namespaces/flights-monthly"


def call(path, patch=None):
    """Get an object of the cluster, or change it, with the rights of this Pod."""
    here = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    headers = {"Authorization": f"Bearer {(here / 'token').read_text()}"}
    headers["Content-Type"] = "application/strategic-merge-patch+json"
    data, method = (json.dumps(patch).encode(), "PATCH") if patch else (None, "GET")
    asked = urllib.request.Request("https://kubernetes.default" + path, data, headers, method=method)
    trust = ssl.create_default_context(cafile=here / "ca.crt")
    return json.load(urllib.request.urlopen(asked, context=trust, timeout=60))


month = os.environ.get("MONTH")  # given by hand, where a month is done again
if not month:
    job = call(f"/apis/batch/v1{SPACE}/jobs/{os.environ['JOB']}")
    notes = job["metadata"].get("annotations", {})
    try:
        month = month_of(notes.get("batch.kubernetes.io/cronjob-scheduled-timestamp"))
    except ValueError as error:
        sys.exit(str(error))
print("month:", month, flush=True)
print("decision:", run(month, sample=5000, store="/store").decision["decision"])
version = Store("/store").champion()
serve = {"name": "serve", "env": [{"name": "FLIGHTDELAY_CHAMPION", "value": version}]}
form = {"metadata": {"labels": {"month": version[:7]}}, "spec": {"containers": [serve]}}
note = {"annotations": {"kubernetes.io/change-cause": f"champion of {version[:7]}"}}
call(f"/apis/apps/v1{SPACE}/deployments/predictions", {"metadata": note, "spec": {"template": form}})
print("in use: the champion of", version[:7])
