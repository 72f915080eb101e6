"""A program that asks Spark for too much at once: ``python -m chapter_14.collects LIMIT``, in a process of its own.

Its driver may hold 512 MB. LIMIT is ``spark.driver.maxResultSize``, what it may collect: ``0`` is no limit.
"""

import os
import sys
import tempfile
from pathlib import Path

ROWS = 8_000_000  # with eight columns of random numbers: 510 MB
TASKS = 64  # each holds 8 MB


def main(limit: str) -> None:
    """Count the rows of a table, then fetch them all."""
    from chapter_14 import spark_here

    spark_here.borrow()
    for name in [each for each in os.environ if each.startswith("SPARK_")]:
        del os.environ[name]  # what the notebook's own Spark has said there
    with tempfile.TemporaryDirectory(prefix="flights-spark-") as place:
        os.environ.update(spark_here.environment(Path(place)))
        os.chdir(place)
        from pyspark.sql import SparkSession
        from pyspark.sql import functions as F

        settings = {
            "spark.driver.memory": "512m",
            "spark.driver.maxResultSize": limit,
            "spark.driver.extraJavaOptions": "-XX:+ExitOnOutOfMemoryError",  # without it, it hangs
            "spark.ui.enabled": "false",
            "spark.log.level": "ERROR",
        }
        spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
        table = spark.range(0, ROWS, 1, TASKS).select(
            *[F.rand(number).alias(f"c{number}") for number in range(8)]
        )
        print("counted:", table.count(), flush=True)
        print("collected:", len(table.collect()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
