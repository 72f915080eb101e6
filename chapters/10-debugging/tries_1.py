"""What else is tried on the cluster of 10.1, to be recorded with it: other mends of its labs, right and wrong."""

from chapter_10.mends import record

if __name__ == "__main__":
    record(1, 2, 3)
