"""The six steps, one file each, in their order: ingest, validate, featurize, train, evaluate, decide."""

import os

# Another model's steps lie in a folder of their own (chapter 16); the adapters import these names and do not know.
__path__ = [os.environ.get("FLIGHTDELAY_STEPS", *__path__)]
