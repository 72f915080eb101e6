# %% [markdown]
# # 14.1 · One machine or a cluster? The question first
#
# About 50 minutes · 3 GB of memory · no cluster
#
# "Will it scale?" is asked early and answered by a name: Spark, Ray, Dask. Here it is answered by a measurement. You
# take the year of flights several times over, see what breaks first on one machine, and then do in one process what
# most people should do before they ask for a second machine.
#
# You will
#
# 1. write the join with the weather in **SQL or Polars** so that the features stay the same (exercise 14.1);
# 2. say from seconds and memory **what breaks first**, and at how many rows (exercise 14.2).
#
# Three times you **bet first**, in place of `None`.

# %%
import companion

state = companion.workspace("14-1")

import companion.scale

companion.scale.set_up()

# %% [markdown]
# ## 1. More rows of which you know the answer
#
# The year has 336,776 flights. That is little, and nobody needs a cluster for it. So that there is something to decide,
# take it several times over. [`years.py`](../chapters/14-one-machine-or-a-cluster/years.py) writes copies, each 53
# weeks after the one before: weekdays stay, no two flights share a key, and each copy has its own weather. Rows that
# are merely repeated would be easier than real ones: a join would find the same weather again and again. Making them
# takes a while, once.

# %%
from chapter_14.years import years

place = state.parent / "years"  # kept for all sittings of this chapter
one, ten, forty = (years(place, number) for number in (1, 10, 40))

# %%
from chapter_14.measure import flights_in

for number, folder in ((1, one), (10, ten), (40, forty)):
    print(f"{number:2} years: {flights_in(folder):>10,} flights")

# %% [markdown]
# The job is the third step of the pipeline, `featurize`: a few columns computed row by row, a join with the weather, a
# sort by the key. For this chapter the contract is the same, and only input and output are files: a folder with flights
# and weather goes in, a file of features comes out.

# %%
import inspect

from chapter_14 import with_pandas

print(inspect.getsource(with_pandas.featurize))

# %% [markdown]
# ## 2. What breaks first?
#
# Three things can break on one machine: **memory** (the process is killed), **time** (the result comes too late), and
# your **patience**, which is time while you are looking for a mistake and run it for the tenth time.
#
# Seconds that are measured inside the notebook say nothing about memory, since the notebook itself holds some.
# [`measure.py`](../chapters/14-one-machine-or-a-cluster/measure.py) starts a process for each measurement, looks at its
# memory fifty times a second, and ends it where it goes beyond a limit. On the machine of section 6 this takes twelve
# seconds.

# %%
from chapter_14.measure import measure

took = {("pandas", 1): measure("pandas", one)}
took["pandas", 10] = measure("pandas", ten)
for (engine, number), row in took.items():
    print(f"{engine}, {number:2} years: ended by", row["ended"])

# %% [markdown]
# Both came to their end, "done". What they took stands in `took`: look at it in a cell of your own. `start_seconds` is
# the time until Python has imported what it needs; it does not grow with the rows and is named by itself, here and
# for every engine of this chapter.
#
# **Bet first.** The same for forty years, on a machine that has 3 GB for it and a person who waits for ten minutes.
# What ends it?

# %%
my_bet = None  # "memory", "time" or "done"

# %%
took["pandas", 40] = measure("pandas", forty, memory_mb=3_000, patience=600)
companion.compare_bet(my_bet, took["pandas", 40]["ended"])

# %% [markdown]
# pandas holds the whole table in memory, and `featurize` holds it more than once: the flights, the sorted flights, the
# joined rows, the features. Draw a line through what one year and ten years took, and you have about what this one
# would have needed.
#
#
# On a cluster or on a laptop, such a process ends without a word of Python: the system kills it (chapter 08 shows
# `OOMKilled`). Here our own watchman did it, before anything else on your machine had to suffer.
#
# So is this the point where you need a cluster? Not yet. First: does it have to be in memory at all?
#
# ## 3. One process, done well
#
# DuckDB and Polars run in your process like pandas. Two things are different. They are told **the whole question**
# before they read a byte, so that they read only the columns and rows that it needs; and they work through a file
# **in parts, on all cores**. See the share of late flights by month, of forty years, 13 million rows, as SQL:

# %%
import duckdb

files = str(forty / "flights" / "*.parquet")
by_month = duckdb.sql(f"""
    SELECT month, count(*) AS flights, round(avg(CAST(arr_delay > 15 AS INT)), 3) AS late
    FROM '{files}' WHERE arr_delay IS NOT NULL GROUP BY month ORDER BY month
""")
by_month.df().tail(2)

# %% [markdown]
# And as a query of Polars. `scan_parquet` reads nothing yet, and `collect` runs the whole. `%time` in front of a line
# shows you what each takes.

# %%
import polars as pl

lazy = (
    pl.scan_parquet(files)
    .filter(pl.col("arr_delay").is_not_null())
    .group_by("month")
    .agg(flights=pl.len(), late=(pl.col("arr_delay") > 15).mean().round(3))
    .sort("month")
)
lazy.collect().to_pandas().tail(2)

# %% [markdown]
# Both agree with each other; do they agree with pandas? (A copy is 53 weeks after the one before, so that a calendar
# month holds other days in each. These shares are there to be compared, not to be believed.)

# %%
import pandas as pd

two = pd.read_parquet(forty / "flights", columns=["month", "arr_delay"]).dropna()
in_pandas = two.assign(late=two["arr_delay"] > 15).groupby("month")["late"].mean().round(3)
print("DuckDB the same:", list(by_month.df()["late"]) == list(in_pandas))
print("Polars the same:", lazy.collect()["late"].to_list() == list(in_pandas))
del two

# %% [markdown]
# A group-by is easy to move. Look at one thing before you move more: **what is missing**. pandas writes NaN and leaves
# it in its row; SQL has NULL, and many a query drops the row that has one. `dropna()` and an inner join do the same
# without being asked.
#
# **Bet first.** A colleague moves the features to SQL and keeps only the rows in which all of the weather is there
# (`wind_gust` is missing four times in five). Of all flights, 23.7% are late. And of those that are left?

# %%
my_bet = None  # "lower", "the same" or "higher"

# %%
from flightdelay.steps.featurize import WEATHER

with_pandas.featurize(one, state / "pandas.parquet")
features = pd.read_parquet(state / "pandas.parquet")
complete = features.dropna(subset=WEATHER)
shares = [float(table["late"].mean()) for table in (features, complete)]
print(f"{len(features):,} flights, {shares[0]:.3f} late; complete: {len(complete):,}, {shares[1]:.3f} late")
companion.compare_bet(my_bet, "higher" if shares[1] > shares[0] else "lower")

# %% [markdown]
# Gusts are reported when it is windy, and wind makes flights late. What is missing is never missing by chance, so a
# query that drops it moves the rate, and no error is raised. (The tables of this book are small enough to see it. At
# a billion rows you see a rate of .262 and believe it.)
#
# ## 4. The join that is not in the textbook
#
# The interesting part of `featurize` is the join with the weather (chapter 01): for each decision the **latest** row of
# its airport that was complete then, and none that is older than six hours. Most decisions fall between two rows of the
# weather, so it is no join on equal keys. In SQL such a join is called an *as-of join*. Our tables, for a run of June
# (May and June):

# %%
from chapter_14.tables import decisions_and_weather
from flightdelay.steps.ingest import ingest

june = ingest("2013-06", window=1)
decisions, weather = decisions_and_weather(june)
print(decisions.num_rows, "decisions:", decisions.column_names)
print(weather.num_rows, "rows of weather:", weather.column_names)

# %% [markdown]
# Both are Arrow tables, in which what is missing is null, as in the files. DuckDB finds them by the name of the
# variable, Polars takes them by `pl.from_arrow(…)`. In both, an as-of join has a form of its own:
#
# ```sql
# SELECT … FROM notices ASOF JOIN board ON notices.place = board.place AND notices.at >= board.pinned_at
# ```
#
# ```python
# notices.sort("at").join_asof(board.sort("pinned_at"), left_on="at", right_on="pinned_at", by="place", strategy=…)
# ```
#
# What they do with a decision that finds no row, with one that is too old, and what "latest" means, you have to know
# and say: [DuckDB's page](https://duckdb.org/docs/stable/sql/query_syntax/from.html#as-of-joins),
# [Polars's](https://docs.pola.rs/api/python/stable/reference/dataframe/api/polars.DataFrame.join_asof.html).
#
# ## Exercise 14.1: The same weather, without pandas
#
# Write the body of `answer`. It gets two such tables and returns one row for **each** decision: `row` and the columns
# `temp`, `wind_gust` and `precip` of the latest row of its airport that was complete at `decided_at`. A row of the
# weather is complete one hour after its `time_hour`. Where the latest one was complete more than six hours before the
# decision, or there is none, the three are null; what is null in the row stays null. Neither table comes in the order
# of time. Return what your engine gives: a query of DuckDB, a frame of Polars, an Arrow table. The order of the rows is
# free. In DuckDB keep the six hours out of the join's condition (`CASE WHEN` in the SELECT): as a third condition they
# make it compare each row with each, which takes a minute in place of a second.


# %%
def answer(decisions, weather):
    """Return row, temp, wind_gust and precip for each decision, in SQL or Polars."""
    ### BEGIN SOLUTION
    board = pl.from_arrow(weather).with_columns(complete_at=pl.col("time_hour") + pl.duration(hours=1))
    asked = pl.from_arrow(decisions).with_columns(complete_at="decided_at").sort("complete_at")
    latest = {"by": "origin", "strategy": "backward", "tolerance": "6h"}
    seen = asked.join_asof(board.sort("complete_at"), on="complete_at", **latest)
    return seen.select("row", "temp", "wind_gust", "precip")
    ### END SOLUTION


# %%
from companion import check

check.ex_14_1(answer)

# %% [markdown]
# **The next cells hold the book's way. Stop here until yours is right, then compare.** It is
# [`with_duckdb.py`](../chapters/14-one-machine-or-a-cluster/with_duckdb.py) and
# [`with_polars.py`](../chapters/14-one-machine-or-a-cluster/with_polars.py): the whole step, from files to a file.

# %%
from chapter_14 import with_duckdb, with_polars

print(inspect.getsource(with_polars.features).split("return seen")[0])

# %%
print(with_duckdb.SEEN.split(", ")[0])
print(with_duckdb.FEATURES.split(") AS board")[-1])

# %% [markdown]
# ## 5. The same, or nearly the same?
#
# An engine that is fast and gives something else is of no use. So hold its features against pandas's, for three
# months: each row, each value, each missing value, to the last bit.
#
# **Bet first.** Numbers with a point, computed in another language, in parallel, in another order: how many of the
# table's columns differ somewhere, in one of the engines or of the months?

# %%
my_bet = None  # a whole number

# %%
from chapter_14.tables import month_folder, same_columns

same = set(features.columns)
for month in ("2013-02", "2013-07", "2013-12"):
    folder = month_folder(state / "months", month)
    for engine in (with_pandas, with_duckdb, with_polars):
        engine.featurize(folder, folder / f"{engine.__name__}.parquet")
    for engine in (with_duckdb, with_polars):
        found = same_columns(folder / "chapter_14.with_pandas.parquet", folder / f"{engine.__name__}.parquet")
        print(month, engine.__name__.split("_")[-1], "same:", len(found), "of", len(features.columns))
        same &= set(found)
companion.compare_bet(my_bet, len(features.columns) - len(same))

# %% [markdown]
# Nothing is summed up here, so that nothing depends on an order: each value is taken from one row or computed from one
# row. (A sum or a mean over millions of rows may differ in its last digits; then you compare rounded, as the book's
# digest does.) The features are the same, so the model that learns from them is the same.
#
# Now the same job as before, ten years, with all three. A line appears when an engine is through.

# %%
for engine in ("duckdb", "polars"):
    for number, folder in ((1, one), (10, ten)):
        took[engine, number] = measure(engine, folder)
    print(engine, "is through:", took[engine, 10]["ended"])

# %% alt="Seconds and megabytes for 1 and 10 years of flights, a line each for pandas, DuckDB and Polars."
import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for axis, what, name in zip(axes, ("seconds", "peak_mb"), ("seconds", "megabytes at most"), strict=True):
    for engine in ("pandas", "duckdb", "polars"):
        axis.plot([1, 10], [took[engine, number][what] for number in (1, 10)], marker="o", label=engine)
    axis.set(xlabel="years of flights", title=name, ylim=(0, None))
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# These are your machine's figures, so they are drawn and nothing is said about them. Read three things off: the
# **slope** (what one more year costs), what is there **at the left end** (what a small job costs already), and whether
# lines cross. On few rows the three are so close together that the choice is one of taste.
#
# ## 6. Further to the right
#
# More years take too long for a notebook. `make bench-scale` measures them, with 8 GB as the limit. What follows is
# stored beside the chapter and was measured on the machine in its first line. Where there is no figure, the engine
# was ended at the limit.

# %%
import json

from chapter_14.measure import TABLE

table = json.loads(TABLE.read_text())
print(", ".join(f"{name}: {value}" for name, value in table["machine"].items()))
rows = pd.DataFrame(table["rows"])
done = rows[rows["ended"] == "done"].pivot(index="years", columns="engine", values=["seconds", "peak_mb"])
done.round(1)

# %% alt="Seconds and megabytes by years of flights, on logarithmic axes, a line for each engine."
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for axis, what, name in zip(axes, ("seconds", "peak_mb"), ("seconds", "megabytes at most"), strict=True):
    done[what].plot(ax=axis, marker="o", loglog=True, legend=what == "seconds")
    axis.set(title=name, xlabel="years of flights", xticks=[1, 10, 40, 100], xticklabels=[1, 10, 40, 100])
    axis.minorticks_off()
plt.show()

# %% [markdown]
# Both axes go in steps of ten times, so a straight line at 45 degrees means: ten times the rows cost ten times as much.
# Look at the memory first. pandas needs it for every row, and forty years take 7.4 GB of the 8. Polars does the same
# with half of it and in half of the time, and a hundred years are too much for it too. Only DuckDB's line bends: it was
# given 2 GB for its tables and puts the rest on the disk. That costs time (at forty years it is slower than pandas) and
# never ends: a hundred years, 34 million flights, take 161 seconds and 2.3 GB. You can choose that trade, and with it
# memory is no longer what breaks first.
#
# The lines of time cross, then, and where depends on the disk and the cores of a machine. What holds on each: at one
# year nothing is to be won, since importing an engine takes as long as its work.
#
# ## Exercise 14.2: What breaks first, and where?
#
# An engine was measured at two sizes; each measurement is a dict with `rows`, `seconds` and `peak_mb`, as `measure`
# returns it. Both, time and memory, grow along a straight line through the two, which does not begin at nought. Write a
# function that returns what breaks first when the rows become more, `"memory"` or `"time"`, and at how many rows in
# all, also where that is fewer than were measured. `memory_mb` and `patience` (seconds) say how much there is. What
# does not grow never breaks; one of the two always grows.


# %%
def answer(small: dict, large: dict, memory_mb: float, patience: float) -> tuple[str, float]:
    """Return what breaks first, "memory" or "time", and at how many rows."""
    ### BEGIN SOLUTION
    breaks_at = {}
    for what, name, limit in (("memory", "peak_mb", memory_mb), ("time", "seconds", patience)):
        grown = (large[name] - small[name]) / (large["rows"] - small["rows"])
        if grown > 0:
            breaks_at[what] = small["rows"] + (limit - small[name]) / grown
    first = min(breaks_at, key=breaks_at.get)
    return first, breaks_at[first]
    ### END SOLUTION


# %%
check.ex_14_2(answer)

# %% [markdown]
# Put your own figures into your function, `answer(took["pandas", 1], took["pandas", 10], …, …)`, with the memory of
# your machine and the time that you would wait. That is the answer to "will it scale?", and it is a number of rows.
# Compare it with the rows that you expect in three years.
#
# ## Recap
#
# 1. You wrote the **as-of join** in another engine: backward, by what was known, at most six hours old, and no row
#    vanished.
# 2. You said from two measurements **what breaks first**, and at how many rows. The start-up was no part of the slope.
#
# ## Clean-up
#
# The copies of the year lie in `work/state/14/years`, 200 MB. The other notebooks of this chapter use them; `make
# reset` removes them.
#
# ## What comes next
#
# One process has an end: one machine's cores, and one machine's memory. The next notebook goes beyond it.
