"""The six steps for passengers' messages. `flightdelay.steps` takes this folder for its own where it is told to.

There are no absolute imports among these files: they are `chapter_16.steps` for a reader, and `flightdelay.steps` for
the four adapters, in a process whose environment says ``FLIGHTDELAY_STEPS``.
"""
