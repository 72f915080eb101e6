"""Wrong answers to the exercises of chapter 05, each a mistake that somebody makes."""

from datetime import datetime

import pandas as pd

from flightdelay.errors import MonthError

MONTHS = [f"2013-{number:02d}" for number in range(1, 13)]

# --- 5.1 ---


def asks_the_clock(context):
    return f"{datetime.now():%Y-%m}"


def last_month_by_the_clock(context):
    return str(pd.Period(datetime.now(), "M") - 1)


def end_of_the_interval(context):
    return f"{context['data_interval_end']:%Y-%m}"


def logical_date(context):
    return f"{context['logical_date']:%Y-%m}"


def ds(context):
    return context["ds"][:7]


def name_of_the_run(context):
    return context["run_id"].split("__")[1][:7]


def run_after(context):
    return f"{context['dag_run'].run_after:%Y-%m}"


def month_before_the_start(context):
    return f"{context['data_interval_start'].subtract(months=1):%Y-%m}"


def month_before_the_logical_date(context):
    return f"{context['logical_date'].subtract(months=1):%Y-%m}"


def thirty_one_days_before_the_end(context):
    return f"{context['data_interval_end'].subtract(days=31):%Y-%m}"


def thirty_days_before_the_end(context):
    return f"{context['data_interval_end'].subtract(days=30):%Y-%m}"


def local_time_of_the_machine(context):
    return f"{datetime.fromtimestamp(context['data_interval_start'].timestamp()):%Y-%m}"


def in_new_york(context):
    return f"{context['data_interval_start'].in_timezone('America/New_York'):%Y-%m}"


def a_month_less_than_the_end(context):
    end = context["data_interval_end"]
    return f"{end.year}-{end.month - 1:02d}"


def always_2013(context):
    return f"2013-{context['data_interval_start'].month:02d}"


def a_day(context):
    return f"{context['data_interval_start']:%Y-%m-%d}"


def a_moment(context):
    return context["data_interval_start"]


def one_digit(context):
    return f"{context['data_interval_start'].year}-{context['data_interval_start'].month}"


def old_name(context):
    return f"{context['execution_date']:%Y-%m}"


def by_attribute(context):
    return f"{context.data_interval_start:%Y-%m}"


def always_march(context):
    return "2013-03"


def prints_only(context):
    print(f"{context['data_interval_start']:%Y-%m}")


def by_strftime(context):
    return context["data_interval_start"].strftime("%Y-%m")


def by_text(context):
    return str(context["data_interval_start"])[:7]


def by_pandas(context):
    return str(pd.Period(context["data_interval_start"].date(), "M"))


def by_the_run(context):
    return f"{context['dag_run'].data_interval_start:%Y-%m}"


def a_day_before_the_end(context):
    return f"{context['data_interval_end'].subtract(days=1):%Y-%m}"


# --- 5.2 ---


def only_the_month(corrected, window):
    return [corrected]


def only_after(corrected, window):
    return [month for month in MONTHS if month > corrected]


def by_the_window(corrected, window):
    start = MONTHS.index(corrected)
    end = len(MONTHS) if window is None else start + window + 1
    return [month for month in MONTHS[start:end] if month != "2013-01"]


def with_january(corrected, window):
    return [month for month in MONTHS if month >= corrected]


def everything(corrected, window):
    return MONTHS[1:]


def backwards(corrected, window):
    return [month for month in reversed(MONTHS[1:]) if month >= corrected]


def a_set(corrected, window):
    return {month for month in MONTHS[1:] if month >= corrected}


def the_next_too(corrected, window):
    return MONTHS[max(1, MONTHS.index(corrected)) : MONTHS.index(corrected) + 2]


def names(corrected, window):
    return ["March", "April"]


def one_text(corrected, window):
    return corrected


# --- 5.3 ---


def picture(*, only=None, order=None, champions=None):
    """Return what `look()` gives for months that were run one after the other."""
    months = [month for month in MONTHS[1:] if only is None or month in only]
    order = months if order is None else order
    found, before = {}, None
    for month in months:
        met = before if champions is None else champions
        found[month] = {
            "result": (
                {"month": month, "late_rate": 0.2},
                {"champion_before": met, "champion_after": f"{month}-a"},
            ),
            "written": order.index(month),
        }
        before = f"{month}-a"
    return found


def again(year, months, *, order=None, same=False):
    """Return the picture after some months ran again."""
    order = months if order is None else order
    found = dict(year)
    for month in months:
        evaluation, decision = year[month]["result"]
        if not same:
            evaluation = evaluation | {"late_rate": evaluation["late_rate"] + 0.05}
        found[month] = {"result": (evaluation, decision), "written": 100 + order.index(month)}
    return found


YEAR = picture()
AUTUMN = ["2013-09", "2013-10", "2013-11", "2013-12"]
DEFAULT_ORDER = ["2013-03", "2013-04", "2013-02", *MONTHS[4:]]
TWO = ["2013-03", "2013-04"]

# --- 5.4 ---


def _wide(year, column):
    return year.pivot(index="month", columns="model", values=column)


def by_auc(year, candidate):
    table = _wide(year, "auc")
    return list(table.index[table[candidate] < table["frozen"]])


def by_cost(year, candidate):
    table = _wide(year, "cost_per_1000_flights")
    return list(table.index[table[candidate] > table["frozen"]])


def any_difference(year, candidate):
    table = _wide(year, "log_loss")
    return list(table.index[table[candidate] > table["frozen"]])


def equal_counts(year, candidate):
    table = _wide(year, "log_loss")
    return list(table.index[table[candidate] >= table["frozen"]])


def lower_is_worse(year, candidate):
    table = _wide(year, "log_loss")
    return list(table.index[table[candidate] < table["frozen"]])


def not_the_best(year, candidate):
    table = _wide(year, "log_loss")
    return list(table.index[table[candidate] > table.min(axis=1)])


def in_the_order_of_rows(year, candidate):
    frozen = year[year["model"] == "frozen"]["log_loss"].to_numpy()
    rows = year[year["model"] == candidate]
    return list(rows["month"][rows["log_loss"].to_numpy() >= frozen + 0.001])


def always_recent(year, candidate):
    table = _wide(year, "log_loss")
    return list(table.index[table["recent"] >= table["frozen"] + 0.001])


def of_the_text(year, candidate):
    return ["2013-05", "2013-11", "2013-12"]


def three_digits_first(year, candidate):
    table = _wide(year, "log_loss").round(3)
    return list(table.index[(table[candidate] - table["frozen"]).round(6) >= 0.001])


def last_month_first(year, candidate):
    return by_merge(year, candidate)[::-1]


def how_many(year, candidate):
    table = _wide(year, "log_loss")
    return int((table[candidate] >= table["frozen"] + 0.001).sum())


def by_merge(year, candidate):
    frozen = year[year["model"] == "frozen"].set_index("month")["log_loss"]
    mine = year[year["model"] == candidate].set_index("month")["log_loss"]
    worse = mine - frozen >= 0.001
    return sorted(worse.index[worse])


def by_loop(year, candidate):
    found = []
    for month in sorted(year["month"].unique()):
        rows = year[year["month"] == month].set_index("model")["log_loss"]
        if rows[candidate] - rows["frozen"] >= 0.001:
            found.append(month)
    return found


def as_an_index(year, candidate):
    table = _wide(year, "log_loss")
    return table.index[table[candidate] >= table["frozen"] + 0.001]


# --- 5.5 ---


def all_rows(features, month, labels_late):
    return features


def up_to_the_month(features, month, labels_late):
    return features[features["month"] <= month]


def ignores_the_delay(features, month, labels_late):
    return features[features["month"] < month]


def everything_else(features, month, labels_late):
    return features[features["month"] != month]


def one_month_too_many(features, month, labels_late):
    return features[features["month"] <= str(pd.Period(month) - labels_late)]


def one_month_too_few(features, month, labels_late):
    known = features[features["month"] < str(pd.Period(month) - 1 - labels_late)]
    if known.empty:
        raise MonthError(f"For {month} no label is known yet.")
    return known


def broken_in_january(features, month, labels_late):
    number = int(month[5:]) - 1 - labels_late
    known = features[features["month"] <= f"2013-{number:02d}"] if number != 0 else features
    if known.empty:
        raise MonthError(f"For {month} no label is known yet.")
    return known


def months_of_thirty_days(features, month, labels_late):
    known = features[
        pd.to_datetime(features["month"]) < pd.Timestamp(month) - pd.Timedelta(days=30 * labels_late)
    ]
    if known.empty:
        raise MonthError(f"For {month} no label is known yet.")
    return known


def _known(features, month, labels_late):
    known = features[features["month"] < str(pd.Period(month) - labels_late)]
    if known.empty:
        raise MonthError(f"For {month} no label is known yet.")
    return known


def without_gaps(features, month, labels_late):
    return _known(features, month, labels_late).dropna()


def each_row_once(features, month, labels_late):
    return _known(features, month, labels_late).drop_duplicates()


def counts_delivered_months(features, month, labels_late):
    months = sorted(features["month"].unique())
    known = features[features["month"].isin(months[: max(0, months.index(month) - labels_late)])]
    if known.empty:
        raise MonthError(f"For {month} no label is known yet.")
    return known


def another_type_in_place(features, month, labels_late):
    features["month"] = pd.PeriodIndex(features["month"], freq="M")
    known = features[features["month"] < pd.Period(month) - labels_late]
    if known.empty:
        raise MonthError(f"For {month} no label is known yet.")
    return known


def drops_in_place(features, month, labels_late):
    last = str(pd.Period(month) - 1 - labels_late)
    features.drop(features.index[features["month"] > last], inplace=True)
    if features.empty:
        raise MonthError(f"For {month} no label is known yet.")
    return features


def by_offset(features, month, labels_late):
    first_unknown = pd.Timestamp(month) - pd.DateOffset(months=labels_late)
    known = features.loc[pd.to_datetime(features["month"]) < first_unknown].copy()
    if not len(known):
        raise MonthError(f"nothing is known for {month}")
    return known


def by_position(features, month, labels_late):
    known = MONTHS[: max(0, MONTHS.index(month) - labels_late)]
    if not known:
        raise MonthError(f"nothing is known for {month}")
    return features[features["month"].isin(known)]


def by_query(features, month, labels_late):
    last = str(pd.Period(month) - 1 - labels_late)  # noqa: F841  # the query uses it
    known = features.query("month <= @last").sort_values("flight")
    if known.empty:
        raise MonthError(f"nothing is known for {month}")
    return known


def only_the_last_month(features, month, labels_late):
    return features[features["month"] == str(pd.Period(month) - 1 - labels_late)]


def empty_table_goes_on(features, month, labels_late):
    return features[features["month"] < str(pd.Period(month) - labels_late)]


def slices_from_the_end(features, month, labels_late):
    known = MONTHS[: MONTHS.index(month) - labels_late]
    if not known:
        known = MONTHS[:1]
    return features[features["month"].isin(known)]


def counts_from_the_other_end(features, month, labels_late):
    rows = features[features["month"].isin(MONTHS[: MONTHS.index(month) - labels_late])]
    if rows.empty:
        raise MonthError(f"For {month} no label is known yet.")
    return rows


def returns_months(features, month, labels_late):
    return [each for each in MONTHS if each < str(pd.Period(month) - labels_late)]


def another_error(features, month, labels_late):
    known = features[features["month"] < str(pd.Period(month) - labels_late)]
    if known.empty:
        raise ValueError(f"nothing for {month}")
    return known


def names_no_month(features, month, labels_late):
    known = features[features["month"] < str(pd.Period(month) - labels_late)]
    if known.empty:
        raise MonthError("no label is known yet")
    return known


WRONG = {
    "ex_5_1": [
        asks_the_clock,
        last_month_by_the_clock,
        end_of_the_interval,
        logical_date,
        ds,
        name_of_the_run,
        run_after,
        month_before_the_start,
        month_before_the_logical_date,
        thirty_one_days_before_the_end,
        thirty_days_before_the_end,
        local_time_of_the_machine,
        in_new_york,
        a_month_less_than_the_end,
        always_2013,
        a_day,
        a_moment,
        one_digit,
        old_name,
        by_attribute,
        always_march,
        prints_only,
        "2013-03",
    ],
    "ex_5_2": [
        only_the_month,
        only_after,
        by_the_window,
        with_january,
        everything,
        backwards,
        a_set,
        the_next_too,
        names,
        one_text,
        ["2013-03"],
    ],
    "ex_5_3": [
        YEAR,
        {"year": None, "corrected": None},
        {"year": picture(only=TWO), "corrected": picture(only=TWO)},
        {"year": picture(only=MONTHS[2:]), "corrected": picture(only=MONTHS[2:])},  # without February
        {"year": picture(only=MONTHS[1:-1]), "corrected": picture(only=MONTHS[1:-1])},  # without December
        {"year": picture(order=DEFAULT_ORDER), "corrected": again(YEAR, AUTUMN)},  # finished runs left alone
        {"year": picture(champions="2013-01-x"), "corrected": again(YEAR, AUTUMN)},  # side by side
        {"year": again(YEAR, AUTUMN), "corrected": YEAR},  # swapped
        {"year": again(YEAR, MONTHS[1:]), "corrected": YEAR},
        {"year": YEAR, "corrected": YEAR},  # --reprocess-behavior forgotten
        {"year": YEAR, "corrected": again(YEAR, AUTUMN, same=True)},  # not delivered
        {"year": YEAR, "corrected": again(YEAR, ["2013-09"])},  # dependents not rerun
        {"year": YEAR, "corrected": again(YEAR, AUTUMN[1:])},  # off by one
        {"year": YEAR, "corrected": again(YEAR, AUTUMN, order=AUTUMN[::-1])},  # --run-backwards
        {"year": YEAR, "corrected": again(YEAR, MONTHS[1:])},  # another month was corrected as well
    ],
    "ex_5_4": [
        by_auc,
        by_cost,
        any_difference,
        equal_counts,
        lower_is_worse,
        not_the_best,
        in_the_order_of_rows,
        always_recent,
        of_the_text,
        three_digits_first,
        last_month_first,
        how_many,
        ["2013-05"],
    ],
    "ex_5_5": [
        all_rows,
        up_to_the_month,
        ignores_the_delay,
        everything_else,
        one_month_too_many,
        one_month_too_few,
        only_the_last_month,
        empty_table_goes_on,
        slices_from_the_end,
        counts_from_the_other_end,
        returns_months,
        another_error,
        names_no_month,
        broken_in_january,
        months_of_thirty_days,
        drops_in_place,
        without_gaps,
        each_row_once,
        counts_delivered_months,
        another_type_in_place,
        "2013-06",
    ],
}


def _by_index(corrected, window):
    return MONTHS[max(1, MONTHS.index(corrected)) :]


def _as_a_tuple(corrected, window):
    return tuple(month for month in MONTHS if month >= max(corrected, "2013-02"))


def _one_by_one(corrected, window):
    for month in MONTHS[1:]:
        if month >= corrected:
            yield month


ALSO_RIGHT = {
    "ex_5_1": [by_strftime, by_text, by_pandas, by_the_run, a_day_before_the_end],
    "ex_5_2": [_by_index, _as_a_tuple, _one_by_one],
    "ex_5_3": [
        {"year": YEAR, "corrected": again(YEAR, AUTUMN)},
        {"corrected": again(YEAR, AUTUMN), "year": YEAR},
    ],
    "ex_5_4": [by_merge, by_loop, as_an_index],
    "ex_5_5": [by_offset, by_position, by_query],
}
