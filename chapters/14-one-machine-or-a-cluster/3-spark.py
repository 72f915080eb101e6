# %% [markdown]
# # 14.3 · One machine or a cluster? Spark
#
# About 55 minutes · 3 GB of memory · no cluster
#
# Spark is what most companies mean when they say "on the cluster". It cuts tables into parts, hands them to processes
# on many machines, and goes on when one of them dies. Here all of its processes run on your machine, so that you can
# look at them, end one, and see what each kind of mistake looks like before it costs anything.
#
# You will
#
# 1. find for each row the latest of another table **where an engine has no as-of join** (exercise 14.6);
# 2. mend a job in which **one key has nearly all rows** (exercise 14.7);
# 3. write from a task that **may be done twice** (exercise 14.8);
# 4. get a large result **out of Spark** (exercise 14.9).
#
# Four times you **bet first**, in place of `None`.
#
# Spark is a program in Java, with half a gigabyte of libraries, and only this notebook needs it. So it lies in a folder
# of its own beside `.venv`. The first cell sets it up where it is missing, and says what that takes.

# %%
import companion

state = companion.workspace("14-3")

import companion.spark

companion.spark.set_up()

# %% [markdown]
# ## 1. Four kinds of process
#
# Start Spark. [`spark_here.py`](../chapters/14-one-machine-or-a-cluster/spark_here.py) does it so that nothing of it
# leaves this machine. Three programs in Java have to come up: on a busy machine it took a minute. If you end the
# kernel the hard way, they stay; the next start finds and ends those, and nobody else's.

# %%
from chapter_14 import spark_here

spark = spark_here.start()
from pyspark.sql import functions as F

for what, those in spark_here.processes().items():
    print(what, len(those))

# %% [markdown]
# | you know | in Spark | what it is |
# |---|---|---|
# | this notebook | **client** | asks, and shows; it knows no rows (this way of asking is called *Spark Connect*) |
# | – | **driver** | a Java process; makes a plan, hands out parts, puts together what comes back |
# | a process of joblib | **executor** | a Java process; does parts of the plan; on a cluster on any machine |
# | `df.apply(f)` | **Python worker** | a Python process beside an executor; only where your own Python has to run |
# | a file of a folder | **partition** | the part of a table that one task takes |
# | one call of joblib | **task** | one step on one partition |
# | – | **shuffle** | rows with equal keys are sent to the same partition, from each executor to each other |
#
# Until some years ago the driver lived inside the notebook's own process, and most programs are still written so
# (`SparkSession.builder.master(…)`). With Connect the notebook speaks to it through a port, and needs no Java.
#
# A data frame of Spark is a plan. Nothing is read until a result is asked for: `count()`, `toPandas()`, `write`.

# %%
from flightdelay.data import DATA

flights = spark.read.parquet(str(DATA / "flights"))
arrived = flights.where("arr_delay IS NOT NULL")
late = arrived.groupBy("month").agg(F.mean("arr_delay").alias("mean delay")).orderBy("month")
late.toPandas().round(2).tail(2)

# %% [markdown]
# The plan went to the driver, the executors read the files, and twelve rows came back. No Python worker was needed:
# what is said in Spark's own words runs in Java. As soon as you bring a function of your own, there are workers.
# `applyInPandas` is the most useful way: a function that takes and gives a pandas table, called for each group.

# %%
import os

import pandas as pd


def counted(part):
    shown = {"month": part["month"].iloc[0], "rows": len(part), "process": os.getpid()}
    return pd.DataFrame([shown])


found = flights.groupBy("month").applyInPandas(counted, "month int, rows long, process long").toPandas()
print("all rows:", found["rows"].sum(), "· in this process:", os.getpid() in set(found["process"]))
print("Python workers now:", len(spark_here.processes()["workers"]) > 0)

# %% [markdown]
# The function was written here, travelled as code to the driver and from there to the executors, and each row of the
# twelve months went from Java to Python and back. You have seen with Ray what it takes: what the function imports has
# to be there. Here the workers run the Python of `.venv`.
#
# ## 2. A number that nobody set
#
# A group-by is a shuffle: its rows are sent to as many partitions as the setting `spark.sql.shuffle.partitions` says.
# That is 200, for twelve months and for a billion customers, and it has been 200 since Spark was young.
#
# **Bet first.** `spark_here.tasks_of` runs something and asks Spark's own page how many tasks each step had. The
# flights are grouped by month: twelve groups. How many tasks has the last step?

# %%
my_bet = None  # a whole number

# %%
by_month = flights.groupBy("month").count()
tasks = spark_here.tasks_of(lambda: by_month.toPandas())
companion.compare_bet(my_bet, tasks[-1])
spark.conf.set("spark.sql.adaptive.enabled", "false")
print("without:", spark_here.tasks_of(lambda: by_month.toPandas())[-1])
spark.conf.set("spark.sql.adaptive.enabled", "true")

# %% [markdown]
# With the second setting you get what old books describe: 200 tasks, nearly all of them about nothing. It
# is what you get where `spark.sql.adaptive.enabled` is off. Since Spark 3.2 it is on. Then Spark looks at the sizes
# **after** the rows were sent, and puts small partitions together before somebody takes them.
#
# It cannot do so where **you** said a number (`repartition(200, "month")` is taken at its word), and it does not know
# how many files you want: each task that writes makes one. So the number is still yours to look at.
#
# ## 3. Three steps of the pipeline
#
# [`with_spark.py`](../chapters/14-one-machine-or-a-cluster/with_spark.py) does `ingest`, `validate` and `featurize`.
# The first only names files. The second turns the rules of the pipeline's own schema into one query that counts what
# breaks each of them; a rule that looks at a single row moves to any engine, one that looks at all of them ("each
# flight once") is a shuffle.
#
# The third has the as-of join: to each flight the latest weather that was known. DuckDB and
# Polars have an as-of join; Spark 4.3 has none among its public functions, so it has to be said in other words. Here
# they are:

# %%
from chapter_14 import with_pandas, with_spark
from chapter_14.tables import month_folder, same_columns

folder = month_folder(state / "months", "2013-07")
tables = with_spark.validate(with_spark.ingest(folder))
print("validated:", tables.flights.count(), "flights")
print(with_spark.SEEN[with_spark.SEEN.index("), both") + 3 :])

# %% [markdown]
# Read it from the top. Both tables become **one**, and each row says when: a row of the weather when it was known, a
# flight when it asks. In the order of time, with the weather first at equal times, the answer to each flight stands
# somewhere above it. A **window** goes down each airport's rows and carries the last weather along
# (`last … IGNORE NULLS`). What is too old is blanked afterwards.
#
# **Bet first.** Put that way, in another language, on parts, in two processes: how many of the table's columns differ
# from pandas's, in one value or more, in one of three months?

# %%
my_bet = None  # a whole number

# %%
differ = set()
for month in ("2013-02", "2013-07", "2013-12"):
    folder = month_folder(state / "months", month)
    with_pandas.featurize(folder, folder / "pandas.parquet")
    with_spark.featurize(folder, folder / "spark.parquet")
    same = same_columns(folder / "pandas.parquet", folder / "spark.parquet")
    names = list(pd.read_parquet(folder / "pandas.parquet"))
    print(month, "same:", len(same), "of", len(names))
    differ |= set(names) - set(same)
companion.compare_bet(my_bet, len(differ))

# %% [markdown]
# The contract stays, then. One thing is different: `spark.parquet` is a **folder** with a file from each task, and a
# sort by the key is a promise about the files in their order. pandas reads a folder like a file.
#
# And one thing to keep in mind: `PARTITION BY origin` cuts into **three** parts, since there are three airports. A
# hundred machines would leave ninety-seven without work. More on this in section 4.
#
# ## Exercise 14.6: The latest row, without an as-of join
#
# Write the body of `answer`. It gets two data frames of Spark, those of exercise 14.1: `decisions` (`row`, `origin`,
# `decided_at`) and `weather` (`origin`, `time_hour`, `temp`, `wind_gust`, `precip`). It returns a data frame of Spark
# with one row for **each** decision: `row`, `temp`, `wind_gust`, `precip` of the latest row of its airport that was
# complete at `decided_at`. A row is complete one hour after its `time_hour`. Where the latest one was complete more
# than six hours before, or there is none, the three are null; what is null in the row stays null. The order is free.
#
# The window above is one way, and a join by the airport with what follows from it is another. A third brings pandas
# along: `a.groupBy("origin").cogroup(b.groupBy("origin")).applyInPandas(f, schema)` calls `f` with both tables of each
# airport, and `schema` is a text such as `"row long, temp double"`. `spark.sql("… {a} …", a=a)` takes a data frame.


# %%
def answer(decisions, weather):
    """Return row, temp, wind_gust and precip for each decision, as a data frame of Spark."""

    ### BEGIN SOLUTION
    def latest(asked, board):
        board["at"] = board["time_hour"] + pd.Timedelta(hours=1)
        asked, board = asked.rename(columns={"decided_at": "at"}).sort_values("at"), board.sort_values("at")
        seen = pd.merge_asof(asked, board, on="at", tolerance=pd.Timedelta(hours=6))
        return seen[["row", "temp", "wind_gust", "precip"]]

    pairs = decisions.groupBy("origin").cogroup(weather.groupBy("origin"))
    return pairs.applyInPandas(latest, "row long, temp double, wind_gust double, precip double")
    ### END SOLUTION


# %%
from companion import check

check.ex_14_6(answer)

# %% [markdown]
# ## 4. It breaks: one key has nearly all rows
#
# Keys are seldom fair. Here is a key that a report would group by, with a look at how many rows a task would get.

# %%
ends = F.when(F.col("arr_delay").isNull(), "not arrived").when(F.col("arr_delay") > 180, "hours late")
ends = ends.when(F.col("arr_delay") > 15, "late").otherwise("on time")
keyed = flights.select(ends.alias("key"), F.col("dep_delay").alias("value"))
rows = keyed.groupBy("key").count().toPandas().set_index("key")["count"].sort_values()
(rows / rows.sum()).round(3)

# %% [markdown]
# The **symptom** on a cluster: all tasks are through after a minute, and one runs for an hour, or is killed for want of
# memory. The **evidence** is a table like this one, or the page of Spark, where the longest task took many times the
# median. The **cause**: equal keys meet in one partition, and `applyInPandas` needs all rows of a group in **one**
# call, in the memory of one Python worker. More machines change nothing.
#
# A `groupBy(…).agg(…)` in Spark's own words hardly suffers. Each task adds up its own rows first, and sends one row for
# each key. That is the mend for your own function, too: **cut the key** so that no part is large, call the function for
# each part, and add up what comes back. What may be cut so is what can be added up: counts, sums, the largest. A median
# is none of these.
#
# ## Exercise 14.7: No call is too large
#
# Write the body of `answer`. It gets a data frame of Spark with the columns `key` (a text, or null) and `value`, a
# function `counted` that takes a pandas table of rows with **one** key and returns a table with one row, its `schema`
# (`key string, rows long, late long`), and `most`, the number of rows that no call of `counted` may exceed. It
# returns a data frame of Spark with one row for each key: `key`, `rows`, `late`, of all its rows. `counted` has to be
# called by Spark's workers. The largest key has far more than `most` rows; `F.rand(0)` is a random number for each row
# (parts that are cut at random are never quite equal, so leave some room), and `first()` fetches one row.


# %%
def answer(table, counted, schema, most):
    """Return rows and late for each key; no call of counted gets more than `most` rows."""
    ### BEGIN SOLUTION
    largest = table.groupBy("key").count().agg(F.max("count")).first()[0]
    pieces = 2 * (largest // most + 1)
    cut = table.withColumn("piece", F.floor(F.rand(0) * pieces))
    parts = cut.groupBy("key", "piece").applyInPandas(counted, schema)
    return parts.groupBy("key").agg(F.sum("rows").alias("rows"), F.sum("late").alias("late"))
    ### END SOLUTION


# %%
check.ex_14_7(answer)

# %% [markdown]
# ## 5. It breaks: an executor is killed
#
# A machine is taken away, a Pod is evicted, a process is killed for its memory. So end one of the two executors, the
# hard way, while it works. Four tasks each note in a file that they were done, as a task does that writes to a
# database, and then they wait until somebody has killed an executor. That is `kill_one` of
# [`spark_here.py`](../chapters/14-one-machine-or-a-cluster/spark_here.py): it waits for the first note, and kills the
# executor whose worker wrote it.
#
# **Bet first.** Eight rows in four partitions. What does Spark say, and how many notes are there?

# %%
my_bet = None  # the rows, or "an error", and the number of notes: [8, 4] or ["an error", 3] …

# %%
import threading
import time
from pathlib import Path


def noted(parts, notes):
    for part in parts:
        with open(Path(notes, "notes"), "a") as file:
            print(os.getpid(), file=file)
        while not Path(notes, "killed").exists():
            time.sleep(0.1)
        yield part


# %%
import tempfile

notes = tempfile.mkdtemp(dir=state)
killer = threading.Thread(target=spark_here.kill_one, args=(Path(notes),))
killer.start()
eight = spark.range(8, numPartitions=4).mapInPandas(lambda parts: noted(parts, notes), "id long")
counts = len(eight.toPandas())
killer.join()
companion.compare_bet(my_bet, [counts, len(Path(notes, "notes").read_text().splitlines())])

# %% [markdown]
# The result is right, and nobody had to do anything. A partition is a step of a plan, so what was lost is made again
# from what it was made of, by an executor that is there. That is the promise for which people pay for Spark, and it is
# about **what Spark returns**.
#
# The notes tell the rest: what a task does to the world outside, Spark cannot take back. The task was done once to the
# line that writes, and then again. It is chapter 02's lesson in another place: **a step is run again**, so writing has
# to be safe to repeat. Spark's own `write` is: each task writes to a place of its own, and what is finished is moved.
#
# ## Exercise 14.8: Done twice, counted once
#
# Write the body of `answer`. A task of Spark calls it with the number of its partition, its rows as a pandas table, and
# a folder that all tasks share. It writes the rows into the folder. Whoever reads `folder/*.parquet` afterwards has to
# find each row once: also where a task died after writing and was done again, also where two attempts write at the
# same time, and also where an attempt died **while** it wrote: nothing that is half written may be found under such a
# name. (An attempt may leave other files behind.)


# %%
def answer(partition, rows, folder):
    """Write the rows of a partition so that doing it again changes nothing."""
    ### BEGIN SOLUTION
    import uuid

    mine = Path(folder) / f"{partition}.{uuid.uuid4()}.begun"
    rows.to_parquet(mine)
    mine.replace(Path(folder) / f"{partition:05}.parquet")
    ### END SOLUTION


# %%
check.ex_14_8(answer)

# %% [markdown]
# ## 6. It breaks: all rows, please
#
# [`collects.py`](../chapters/14-one-machine-or-a-cluster/collects.py) is a program with a driver of its own that may
# hold 512 MB. It counts a table of eight million rows with eight columns of random numbers, and then fetches them with
# `collect()`. The table is 510 MB; each of its 64 tasks holds 8 MB. (Driver and executor are one process here.)
#
# **Bet first.** How does it end?

# %%
my_bet = None  # "collected", "an error in Python, and the driver lives" or "the driver dies"

# %%
import subprocess
import sys


def run_with(limit):
    command = [sys.executable, "-m", "chapter_14.collects", limit]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    return done.stdout + done.stderr


said = run_with("0")
print("counted:", "counted: 8000000" in said, "· collected:", "collected: 8000000" in said)
print([line.rpartition(":")[0] for line in said.splitlines() if "Terminating" in line])
companion.compare_bet(my_bet, "the driver dies" if "Terminating" in said else "another end")

# %% [markdown]
# Counting was no trouble: each task sends a number. `collect()` (and `toPandas()`, and a join that *broadcasts* a table
# that is not small) brings the rows of **all** executors together in the driver, before your program sees the first of
# them. There is one driver, and with it dies everybody's work that it held: the plan, the executors, the other
# notebooks that use it. On Kubernetes you see `OOMKilled` on the driver's Pod, or an exit code.
#
# Spark has a guard for it, `spark.driver.maxResultSize`. By default it is 1 GB, and was switched off here (`0`). A
# driver with less memory than the guard allows is not guarded. Now with 64 MB:

# %%
said = run_with("64m")
refused = [line for line in said.splitlines() if "maxResultSize" in line]
print("an error in Python:", bool(refused), "· the driver died:", "Terminating" in said)

# %% [markdown]
# An error in place of a death, and the driver lives. The notebook's own Spark has the guard at 48 MB. But the guard
# does not get the rows to you. The mend is not to collect: let the executors **write** what is large, and collect what
# is small, which you have Spark compute.
#
# ## Exercise 14.9: Out of Spark, in four files
#
# Write the body of `answer`. It gets a data frame of Spark, larger than the driver may collect, with a column `delay`,
# and the path of a folder that is not there yet. It writes the table to it as Parquet, in exactly **four** files (see
# section 2: who decides how many there are?), and returns two numbers: how many rows there are, and the mean of
# `delay`.


# %%
def answer(table, folder):
    """Write the table in four Parquet files; return how many rows it has, and the mean of delay."""
    ### BEGIN SOLUTION
    table.repartition(4).write.parquet(str(folder))
    return tuple(table.agg(F.count("*"), F.mean("delay")).first())
    ### END SOLUTION


# %%
check.ex_14_9(answer)

# %% [markdown]
# ## 7. When not
#
# Spark's start, and what it takes until a first small result is there, is paid for each program. `make bench-scale`
# measures it on your machine, each engine in a process of its own. This is the machine of notebook 14-1, one year of
# flights; where an engine does not stand in the table, it has not been measured there.

# %% alt="A bar for the start of each engine; beside it seconds by years, the start left out, with a line for each."
import json
import matplotlib.pyplot as plt
from chapter_14.measure import TABLE

table = json.loads(TABLE.read_text())
print(", ".join(f"{name}: {value}" for name, value in table["machine"].items()))
measured = pd.DataFrame(table["rows"])
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
starts = measured.groupby("engine", sort=False)["start_seconds"].median()
axes[0].barh(list(starts.index)[::-1], list(starts)[::-1])
axes[0].set(title="seconds to start")
lines = measured[measured["ended"] == "done"].pivot(index="years", columns="engine", values="seconds")
lines.plot(ax=axes[1], marker="o", loglog=True).set(title="seconds after it", xlabel="years of flights")
plt.show()
measured.query("years == 1").set_index("engine")[["start_seconds", "seconds", "peak_mb"]]

# %% [markdown]
# Do **not** take Spark for a table that one process can read, for a step that runs every few minutes, or for a search
# over settings (that is many small calls, and Ray's or joblib's). Take it where the table is larger than any machine
# that you can have, where the data already lies beside a cluster of it, or where a job takes so many hours that
# machines will die during it: the promise of section 5 is worth its price there.
#
# ## 8. The same on a cluster
#
# On Kubernetes the driver and each executor are Pods. `spark-submit --master k8s://…` makes them, and the **Spark
# operator** does the same from an object, `SparkApplication`. **This manifest was not run for this book**, on no
# cluster: its image, and the operator, would have to be there. It was written after the operator's documentation.

# %%
companion.copy_manifests(state)
print((state / "sparkapplication.yaml").read_text())

# %% [markdown]
# Sections 5 and 6 are in it: the executors may come and go, the driver may not; its memory is said by itself; what
# Python takes beside Java comes on top (`memoryOverhead`), and a Pod that has too little of it is killed without a word
# of Java.
#
# ## Recap
#
# 1. You found the **latest row** without an as-of join.
# 2. You **cut a key** that had nearly all rows, and added up what came back.
# 3. You wrote from a task so that **doing it twice** changes nothing.
# 4. You got a large result out of Spark **without the driver**: the executors wrote it, in as many files as you said.
#
# ## Clean-up, and what comes next
#
# The last cell ends Spark, and removes its folder. `.venv-spark` stays (630 MB); `rm -rf .venv-spark` removes it. The
# next chapter cuts a single training into parts: `15-1`, two workers and one model.

# %%
spark_here.end()
print("Spark is ended:", not list(spark_here.records().glob(f"{os.getpid()}.json")))
