"""The six steps, one file each, in their order: ingest, validate, featurize, train, evaluate, decide."""
