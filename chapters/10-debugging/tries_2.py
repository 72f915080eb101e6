"""What else is tried on the cluster of 10.2, to be recorded with it: other mends of its labs, right and wrong."""

from chapter_10.mends import record

if __name__ == "__main__":
    record(4, 5)
    record(6)  # alone: what it gives to its account holds in the whole cluster
