"""Wrong answers to the exercises of chapter 14, each a mistake that somebody makes, and right ones in other styles."""

import contextlib
import importlib.util
import io
import math
import os
import sys
from decimal import Decimal
from fractions import Fraction

import companion.scale
from chapter_14 import ray_here

with contextlib.redirect_stdout(io.StringIO()):
    companion.scale.set_up()
    ray_here.settings()

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.compute as pc
import ray
from joblib import Parallel, delayed
from ray.data.expressions import col

# --- 14.1 ---

COLUMNS = "row, temp, wind_gust, precip"
ASKED = ["temp", "wind_gust", "precip"]


def _polars(decisions, weather, hours=1, **options):
    board = pl.from_arrow(weather).with_columns(complete_at=pl.col("time_hour") + pl.duration(hours=hours))
    settings = {"strategy": "backward", "tolerance": "6h", "by": "origin", **options}
    seen = (
        pl.from_arrow(decisions)
        .sort("decided_at")
        .join_asof(board.sort("complete_at"), left_on="decided_at", right_on="complete_at", **settings)
    )
    return seen.select("row", "temp", "wind_gust", "precip")


def nearest(decisions, weather):
    return _polars(decisions, weather, strategy="nearest")


def at_its_name(decisions, weather):
    return _polars(decisions, weather, hours=0)


def stale(decisions, weather):
    return _polars(decisions, weather, tolerance=None)


def six_hours_from_the_name(decisions, weather):
    return _polars(decisions, weather, tolerance="5h")


def seven_hours(decisions, weather):
    return _polars(decisions, weather, tolerance="7h")


def never_exact(decisions, weather):
    return _polars(decisions, weather, allow_exact_matches=False)


def of_any_airport(decisions, weather):
    return _polars(decisions, weather, by=None)


def only_where_there_is_some(decisions, weather):
    return _polars(decisions, weather).drop_nulls("temp")


def zero_for_missing(decisions, weather):
    return _polars(decisions, weather).fill_null(0)


def filled_from_before(decisions, weather):
    filled = (
        pl.from_arrow(weather)
        .sort("time_hour")
        .with_columns(pl.col("temp", "wind_gust", "precip").forward_fill().over("origin"))
    )
    return _polars(decisions, filled.to_arrow())


def joined_on_the_hour(decisions, weather):
    return duckdb.sql("""
        SELECT row, temp, wind_gust, precip FROM decisions LEFT JOIN weather ON decisions.origin = weather.origin
        AND date_trunc('hour', decided_at - INTERVAL 1 HOUR) = time_hour
    """)


def inner(decisions, weather):
    return duckdb.sql("""
        SELECT row, temp, wind_gust, precip FROM decisions ASOF JOIN weather
        ON decisions.origin = weather.origin AND decided_at >= time_hour + INTERVAL 1 HOUR
    """)


def too_old_ones_vanish(decisions, weather):
    return duckdb.sql("""
        SELECT row, temp, wind_gust, precip FROM decisions ASOF LEFT JOIN weather
        ON decisions.origin = weather.origin AND decided_at >= time_hour + INTERVAL 1 HOUR
        WHERE decided_at - time_hour <= INTERVAL 7 HOUR
    """)


def every_row_of_six_hours(decisions, weather):
    return duckdb.sql("""
        SELECT row, temp, wind_gust, precip FROM decisions LEFT JOIN weather ON decisions.origin = weather.origin
        AND decided_at BETWEEN time_hour + INTERVAL 1 HOUR AND time_hour + INTERVAL 7 HOUR
    """)


def _asof(
    decisions,
    weather,
    board="SELECT * FROM weather",
    more="",
    young="decided_at - time_hour <= INTERVAL 7 HOUR",
):
    values = ", ".join(
        f"CASE WHEN {young} THEN {name} END AS {name}" for name in ("temp", "wind_gust", "precip")
    )
    return duckdb.sql(f"""
        SELECT row, {values} FROM decisions ASOF LEFT JOIN ({board}) AS board
        ON decisions.origin = board.origin {more} AND decided_at >= time_hour + INTERVAL 1 HOUR
    """)


def only_rows_that_say_precip(decisions, weather):
    return _asof(decisions, weather, "SELECT * FROM weather WHERE precip IS NOT NULL")


def without_rows_that_say_nothing(decisions, weather):
    return _asof(
        decisions, weather, "SELECT * FROM weather WHERE coalesce(temp, wind_gust, precip) IS NOT NULL"
    )


def each_column_by_itself(decisions, weather):
    return duckdb.sql("""
        SELECT row, max_by(temp, time_hour) AS temp, max_by(wind_gust, time_hour) AS wind_gust,
               max_by(precip, time_hour) AS precip
        FROM decisions LEFT JOIN weather ON decisions.origin = weather.origin
        AND decided_at BETWEEN time_hour + INTERVAL 1 HOUR AND time_hour + INTERVAL 7 HOUR GROUP BY row
    """)


def of_the_same_day(decisions, weather):
    day = "date_trunc('day', {} AT TIME ZONE 'UTC')".format
    return _asof(decisions, weather, more=f"AND {day('decided_at')} = {day('(time_hour + INTERVAL 1 HOUR)')}")


def in_whole_hours(decisions, weather):
    return _asof(decisions, weather, young="date_diff('hour', time_hour, decided_at) <= 7")


def by_the_clock_on_the_wall(decisions, weather):
    def local(table, name):
        times = pl.col(name).dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)
        return pl.from_arrow(table).with_columns(times)

    return _polars(local(decisions, "decided_at").to_arrow(), local(weather, "time_hour").to_arrow())


def unsorted(decisions, weather):
    board = pl.from_arrow(weather).with_columns(complete_at=pl.col("time_hour") + pl.duration(hours=1))
    return pl.from_arrow(decisions).join_asof(
        board,
        left_on="decided_at",
        right_on="complete_at",
        by="origin",
        tolerance="6h",
        check_sortedness=False,
    )


def counted_anew(decisions, weather):
    return _polars(decisions, weather).drop("row").with_row_index("row")


def rounded(decisions, weather):
    return _polars(decisions, weather).with_columns(pl.col("temp", "wind_gust", "precip").round(1))


def three_columns(decisions, weather):
    return _polars(decisions, weather).drop("precip")


def a_list(decisions, weather):
    return _polars(decisions, weather).rows()


def sql(decisions, weather):
    return duckdb.sql("""
        SELECT row, CASE WHEN young THEN temp END AS temp, CASE WHEN young THEN wind_gust END AS wind_gust,
               CASE WHEN young THEN precip END AS precip
        FROM (
            SELECT *, decided_at - time_hour <= INTERVAL 7 HOUR AS young FROM decisions ASOF LEFT JOIN weather
            ON decisions.origin = weather.origin AND decided_at >= time_hour + INTERVAL 1 HOUR
        )
    """)


def window(decisions, weather):
    return duckdb.sql("""
        SELECT row, temp, wind_gust, precip FROM decisions LEFT JOIN weather ON decisions.origin = weather.origin
        AND decided_at BETWEEN time_hour + INTERVAL 1 HOUR AND time_hour + INTERVAL 7 HOUR
        QUALIFY row_number() OVER (PARTITION BY row ORDER BY time_hour DESC) = 1
    """).to_arrow_table()


def lazy(decisions, weather):
    asked = pl.LazyFrame(decisions).with_columns(until=pl.col("decided_at").dt.offset_by("-1h")).sort("until")
    board = pl.LazyFrame(weather).sort("time_hour")
    return asked.join_asof(
        board, left_on="until", right_on="time_hour", by="origin", tolerance="6h", strategy="backward"
    )


def filtered_later(decisions, weather):
    """Every row of the airport first: with all of June's decisions it takes 9 GB."""
    age = pl.col("decided_at") - pl.col("time_hour")
    found = (
        pl.from_arrow(decisions)
        .join(pl.from_arrow(weather), on="origin")
        .filter(age.is_between(pl.duration(hours=1), pl.duration(hours=7)))
        .sort("time_hour")
        .group_by("row")
        .last()
    )
    return pl.from_arrow(decisions).select("row").join(found, on="row", how="left")


# --- 14.2 ---


def _line(small, large, memory_mb, patience, grows=lambda name, grown: grown > 0):
    found = {}
    for what, name, limit in (("memory", "peak_mb", memory_mb), ("time", "seconds", patience)):
        grown = (large[name] - small[name]) / (large["rows"] - small["rows"])
        found[what] = small["rows"] + (limit - small[name]) / grown if grows(name, grown) else float("inf")
    return found


def _first(*given, **options):
    return min(_line(*given, **options).items(), key=lambda item: item[1])


def through_nought(small, large, memory_mb, patience):
    found = {
        "memory": large["rows"] * memory_mb / large["peak_mb"],
        "time": large["rows"] * patience / large["seconds"],
    }
    return min(found.items(), key=lambda item: item[1])


def from_the_small_one(small, large, memory_mb, patience):
    found = {
        "memory": small["rows"] * memory_mb / small["peak_mb"],
        "time": small["rows"] * patience / small["seconds"],
    }
    return min(found.items(), key=lambda item: item[1])


def what_breaks_last(small, large, memory_mb, patience):
    return max(_line(small, large, memory_mb, patience).items(), key=lambda item: item[1])


def always_memory(small, large, memory_mb, patience):
    return "memory", _line(small, large, memory_mb, patience)["memory"]


def only_the_word(small, large, memory_mb, patience):
    return min(_line(small, large, memory_mb, patience), key=_line(small, large, memory_mb, patience).get)


def in_thousands(small, large, memory_mb, patience):
    what, rows = _first(small, large, memory_mb, patience)
    return what, rows / 1000


def rows_more(small, large, memory_mb, patience):
    what, rows = _first(small, large, memory_mb, patience)
    return what, rows - small["rows"]


def divided_by_what_does_not_grow(*given):
    return _first(*given, grows=lambda name, grown: True)


def shrinking_time_breaks(*given):
    return _first(*given, grows=lambda name, grown: grown > 0 or (name == "seconds" and grown < 0))


def without_a_sign(small, large, memory_mb, patience):
    more = {name: small[name] + abs(large[name] - small[name]) for name in ("peak_mb", "seconds")}
    return _first(small, {**large, **more}, memory_mb, patience)


def by_share_of_the_limit(small, large, memory_mb, patience):
    lines = _line(small, large, memory_mb, patience)
    shares = {
        "memory": (large["peak_mb"] - small["peak_mb"]) / memory_mb,
        "time": (large["seconds"] - small["seconds"]) / patience,
    }
    first = max(shares, key=shares.get)
    return first, lines[first]


def never_fewer_than_measured(small, large, memory_mb, patience):
    what, rows = _first(small, large, memory_mb, patience)
    return what, max(rows, large["rows"])


def the_pair_turned(*given):
    return _first(*given)[::-1]


def as_a_fraction(*given):
    what, rows = _first(*given)
    return what, Fraction(rows)


def as_an_array_without_axes(*given):
    what, rows = _first(*given)
    return what, np.where(True, rows, np.inf)


def with_infinity(small, large, memory_mb, patience):
    return _first(small, large, memory_mb, patience)


def by_intercept(small, large, memory_mb, patience):
    found = []
    for what, name, limit in (("time", "seconds", patience), ("memory", "peak_mb", memory_mb)):
        slope, base = np.polyfit([small["rows"], large["rows"]], [small[name], large[name]], 1)
        if slope > 1e-12:
            found.append(((limit - base) / slope, what))
    return [min(found)[1], int(min(found)[0])]


# --- 14.3 ---


def _by_value():
    """A task that travels as code: this module is imported by nobody."""

    def minutes(each):
        import clock

        return clock.minutes(each)

    return ray.remote(minutes)


def _module(folder, name="clock"):
    spec = importlib.util.spec_from_file_location(name, folder / "clock.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sys_path_of_the_notebook(folder, clocks):
    sys.path.insert(0, str(folder))
    return ray.get([_by_value().remote(each) for each in clocks])


def environment_of_the_notebook(folder, clocks):
    os.environ["PYTHONPATH"] = str(folder)
    return ray.get([_by_value().remote(each) for each in clocks])


def in_the_notebook(folder, clocks):
    return [_module(folder).minutes(each) for each in clocks]


def written_anew(folder, clocks):
    return ray.get([ray.remote(lambda c: c // 100 * 60 + c % 100).remote(each) for each in clocks])


def the_path_of_the_file(folder, clocks):
    found = _by_value().options(runtime_env={"env_vars": {"PYTHONPATH": str(folder / "clock.py")}})
    return ray.get([found.remote(each) for each in clocks])


def receipts(folder, clocks):
    found = _by_value().options(runtime_env={"env_vars": {"PYTHONPATH": str(folder)}})
    return [found.remote(each) for each in clocks]


def imported_once(folder, clocks):
    sys.path.insert(0, str(folder))
    import clock

    return ray.get([ray.remote(clock.minutes).remote(each) for each in clocks])


def only_the_first(folder, clocks):
    found = _by_value().options(runtime_env={"env_vars": {"PYTHONPATH": str(folder)}})
    return ray.get(found.remote(clocks[0]))


def in_another_order(folder, clocks):
    found = _by_value().options(runtime_env={"env_vars": {"PYTHONPATH": str(folder)}})
    return sorted(ray.get([found.remote(each) for each in clocks]))


def in_processes_of_joblib(folder, clocks):
    def minutes(each):
        space = {}
        exec((folder / "clock.py").read_text(encoding="utf-8"), space)
        return space["minutes"](each)

    return Parallel(2)(delayed(minutes)(each) for each in clocks)


def sys_path_of_the_worker(folder, clocks):
    """Right once: the worker that is asked again has its `clock` already."""

    def all_minutes():
        sys.path.insert(0, str(folder))
        import clock

        return [clock.minutes(each) for each in clocks]

    return ray.get(ray.remote(all_minutes).remote())


def a_task_with_py_modules(folder, clocks):
    found = _by_value().options(runtime_env={"py_modules": [str(folder / "clock.py")]})
    return ray.get([found.remote(each) for each in clocks])


def a_task_with_a_working_dir(folder, clocks):
    found = _by_value().options(runtime_env={"working_dir": str(folder)})
    return ray.get([found.remote(each) for each in clocks])


def by_a_folder_of_each_machine(folder, clocks):
    found = _by_value().options(runtime_env={"py_modules": [f"local://{folder}"]})
    return ray.get([found.remote(each) for each in clocks])


def by_its_text(folder, clocks):
    text = (folder / "clock.py").read_text(encoding="utf-8")

    def minutes(each):
        space = {}
        exec(text, space)
        return space["minutes"](each)

    return tuple(ray.get([ray.remote(minutes).remote(each) for each in clocks]))


def path_inside_the_task(folder, clocks):
    def minutes(each):
        spec = importlib.util.spec_from_file_location("clock", folder / "clock.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.minutes(each)

    return ray.get([ray.remote(minutes).remote(each) for each in clocks])


def an_actor(folder, clocks):
    class Clock:
        def minutes(self, each):
            import clock

            return clock.minutes(each)

    there = ray.remote(Clock).options(runtime_env={"env_vars": {"PYTHONPATH": str(folder)}}).remote()
    return ray.get([there.minutes.remote(each) for each in clocks])


# --- 14.4 ---


def _said(scheduled, arrived, late):
    return {"scheduled": scheduled, "arrived": arrived, "late": late}


def pandas_as_it_is(flights):
    frame = flights.to_pandas()
    arrived = frame["arr_delay"].dropna()
    return _said(len(frame), len(arrived), (frame["arr_delay"] > 15).mean())


def dropped_before_counting(flights):
    arrived = flights.map_batches(lambda block: block.dropna(), batch_format="pandas")
    late = arrived.map_batches(
        lambda block: block.assign(late=block["arr_delay"] > 15), batch_format="pandas"
    )
    return _said(arrived.count(), arrived.count(), late.mean("late"))


def only_null(flights):
    arrived = flights.filter(lambda row: row["arr_delay"] is not None)
    late = arrived.filter(lambda row: row["arr_delay"] > 15)
    return _said(flights.count(), arrived.count(), late.count() / arrived.count())


def mean_of_means(flights):
    def rate(block):
        arrived = block["arr_delay"].dropna()
        return pd.DataFrame({"arrived": [len(arrived)], "rate": [(arrived > 15).mean()]})

    parts = flights.map_batches(rate, batch_format="pandas", batch_size=None).to_pandas()
    return _said(flights.count(), parts["arrived"].sum(), parts["rate"].mean())


def at_fifteen(flights):
    arrived = flights.to_pandas()["arr_delay"].dropna()
    return _said(flights.count(), len(arrived), (arrived >= 15).mean())


def how_many(flights):
    arrived = flights.to_pandas()["arr_delay"].dropna()
    return _said(flights.count(), len(arrived), int((arrived > 15).sum()))


def rounded_share(flights):
    arrived = flights.to_pandas()["arr_delay"].dropna()
    return _said(flights.count(), len(arrived), round((arrived > 15).mean(), 2))


def zero_for_missing_delays(flights):
    delays = flights.to_pandas()["arr_delay"].fillna(0)
    return _said(len(delays), len(delays), (delays > 15).mean())


def only_the_rate(flights):
    return (flights.to_pandas()["arr_delay"].dropna() > 15).mean()


def of_the_rows_that_take_gives(flights):
    delays = [row["arr_delay"] for row in flights.take() if row["arr_delay"] is not None]
    return _said(flights.count(), len(delays), sum(each > 15 for each in delays) / len(delays))


def in_percent(flights):
    arrived = flights.to_pandas()["arr_delay"].dropna()
    return _said(flights.count(), len(arrived), (arrived > 15).mean() * 100)


def in_arrow(flights):
    def keep(block):
        return block.filter(pc.invert(pc.is_null(block["arr_delay"], nan_is_null=True)))

    arrived = flights.map_batches(keep, batch_format="pyarrow")
    late = arrived.filter(expr=col("arr_delay") > 15)
    return _said(flights.count(), arrived.count(), late.count() / arrived.count())


def row_by_row(flights):
    def arrived(row):
        return row["arr_delay"] is not None and not math.isnan(row["arr_delay"])

    there = flights.filter(arrived)
    return _said(
        flights.count(), there.count(), there.map(lambda row: {"late": row["arr_delay"] > 15}).mean("late")
    )


def in_the_driver(flights):
    delays = flights.to_pandas()["arr_delay"]
    return _said(np.int64(len(delays)), delays.count(), (delays.dropna() > 15).mean())


def as_float32(flights):
    arrived = flights.to_pandas()["arr_delay"].dropna()
    return _said(flights.count(), len(arrived), np.float32((arrived > 15).mean()))


# --- 14.5 ---


def _pays(paid, saved):
    return paid / saved if saved else math.inf


def without_rounds(trials, workers, start, extra):
    return _pays(start + trials / workers * extra, trials - trials / workers)


def rounds_down(trials, workers, start, extra):
    rounds = trials // workers
    return _pays(start + rounds * extra, trials - rounds)


def extra_one_after_the_other(trials, workers, start, extra):
    return _pays(start + trials * extra, trials - math.ceil(trials / workers))


def extra_once(trials, workers, start, extra):
    return _pays(start + extra, trials - math.ceil(trials / workers))


def start_in_each_round(trials, workers, start, extra):
    rounds = math.ceil(trials / workers)
    return _pays(rounds * (start + extra), trials - rounds)


def without_the_start(trials, workers, start, extra):
    rounds = math.ceil(trials / workers)
    return _pays(rounds * extra, trials - rounds)


def in_all(trials, workers, start, extra):
    return start + math.ceil(trials / workers) * extra


def divides_by_zero(trials, workers, start, extra):
    rounds = math.ceil(trials / workers)
    return (start + rounds * extra) / (trials - rounds)


def nought_for_never(trials, workers, start, extra):
    rounds = math.ceil(trials / workers)
    return (start + rounds * extra) / (trials - rounds) if trials > rounds else 0.0


def at_once_where_nothing_is_paid(trials, workers, start, extra):
    return 0.0 if start == extra == 0 else as_a_fraction_of_seconds(trials, workers, start, extra)


def one_round_more(trials, workers, start, extra):
    rounds = trials // workers + 1
    return _pays(start + rounds * extra, trials - rounds)


def in_whole_seconds(trials, workers, start, extra):
    seconds = as_a_fraction_of_seconds(trials, workers, start, extra)
    return seconds if seconds == math.inf else int(seconds)


def as_a_decimal(trials, workers, start, extra):
    rounds = math.ceil(trials / workers)
    if rounds == trials:
        return Decimal("Infinity")
    return (Decimal(str(start)) + rounds * Decimal(str(extra))) / (trials - rounds)


def by_whole_division(trials, workers, start, extra):
    rounds = (trials + workers - 1) // workers
    return np.divide(start + rounds * extra, trials - rounds) if trials != rounds else np.inf


def as_a_fraction_of_seconds(trials, workers, start, extra):
    rounds = len(range(0, trials, workers))
    if rounds >= trials:
        return math.inf
    return Fraction(start + rounds * extra) / (trials - rounds)


def by_halving(trials, workers, start, extra):
    def faster(t):
        return start + math.ceil(trials / workers) * (t + extra) < trials * t

    low, high = 0.0, 1e9
    if not faster(high):
        return math.inf
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if faster(middle) else (middle, high)
    return high


# --- 14.6 ---

SPARK_SCHEMA = "row long, temp double, wind_gust double, precip double"


def _carried(board="", old="7", within=""):
    """Return the query of a window over both tables, or one with a mistake in it."""
    return f"""
        WITH both AS (
            SELECT origin, time_hour + INTERVAL 1 HOUR AS at, 0 AS asks, struct(*) AS seen, NULL AS row
            FROM {{weather}} {board}
            UNION ALL SELECT origin, decided_at, 1, NULL, row FROM {{decisions}}
        ), carried AS (
            SELECT *, last(seen) IGNORE NULLS OVER (PARTITION BY origin ORDER BY at, asks {within}) AS found FROM both
        ) SELECT row, {", ".join(f"IF({old}, found.{name}, NULL) AS {name}" for name in ASKED)}
        FROM carried WHERE asks = 1
    """


def _sql_of_spark(decisions, weather, **changes):
    young = "at - found.time_hour <= INTERVAL 7 HOUR"
    query = _carried(**{"old": young, **changes})
    return decisions.sparkSession.sql(query, decisions=decisions, weather=weather)


def by_a_window(decisions, weather):
    return _sql_of_spark(decisions, weather)


def by_a_window_without_an_age(decisions, weather):
    return _sql_of_spark(decisions, weather, old="true")


def by_a_window_from_the_name(decisions, weather):
    return _sql_of_spark(decisions, weather, old="at - found.time_hour <= INTERVAL 6 HOUR")


def by_a_window_without_nulls(decisions, weather):
    return _sql_of_spark(decisions, weather, board="WHERE temp IS NOT NULL AND wind_gust IS NOT NULL")


def by_a_window_the_question_first(decisions, weather):
    query = _carried(old="at - found.time_hour <= INTERVAL 7 HOUR")
    query = query.replace("ORDER BY at, asks", "ORDER BY at, asks DESC ROWS UNBOUNDED PRECEDING")
    return decisions.sparkSession.sql(query, decisions=decisions, weather=weather)


def joined_by_the_airport(decisions, weather, how="left", after=1):
    from pyspark.sql import functions as F

    age = F.col("decided_at") - F.col("time_hour")
    hours = [F.expr(f"INTERVAL {number} HOUR") for number in (after, 7)]
    near = decisions.join(weather, "origin").where(age.between(*hours))
    last = near.groupBy("row").agg(F.max_by(F.struct(*ASKED), "time_hour").alias("found"))
    return decisions.select("row").join(last, "row", how).select("row", "found.*")


def joined_and_lost(decisions, weather):
    return joined_by_the_airport(decisions, weather, how="inner")


def joined_by_its_name(decisions, weather):
    return joined_by_the_airport(decisions, weather, after=0)


def each_column_for_itself(decisions, weather):
    from pyspark.sql import functions as F

    age = F.col("decided_at") - F.col("time_hour")
    near = decisions.join(weather, "origin").where(
        age.between(F.expr("INTERVAL 1 HOUR"), F.expr("INTERVAL 7 HOUR"))
    )
    last = near.groupBy("row").agg(
        *[F.max_by(name, F.when(F.col(name).isNotNull(), F.col("time_hour"))).alias(name) for name in ASKED]
    )
    return decisions.select("row").join(last, "row", "left")


def on_the_hour_in_spark(decisions, weather):
    from pyspark.sql import functions as F

    asked = decisions.withColumn(
        "time_hour", F.date_trunc("hour", F.col("decided_at") - F.expr("INTERVAL 1 HOUR"))
    )
    return asked.join(weather, ["origin", "time_hour"], "left").select("row", *ASKED)


def _by_cogroup(decisions, weather, **options):
    hours = options.pop("hours", 1)

    def latest(asked, board):
        import pandas as pd

        board["at"] = board["time_hour"] + pd.Timedelta(hours=hours)
        asked = asked.rename(columns={"decided_at": "at"}).sort_values("at")
        settings = {"tolerance": pd.Timedelta(hours=6), **options}
        return pd.merge_asof(asked, board.sort_values("at"), on="at", **settings)[["row", *ASKED]]

    pairs = decisions.groupBy("origin").cogroup(weather.groupBy("origin"))
    return pairs.applyInPandas(latest, SPARK_SCHEMA)


def the_nearest_by_cogroup(decisions, weather):
    return _by_cogroup(decisions, weather, direction="nearest")


# --- 14.7 ---


def one_call_for_each_key(table, counted, schema, most):
    return table.groupBy("key").applyInPandas(counted, schema)


def _in_pieces(table, counted, schema, pieces, summed=True):
    from pyspark.sql import functions as F

    parts = table.withColumn("piece", F.floor(F.rand(0) * pieces)).groupBy("key", "piece")
    found = parts.applyInPandas(counted, schema)
    if not summed:
        return found
    return found.groupBy("key").agg(F.sum("rows").alias("rows"), F.sum("late").alias("late"))


def never_added_up(table, counted, schema, most):
    return _in_pieces(table, counted, schema, 20, summed=False)


def just_as_many_pieces(table, counted, schema, most):
    return _in_pieces(table, counted, schema, 7)


def four_pieces(table, counted, schema, most):
    return _in_pieces(table, counted, schema, 4)


def without_the_null(table, counted, schema, most):
    return _in_pieces(table.where("key IS NOT NULL"), counted, schema, 20)


def a_sample(table, counted, schema, most):
    return _in_pieces(table.limit(most), counted, schema, 2)


def in_spark_s_own_words(table, counted, schema, most):
    return table.groupBy("key").agg({"*": "count", "value": "count"}).toDF("key", "rows", "late")


def right_sums_without_counted(table, counted, schema, most):
    from pyspark.sql import functions as F

    late = F.sum(F.when(F.col("value") > 15, 1).otherwise(0))
    return table.groupBy("key").agg(F.count("*").alias("rows"), late.alias("late"))


def in_this_process(table, counted, schema, most):
    rows = table.toPandas()
    parts = [
        counted(part.iloc[at : at + most])
        for _, part in rows.groupby("key", dropna=False)
        for at in range(0, len(part), most)
    ]
    return pd.concat(parts).groupby("key", dropna=False, as_index=False).sum()


def numbered(table, counted, schema, most):
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    number = F.row_number().over(Window.partitionBy("key").orderBy("value"))
    parts = (
        table.withColumn("piece", F.floor(number / most))
        .groupBy("key", "piece")
        .applyInPandas(counted, schema)
    )
    return parts.groupBy("key").agg(F.sum("rows").alias("rows"), F.sum("late").alias("late"))


def fifty_pieces(table, counted, schema, most):
    return _in_pieces(table, counted, schema, 50)


# --- 14.8 ---


def _writers():
    """Return them: written here, they travel to a worker as code, which need not import all that stands above."""

    def under_its_name_at_once(partition, rows, folder):
        rows.to_parquet(f"{folder}/{partition}.parquet")

    def under_a_new_name_each_time(partition, rows, folder):
        import os
        import uuid

        name = f"{folder}/{partition}-{uuid.uuid4()}"
        rows.to_parquet(f"{name}.begun")
        os.replace(f"{name}.begun", f"{name}.parquet")

    def one_name_for_all(partition, rows, folder):
        import os
        import uuid

        rows.to_parquet(f"{folder}/{uuid.uuid4()}.begun")
        begun = next(name for name in os.listdir(folder) if name.endswith(".begun"))
        os.replace(f"{folder}/{begun}", f"{folder}/all.parquet")

    def one_name_while_it_writes(partition, rows, folder):
        import os

        rows.to_parquet(f"{folder}/{partition}.begun")
        os.replace(f"{folder}/{partition}.begun", f"{folder}/{partition}.parquet")

    def never_moved(partition, rows, folder):
        rows.to_parquet(f"{folder}/{partition}.begun")

    def not_if_it_is_there(partition, rows, folder):
        import os

        if not os.path.exists(f"{folder}/{partition}.parquet"):
            rows.to_parquet(f"{folder}/{partition}.parquet")

    def in_memory_first(partition, rows, folder):
        import os
        import tempfile

        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(rows.to_parquet())
        os.replace(file.name, os.path.join(folder, f"part-{partition}.parquet"))

    return locals()


WRITERS = _writers()


# --- 14.9 ---


def by_pandas(table, folder):
    from pathlib import Path

    rows = table.toPandas()
    Path(folder).mkdir()
    for number in range(4):
        rows.iloc[number::4].to_parquet(Path(folder) / f"{number}.parquet")
    return len(rows), rows["delay"].mean()


def as_many_files_as_tasks(table, folder):
    from pyspark.sql import functions as F

    table.write.parquet(str(folder))
    return tuple(table.agg(F.count("*"), F.mean("delay")).first())


def _in_four(table, folder, *what):
    table.coalesce(4).write.parquet(str(folder))
    return tuple(table.agg(*what).first())


def counted_what_is_there(table, folder):
    from pyspark.sql import functions as F

    return _in_four(table, folder, F.count("delay"), F.mean("delay"))


def missing_is_nought(table, folder):
    from pyspark.sql import functions as F

    return _in_four(table, folder, F.count("*"), F.mean(F.coalesce("delay", F.lit(0.0))))


def only_late_ones(table, folder):
    from pyspark.sql import functions as F

    return _in_four(table.where("delay IS NOT NULL"), folder, F.count("*"), F.mean("delay"))


def nothing_written(table, folder):
    from pyspark.sql import functions as F

    return tuple(table.agg(F.count("*"), F.mean("delay")).first())


def coalesced(table, folder):
    from pyspark.sql import functions as F

    return list(_in_four(table, folder, F.count("*"), F.mean("delay")))


def in_sql(table, folder):
    table.repartition(4, "id").write.mode("overwrite").parquet(str(folder))
    row = table.sparkSession.sql(
        "SELECT count(*) AS rows, avg(delay) AS mean FROM {table}", table=table
    ).first()
    return row.rows, row.mean


WRONG = {
    "ex_14_1": [
        nearest,
        at_its_name,
        stale,
        six_hours_from_the_name,
        seven_hours,
        never_exact,
        of_any_airport,
        only_where_there_is_some,
        zero_for_missing,
        filled_from_before,
        joined_on_the_hour,
        inner,
        too_old_ones_vanish,
        every_row_of_six_hours,
        only_rows_that_say_precip,
        without_rows_that_say_nothing,
        each_column_by_itself,
        of_the_same_day,
        in_whole_hours,
        by_the_clock_on_the_wall,
        unsorted,
        counted_anew,
        rounded,
        three_columns,
        a_list,
    ],
    "ex_14_2": [
        through_nought,
        from_the_small_one,
        what_breaks_last,
        always_memory,
        only_the_word,
        in_thousands,
        rows_more,
        divided_by_what_does_not_grow,
        shrinking_time_breaks,
        without_a_sign,
        by_share_of_the_limit,
        never_fewer_than_measured,
        the_pair_turned,
    ],
    "ex_14_3": [
        sys_path_of_the_notebook,
        environment_of_the_notebook,
        in_the_notebook,
        written_anew,
        the_path_of_the_file,
        receipts,
        imported_once,
        only_the_first,
        in_another_order,
        in_processes_of_joblib,
        sys_path_of_the_worker,
        a_task_with_py_modules,
        a_task_with_a_working_dir,
    ],
    "ex_14_4": [
        pandas_as_it_is,
        dropped_before_counting,
        only_null,
        mean_of_means,
        at_fifteen,
        how_many,
        rounded_share,
        zero_for_missing_delays,
        only_the_rate,
        of_the_rows_that_take_gives,
        in_percent,
    ],
    "ex_14_5": [
        without_rounds,
        rounds_down,
        extra_one_after_the_other,
        extra_once,
        start_in_each_round,
        without_the_start,
        in_all,
        divides_by_zero,
        nought_for_never,
        at_once_where_nothing_is_paid,
        one_round_more,
        in_whole_seconds,
    ],
    "ex_14_6": [
        by_a_window_without_an_age,
        by_a_window_from_the_name,
        by_a_window_without_nulls,
        by_a_window_the_question_first,
        joined_and_lost,
        joined_by_its_name,
        each_column_for_itself,
        on_the_hour_in_spark,
        the_nearest_by_cogroup,
    ],
    "ex_14_7": [
        one_call_for_each_key,
        never_added_up,
        just_as_many_pieces,
        four_pieces,
        without_the_null,
        a_sample,
        in_spark_s_own_words,
        right_sums_without_counted,
        in_this_process,
    ],
    "ex_14_8": [
        WRITERS["under_its_name_at_once"],
        WRITERS["under_a_new_name_each_time"],
        WRITERS["one_name_for_all"],
        WRITERS["one_name_while_it_writes"],
        WRITERS["never_moved"],
        WRITERS["not_if_it_is_there"],
    ],
    "ex_14_9": [
        by_pandas,
        as_many_files_as_tasks,
        counted_what_is_there,
        missing_is_nought,
        only_late_ones,
        nothing_written,
    ],
}
ALSO_RIGHT = {
    "ex_14_1": [sql, window, lazy, filtered_later],
    "ex_14_2": [with_infinity, by_intercept, as_a_fraction, as_an_array_without_axes],
    "ex_14_3": [
        by_a_folder_of_each_machine,
        by_its_text,
        path_inside_the_task,
        an_actor,
    ],
    "ex_14_4": [in_arrow, row_by_row, in_the_driver, as_float32],
    "ex_14_5": [by_whole_division, as_a_fraction_of_seconds, as_a_decimal, by_halving],
    "ex_14_6": [by_a_window, joined_by_the_airport],
    "ex_14_7": [numbered, fifty_pieces],
    "ex_14_8": [WRITERS["in_memory_first"]],
    "ex_14_9": [coalesced, in_sql],
}
