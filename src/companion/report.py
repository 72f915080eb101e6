"""The report of ``make tour``: one HTML file, without network, scripts or pictures from elsewhere.

Every figure and every sentence about a figure is computed from ``build/tour.json``, so that another run gives
another report and not a wrong one. ``templates/report.html`` has the page and the plain words around it.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from flightdelay.files import locked, write_atomically
from flightdelay.steps.evaluate import (
    COST_MISSED_CONNECTION,
    COST_NEEDLESS_OFFER,
    FEWEST_FLIGHTS_OF_A_SLICE,
    OFFER_FROM,
)
from flightdelay.steps.featurize import HOURS_AHEAD, LATE_MINUTES

# One month as tour.json has it.
Row = dict[str, Any]
Series = Literal["all", "recent", "frozen", "baseline", "champion"]

MONTHS = ["January", "February", "March", "April", "May", "June", "July"]
MONTHS += ["August", "September", "October", "November", "December"]
TOOLS = {
    "plain": "plain Python",
    "zenml": "ZenML",
    "airflow": "Airflow",
    "kubeflow": "Kubeflow (local)",
    "kind": "Kubeflow (kind)",
}
NAMES: dict[Series, str] = {
    "all": "all history",
    "recent": "last 3 months",
    "frozen": "frozen",
    "baseline": "baseline",
    "champion": "champion",
}
MODELS: tuple[Series, ...] = ("all", "recent", "frozen")
# What lies on top comes last.
DRAWN: tuple[Series, ...] = ("baseline", "frozen", "recent", "all")
COLUMNS = {
    "arrival_minute": "arrival time",
    "departure_minute": "departure time",
    "dest": "destination",
    "dewp": "dew point",
    "humid": "humidity",
    "precip": "rain and snow",
    "temp": "temperature",
    "visib": "visibility",
    "wind_dir": "wind direction",
    "wind_gust": "gusts",
    "wind_speed": "wind speed",
}
SLICES = {"carrier": "carrier", "origin": "airport", "hour": "hour"}

# The custom of credit scoring for the population stability index (see flightdelay.drift).
STABLE, MOVED = 0.1, 0.25
# Metrics closer than this are those of one and the same model.
SAME = 1e-6
# Two-sided 95%.
NORMAL_QUANTILE = 1.96


@dataclass(frozen=True)
class Table:
    """The numbers of a section: the first cell of each row is its heading; `words` names columns of text."""

    caption: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A plot with its finding: the title says it, the detail says more."""

    title: str
    detail: str
    svg: Markup


def write_report(source: Path, target: Path) -> None:
    """Write the report of a tour.

    Parameters
    ----------
    source : Path
        ``build/tour.json``.
    target : Path
        The HTML file to write; the same source gives the same bytes.

    Raises
    ------
    OSError
        If `source` cannot be read or `target` cannot be written.
    """
    tour = json.loads(source.read_text(encoding="utf-8"))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(_context(tour))
    with locked(target.parent):
        write_atomically(target, page.encode())


def _context(tour: dict[str, Any]) -> dict[str, Any]:
    year: list[Row] = tour["year"]
    month = next(row for row in year if row["month"] == tour["month"])
    judged = [month] if month is year[-1] else [month, year[-1]]
    compared = [row for row in year if "frozen" in row]
    return {
        "month": _name(month),
        "year": month["month"][:4],
        "first": _name(year[0]),
        "last": _name(year[-1]),
        "hours_ahead": HOURS_AHEAD,
        "late_minutes": LATE_MINUTES,
        "orchestrators": _orchestrators(tour["rows"]),
        "sameness": _sameness(tour["rows"]),
        "overhead": _overhead(tour["rows"]),
        "plain_seconds": f"{tour['rows'][0]['seconds']:.1f}",
        "late_share": _late_share(year),
        "late_share_table": _late_share_table(year),
        "stability": _stability(year),
        "stability_table": _stability_table(year),
        "drift_note": _drift_note(year),
        "stable": STABLE,
        "moved": MOVED,
        "frozen_from": _name(compared[0]) if compared else None,
        "auc": _ranking(year),
        "log_loss": _losses(year),
        "log_loss_notes": _loss_notes(year),
        "models_tables": [_models_table(year, "auc", "AUC"), _models_table(year, "log_loss", "Log loss")],
        "gains": _gains(year),
        "decisions_table": _decisions_table(year),
        "calibrations": [_calibration(row) for row in judged],
        "calibration_tables": [_calibration_table(row) for row in judged],
        "slices": [_slice_auc(month), _slice_share(month)] if month["slices"] else [],
        "slices_table": _slices_table(month),
        "fewest_flights": FEWEST_FLIGHTS_OF_A_SLICE,
        "cost": _cost(year),
        "cost_table": _cost_table(year),
        "needless_offer": COST_NEEDLESS_OFFER,
        "missed_connection": COST_MISSED_CONNECTION,
        "offer_from": f"{OFFER_FROM:.0%}",
    }


# What the numbers say, in words.


def _name(row: Row) -> str:
    return MONTHS[int(row["month"][5:]) - 1]


def _listing(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _names(rows: Sequence[Row]) -> str:
    return _listing([_name(row) for row in rows])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _of(row: Row, series: Series, metric: str) -> float | None:
    """Return a metric of one model in one month, or None where there was no such model."""
    metrics = row if series == "all" else row.get(series)
    return None if metrics is None else float(metrics[metric])


def _miss(row: Row) -> float:
    """Return by how many percentage points the model expects too many late flights, as printed."""
    return float(round(100 * row["mean_probability"], 1) - round(100 * row["late_rate"], 1))


def _expectation(row: Row) -> str:
    too = "too many" if _miss(row) > 0 else "too few"
    verdict = f"{abs(_miss(row)):.1f} percentage points {too}" if abs(_miss(row)) >= 0.05 else "as many"
    late, expected = _percent(row["late_rate"]), _percent(row["mean_probability"])
    return f"{late} of the flights arrive late and the model expects {expected}, {verdict}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _differing(year: Sequence[Row], metric: str, models: Sequence[Series]) -> list[Row]:
    """Return the months in which all of these models exist and are not one and the same."""
    found = []
    for row in year:
        values = [value for model in models if (value := _of(row, model, metric)) is not None]
        if len(values) == len(models) and max(values) - min(values) > SAME:
            found.append(row)
    return found


def _worse(year: Sequence[Row], one: Series, other: Series) -> tuple[list[Row], int]:
    """Return the months in which `one` has the higher log loss, and in how many months the two differ."""
    rows = _differing(year, "log_loss", (one, other))
    return [
        row for row in rows if (_of(row, one, "log_loss") or 0) > (_of(row, other, "log_loss") or 0)
    ], len(rows)


# The table of the orchestrators.


def _tool(row: Row) -> str:
    return TOOLS.get(row["orchestrator"], str(row["orchestrator"]))


def sameness(row: Row, plain: Row) -> str:
    """Say whether a run gave plain Python's result: ``yes``, ``to 0.001`` or ``NO``.

    On a cluster it ran in an image, with another system under it: there, metrics have to agree to 0.001.
    """
    if row["digest"] == plain["digest"]:
        return "yes"
    near = all(abs(row[name] - plain[name]) <= 1e-3 for name in ("auc", "log_loss"))
    return "to 0.001" if row["orchestrator"] == "kind" and near else "NO"


def _orchestrators(rows: Sequence[Row]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        shown: dict[str, Any] = {"name": _tool(row)}
        if row["status"] == "ran":
            first = row["orchestrator"] == "plain"
            shown["cells"] = [
                "–" if first else sameness(row, rows[0]),
                f"{row['seconds']:.1f}",
                "–" if first else f"{row['overhead_seconds']:+.1f}",
                f"{row['auc']:.3f}",
                f"{row['log_loss']:.3f}",
                row["decision"],
            ]
        else:
            # Backticks mark a command; every other part is one.
            shown["reason"] = row["reason"].split("`")
        found.append(shown)
    return found


def _sameness(rows: Sequence[Row]) -> list[str]:
    """Say which orchestrators gave plain Python's probabilities and which did not."""
    ran = [row for row in rows if row["status"] == "ran" and row["orchestrator"] != "plain"]
    if not ran:
        return ["No orchestrator could run here, so there is nothing to compare with plain Python."]
    found = {
        word: [_tool(row) for row in ran if sameness(row, rows[0]) == word]
        for word in ("yes", "to 0.001", "NO")
    }
    same, near, other = found.values()
    sentences = []
    if same:
        sentences.append(
            f"{_listing(same)} {'give' if len(same) > 1 else 'gives'} the same probability as plain Python for "
            "every flight, to six decimals: the orchestrator changed nothing in the model, so that it is "
            "equally right or equally wrong."
        )
    if near:
        sentences.append(
            f"{_listing(near)} ran in an image, with another system under it: its metrics are plain Python's to 0.001, "
            "its probabilities are not the same to six decimals."
        )
    if other:
        sentences.append(
            f"{_listing(other)} {'give' if len(other) > 1 else 'gives'} other probabilities than plain "
            "Python, although the code is the same: that must not happen."
        )
    return sentences


def _overhead(rows: Sequence[Row]) -> str | None:
    """Return the smallest and the largest overhead, or None if no orchestrator ran."""
    ran = [row for row in rows if row["status"] == "ran" and row["orchestrator"] != "plain"]
    ran.sort(key=lambda row: row["overhead_seconds"])
    ends = ran if len(ran) < 2 else [ran[0], ran[-1]]
    return " to ".join(f"{row['overhead_seconds']:+.1f} s with {_tool(row)}" for row in ends) or None


# Drawing. Colours and fonts are in the style sheet; all text takes the colour of the page's text.


@dataclass
class _Drawing:
    """An SVG picture in the making; x and y are in its own units, from the upper left corner."""

    height: float
    width: float = 480
    parts: list[Markup] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, anchor: str = "start", kind: str = "label") -> None:
        self.parts.append(
            Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
                x, y, anchor, kind, words
            )
        )

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(Markup('<polyline points="{}" class="{}"/>').format(steps, kind))

    def mark(self, x: float, y: float, kind: str, words: str = "") -> None:
        """Draw a mark in the colour and shape of its kind; the words are what a mouse over it shows."""
        shape = {
            "recent": "M-4,-4h8v8h-8z",
            "frozen": "M0,-5.5l5.5,5.5l-5.5,5.5l-5.5,-5.5z",
            "baseline": "M0,-5l5,8.5h-10z",
        }.get(kind.split()[0], "M-4.5,0a4.5,4.5 0 1 0 9,0a4.5,4.5 0 1 0 -9,0z")
        title = Markup("<title>{}</title>").format(words) if words else ""
        self.parts.append(
            Markup('<path d="{}" transform="translate({:.1f},{:.1f})" class="mark {}">{}</path>').format(
                shape, x, y, kind, title
            )
        )

    def svg(self, alt: str) -> Markup:
        return Markup('<svg role="img" aria-label="{}" viewBox="0 0 {:.0f} {:.0f}">{}</svg>').format(
            alt, self.width, self.height, Markup("\n").join(["", *self.parts, ""])
        )


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers from at or below `low` to at or above `high`, about as many as asked."""
    raw = max(high - low, 1e-9) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / ((high - low) or 1) * (end - start)


def _number(value: float, form: str) -> str:
    return format(value, form).replace("-", "−") if value else format(0, form.lstrip("+"))


def _apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions as little as needed to keep a gap between neighbours, inside of the limits."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    found = list(wanted)
    floor = low
    for index in order:
        found[index] = floor = max(found[index], floor)
        floor += gap
    ceiling = high
    for index in reversed(order):
        found[index] = ceiling = min(found[index], ceiling)
        ceiling -= gap
    return found


def _lines(
    year: Sequence[Row],
    series: Sequence[tuple[str, str, Sequence[float | None]]],
    *,
    axis: str,
    tick: str,
    show: str,
    zero: bool = False,
) -> _Drawing:
    """Draw a line over the months for each series of kind, name and values.

    `tick` and `show` are the formats of the axis and of the value that a mouse over a mark shows.
    """
    left, right, top, bottom = 46, 362, 34, 296
    drawing = _Drawing(bottom + 44)
    known = {
        (kind, name): [(row, value) for row, value in zip(year, line, strict=True) if value is not None]
        for kind, name, line in series
    }
    values = [value for pairs in known.values() for _, value in pairs]
    ticks = _ticks(0 if zero else min(values), max(values), 5)
    y = _scale(ticks[0], ticks[-1], bottom, top)
    place = _scale(0, len(year) - 1, left + 12, right)
    x = {row["month"]: place(index) for index, row in enumerate(year)}
    drawing.text(4, 14, axis)
    for value in ticks:
        drawing.line([(left, y(value)), (right, y(value))], "grid")
        drawing.text(left - 6, y(value) + 4, _number(value, tick), "end", "tick")
    for row in year:
        drawing.text(x[row["month"]], bottom + 18, _name(row)[:3], "middle", "tick")
    drawing.text((left + right) / 2, bottom + 38, f"month of {year[0]['month'][:4]}", "middle")
    ends = []
    for (kind, name), pairs in known.items():
        if pairs:
            drawing.line([(x[row["month"]], y(value)) for row, value in pairs], f"line {kind}")
            for row, value in pairs:
                words = f"{_name(row)}, {name}: {_number(value, show)}"
                drawing.mark(x[row["month"]], y(value), kind, words)
            row, value = pairs[-1]
            ends.append((kind, name, x[row["month"]], y(value)))
    heights = _apart([end for *_, end in ends], 18, top, bottom)
    for (kind, name, end_x, end_y), height in zip(ends, heights, strict=True):
        drawing.line([(end_x + 6, end_y), (right + 16, height)], f"leader {kind}")
        drawing.text(right + 20, height + 4, name)
    return drawing


@dataclass(frozen=True)
class _Bar:
    """A row of a chart: marks of kind, value and words for the mouse, perhaps joined, with words beside."""

    label: str
    marks: Sequence[tuple[str, float, str]]
    words: str = ""
    joined: str = ""


def _bars(
    groups: Sequence[tuple[str, Sequence[_Bar]]],
    *,
    axis: str,
    tick: str,
    ticks: Sequence[float],
    references: Sequence[tuple[float, str]] = (),
    logarithmic: bool = False,
    left: float = 124,
    right: float = 460,
) -> _Drawing:
    """Draw one row per bar, group under group, over a common axis; above is room for a key."""
    pitch, top = 19, 46
    count = sum(len(bars) + bool(title) for title, bars in groups)
    bottom = top + pitch * count
    drawing = _Drawing(bottom + 44)
    convert = math.log10 if logarithmic else float
    straight = _scale(convert(ticks[0]), convert(ticks[-1]), left, right)

    def x(value: float) -> float:
        return straight(convert(min(max(value, ticks[0]), ticks[-1])))

    for value in ticks:
        drawing.line([(x(value), top), (x(value), bottom)], "grid")
        drawing.text(x(value), bottom + 17, _number(value, tick), "middle", "tick")
    drawing.text((left + right) / 2, bottom + 37, axis, "middle")
    for number, (value, words) in enumerate(references):
        drawing.line([(x(value), top - 4), (x(value), bottom)], "reference")
        # Two references stand back to back, one alone has its words above it.
        anchor = "middle" if len(references) == 1 else "end" if number == 0 else "start"
        drawing.text(x(value) + {"end": 6, "middle": 0, "start": -6}[anchor], top - 12, words, anchor)
    at = top + pitch / 2
    for title, bars in groups:
        if title:
            drawing.text(left - 8, at + 4, title, "end", "group")
            at += pitch
        for bar in bars:
            drawing.text(left - 8, at + 4, bar.label, "end", "tick")
            if bar.joined:
                ends = [x(value) for _, value, _ in bar.marks]
                drawing.line([(min(ends), at), (max(ends), at)], f"joined {bar.joined}")
            for kind, value, words in bar.marks:
                if kind != "origin":
                    drawing.mark(x(value), at, kind, words)
            if bar.words:
                drawing.text(right + 8, at + 4, bar.words)
            at += pitch
    return drawing


def _figure(title: str, detail: str, kind: str, drawing: _Drawing) -> Figure:
    """Give a drawing its title; those who do not see it hear the finding and what kind of plot it is."""
    words = " ".join(
        part for part in (title, detail, kind, "The numbers are in the section's table.") if part
    )
    return Figure(title, detail, drawing.svg(words))


# The year: late flights and drift.


def _late_share(year: Sequence[Row]) -> Figure:
    last, widest = year[-1], max(year, key=lambda row: abs(_miss(row)))
    detail = "No other month has a wider gap."
    if widest is not last:
        detail = f"The gap is widest in {_name(widest)}: {_expectation(widest)}."
    drawing = _lines(
        year,
        [
            ("late", "arrive late", [row["late_rate"] for row in year]),
            ("all", "expected", [row["mean_probability"] for row in year]),
        ],
        axis="share of the month's flights",
        tick=".0%",
        show=".1%",
        zero=True,
    )
    kind = "A chart with two lines over the months: the flights that arrive late and what the model expects."
    return _figure(f"In {_name(last)} {_expectation(last)}.", detail, kind, drawing)


def _late_share_table(year: Sequence[Row]) -> Table:
    rows = [
        (_name(row), _percent(row["late_rate"]), _percent(row["mean_probability"]), f"{_miss(row):+.1f}")
        for row in year
    ]
    return Table(
        "Share of late flights and mean probability by month",
        ("Month", "Arrive late", "Expected", "Expected minus late, percentage points"),
        rows,
    )


def _by_column(year: Sequence[Row]) -> dict[str, list[float]]:
    """Return the index of each column in each month, the column that moves furthest first."""
    found = {column: [row["drift"][column] for row in year] for column in year[0]["drift"]}
    return dict(sorted(found.items(), key=lambda item: (-max(item[1]), item[0])))


def _column(name: str) -> str:
    return COLUMNS.get(name, name.replace("_", " "))


def _stability(year: Sequence[Row]) -> Figure:
    columns = _by_column(year)
    moved = [name for name, values in columns.items() if max(values) > MOVED]
    still = [_column(name) for name, values in columns.items() if max(values) < STABLE]
    furthest, indices = next(iter(columns.items()))
    title = f"{len(moved)} of {len(columns)} columns move beyond {MOVED} in at least one month."
    detail = f"{_capital(_column(furthest))} moves furthest: "
    detail += f"{max(indices):.2f} in {_name(year[indices.index(max(indices))])}."
    if still:
        verb = "stay" if len(still) > 1 else "stays"
        detail += f" {_capital(_listing(still))} {verb} below {STABLE} all year."
    bars = []
    for name, values in columns.items():
        marks = [
            ("recent" if row is year[-1] else "month", value, f"{_name(row)}, {_column(name)}: {value:.3f}")
            for row, value in zip(year, values, strict=True)
        ]
        bars.append(_Bar(_column(name), marks))
    drawing = _bars(
        [("", bars)],
        axis="population stability index (left edge: 0.001 or less)",
        tick="g",
        ticks=(0.001, 0.01, 0.1, 1, 10),
        references=((STABLE, "← stable"), (MOVED, "moved →")),
        logarithmic=True,
    )
    drawing.mark(8, 30, "recent")
    drawing.text(18, 34, _name(year[-1]))
    kind = "A chart with a row for each column and a mark for each month, on a logarithmic scale."
    return _figure(title, detail, kind, drawing)


def _stability_table(year: Sequence[Row]) -> Table:
    return Table(
        "Population stability index of each column by month",
        ("Column", *(_name(row)[:3] for row in year)),
        [(name, *(f"{value:.2f}" for value in values)) for name, values in _by_column(year).items()],
    )


def _drift_note(year: Sequence[Row]) -> str:
    furthest = max(year, key=lambda row: max(row["drift"].values()))
    widest = max(year, key=lambda row: abs(_miss(row)))
    moved = [_column(name) for name, value in year[-1]["drift"].items() if value > MOVED]
    moved = moved or ["no column"]
    text = f"In {_name(year[-1])} {_listing(moved)} {'are' if len(moved) > 1 else 'is'} above {MOVED}. "
    text += f"Columns move furthest in {_name(furthest)}, "
    if furthest is widest:
        return text + "the month in which the model's expectation is furthest off."
    return text + (
        f"but the model's expectation is furthest off in {_name(widest)}: a column that moves is a reason to "
        "look, not a proof that the model is worse."
    )


# The year: which history to learn from.


def _ranking(year: Sequence[Row]) -> Figure:
    rows = _differing(year, "auc", MODELS)
    best = dict.fromkeys(MODELS, 0)
    for row in rows:
        values = {model: _of(row, model, "auc") for model in MODELS}
        for model in MODELS:
            best[model] += values[model] == max(value for value in values.values() if value is not None)
    first, *others = sorted(MODELS, key=lambda model: -best[model])
    title, detail = "In no month do the three models have different AUCs.", ""
    if rows:
        title = f"“{_capital(NAMES[first])}” has the highest AUC in {best[first]} of {len(rows)} months."
        second, third = others
        detail = (
            f"“{_capital(NAMES[second])}” has it in {best[second]} and “{NAMES[third]}” in {best[third]}; "
        )
        detail += "months in which the three are one and the same model do not count."
    drawing = _lines(
        year,
        [(model, NAMES[model], [_of(row, model, "auc") for row in year]) for model in DRAWN],
        axis="AUC (0.5: guessing, 1: perfect)",
        tick=".2f",
        show=".3f",
    )
    kind = "A chart with a line over the months for each model and the baseline."
    return _figure(title, detail, kind, drawing)


def _losses(year: Sequence[Row]) -> Figure:
    worse, months = _worse(year, "recent", "frozen")
    title, detail = "“Last 3 months” and “frozen” have the same log loss in every month.", ""
    if months:
        title = "Log loss: learning from the last 3 months is "
        title += (
            f"worse than never learning again in {len(worse)} of {months} months ({_names(worse)})."
            if worse
            else f"better than never learning again in all {months} months."
        )
    worse, months = _worse(year, "recent", "all")
    if months:
        detail = "It is " + (
            f"worse than learning from all history in {len(worse)} of {months} months."
            if worse
            else f"better than learning from all history in all {months} months."
        )
    drawing = _lines(
        year,
        [(model, NAMES[model], [_excess(row, model) for row in year]) for model in DRAWN],
        axis="log loss minus that of all history (above 0: worse)",
        tick="+.2f",
        show="+.3f",
    )
    kind = "A chart with a line over the months for each model and the baseline, all history being at 0."
    return _figure(title, detail, kind, drawing)


def _excess(row: Row, series: Series) -> float | None:
    """Return how much higher the log loss of a model is than that of all history."""
    loss = _of(row, series, "log_loss")
    return None if loss is None else loss - float(row["log_loss"])


def _entropy(share: float) -> float:
    """Return the log loss of whoever knows the month's share of late flights and nothing else."""
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)


def _loss_notes(year: Sequence[Row]) -> list[str]:
    last = year[-1]
    losses = [(NAMES[model], loss) for model in DRAWN if (loss := _of(last, model, "log_loss")) is not None]
    losses.sort(key=lambda item: item[1])
    known = _entropy(last["late_rate"])
    beaten = [f"“{name}”" for name, loss in losses if loss > known]
    ranked = ", ".join(f"{name} {loss:.3f}" for name, loss in losses)
    verdict = f"{_listing(beaten)} {'are' if len(beaten) > 1 else 'is'} worse" if beaten else "none is worse"
    notes = [
        f"Log loss in {_name(last)}, from best to worst: {ranked}.",
        "Someone who knew only the month's share of late flights beforehand, and gave it to every flight, "
        f"would reach {known:.3f}; {verdict} than that.",
    ]
    behind, months = _worse(year, "all", "baseline")
    if behind:
        notes.append(
            f"All history has a higher log loss than the baseline in {_names(behind)} "
            f"({len(behind)} of {months} months)."
        )
    return notes


def _models_table(year: Sequence[Row], metric: str, name: str) -> Table:
    shown: tuple[Series, ...] = ("all", "recent", "frozen", "champion", "baseline")
    rows = [
        (
            _name(row),
            *("–" if (value := _of(row, model, metric)) is None else f"{value:.3f}" for model in shown),
            *([f"{_entropy(row['late_rate']):.3f}"] if metric == "log_loss" else []),
        )
        for row in year
    ]
    head = ("Month", *(NAMES[model].capitalize() for model in shown))
    return Table(f"{name} by month", (*head, "Share only") if metric == "log_loss" else head, rows)


# The year: champion and challenger.


def _gain(row: Row) -> float:
    opponent = row["champion"] or row["baseline"]
    return float(opponent["log_loss"] - row["log_loss"])


def _gains(year: Sequence[Row]) -> Figure:
    kept = [row for row in year if row["decision"] != "promote"]
    title = f"The challenger is promoted in {len(year) - len(kept)} of {len(year)} months"
    title += f" and not in {_names(kept)}." if kept else "."
    lower = [row for row in kept if _gain(row) > 0]
    detail = (
        f"In {_names(lower)} its log loss is lower than its opponent's and yet not enough." if lower else ""
    )
    gains = [_gain(row) for row in year]
    bars = []
    for row, gain in zip(year, gains, strict=True):
        promoted = row["decision"] == "promote"
        marks = [
            ("origin", 0.0, ""),
            ("all" if promoted else "all hollow", gain, f"{_name(row)}: {gain:+.4f}"),
        ]
        bars.append(_Bar(_name(row)[:3], marks, "promoted" if promoted else "not promoted", "all"))
    drawing = _bars(
        [("", bars)],
        axis="log loss of the opponent minus the challenger's",
        tick="g",
        ticks=_ticks(min(0, *gains), max(0, *gains), 4),
        references=((0, "← worse | better →"),),
        left=48,
        right=370,
    )
    kind = "A chart with a row for each month: by how much the challenger's log loss is lower."
    return _figure(title, detail, kind, drawing)


def _decisions_table(year: Sequence[Row]) -> Table:
    rows, champion = [], None
    for row in year:
        opponent = row["champion"] or row["baseline"]
        name = f"challenger of {champion}" if row["champion"] and champion else "baseline"
        promoted = row["decision"] == "promote"
        rows.append(
            (
                _name(row),
                f"{row['log_loss']:.4f}",
                f"{opponent['log_loss']:.4f}",
                name,
                "promoted" if promoted else "not promoted",
                "; ".join(row["reasons"]),
            )
        )
        champion = _name(row) if promoted else champion
    return Table(
        "Challenger and opponent by month",
        ("Month", "Challenger's log loss", "Opponent's log loss", "Opponent", "Decision", "Why"),
        rows,
        ("Opponent", "Decision", "Why"),
    )


# One month: calibration and slices.


def _chance(share: float, flights: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share."""
    z = NORMAL_QUANTILE**2 / flights
    middle = (share + z / 2) / (1 + z)
    half = NORMAL_QUANTILE / (1 + z) * math.sqrt(share * (1 - share) / flights + z / (4 * flights))
    return middle - half, middle + half


def _calibration(row: Row) -> Figure:
    bins = row["calibration"]
    spans = [_chance(group["late_rate"], group["flights"]) for group in bins]
    more = sum(low > group["mean_probability"] for group, (low, _) in zip(bins, spans, strict=True))
    fewer = sum(high < group["mean_probability"] for group, (_, high) in zip(bins, spans, strict=True))
    title = f"{_name(row)}: flights are late "
    if more or fewer:
        counts = [(word, count) for word, count in (("more", more), ("less", fewer)) if count]
        title += _listing([f"{word} often than the model says in {count}" for word, count in counts])
        title += f" of {len(bins)} groups, beyond the 95% interval."
    else:
        title += f"as often as the model says in all {len(bins)} groups, within the 95% interval."
    left, right, top, bottom = 46, 460, 34, 336
    drawing = _Drawing(bottom + 44)
    highest = max(*(high for _, high in spans), *(group["mean_probability"] for group in bins))
    ticks = _ticks(0, highest, 6)
    x, y = _scale(0, ticks[-1], left, right), _scale(0, ticks[-1], bottom, top)
    drawing.text(4, 14, "really late, share of the group")
    for tick in ticks:
        drawing.line([(left, y(tick)), (right, y(tick))], "grid")
        drawing.text(left - 6, y(tick) + 4, f"{100 * tick:.0f}%", "end", "tick")
        drawing.text(x(tick), bottom + 17, f"{100 * tick:.0f}%", "middle", "tick")
    drawing.text((left + right) / 2, bottom + 37, "probability given, mean of the group", "middle")
    drawing.line([(x(0), y(0)), (x(ticks[-1]), y(ticks[-1]))], "reference")
    drawing.text(left + 10, top + 18, "above the diagonal: too few expected", "start")
    drawing.text(right - 6, bottom - 10, "below it: too many expected", "end")
    for group, (low, high) in zip(bins, spans, strict=True):
        at = x(group["mean_probability"])
        drawing.line([(at, y(low)), (at, y(high))], "joined all")
        words = f"{_percent(group['mean_probability'])} given, {_percent(group['late_rate'])} late"
        drawing.mark(at, y(group["late_rate"]), "all", words)
    kind = "A chart of the share of late flights over the probability given, with a diagonal."
    return _figure(title, f"In all, {_expectation(row)}.", kind, drawing)


def _calibration_table(row: Row) -> Table:
    rows = []
    for number, group in enumerate(row["calibration"], 1):
        low, high = _chance(group["late_rate"], group["flights"])
        rows.append(
            (
                str(number),
                f"{group['flights']:,}",
                _percent(group["mean_probability"]),
                _percent(group["late_rate"]),
                f"{_percent(low)} to {_percent(high)}",
            )
        )
    return Table(
        f"Calibration in {_name(row)}",
        ("Group", "Flights", "Probability given", "Really late", "95% interval"),
        rows,
    )


def _groups(month: Row) -> list[tuple[str, list[Row]]]:
    """Return the slices by column, worst AUC first, but the hours in the order of the day."""
    found = []
    for column, title in SLICES.items():
        rows = [row for row in month["slices"] if row["column"] == column]
        if rows:
            key = "value" if column == "hour" else "auc"
            found.append((title, sorted(rows, key=lambda row: row[key])))
    return found


def _slice_auc(month: Row) -> Figure:
    worst, groups = [], []
    for column, rows in _groups(month):
        row = min(rows, key=lambda row: row["auc"])
        worst.append(f"{column} {row['value']} ({row['auc']:.3f}, {row['flights']:,} flights)")
        bars = [
            _Bar(row["value"], [("all", row["auc"], f"{row['value']}: {row['auc']:.3f}")]) for row in rows
        ]
        groups.append((column, bars))
    values = [month["auc"], *(row["auc"] for row in month["slices"])]
    drawing = _bars(
        groups,
        axis="AUC (0.5: guessing, 1: perfect)",
        tick=".2f",
        ticks=_ticks(min(values), max(values), 5),
        references=((month["auc"], "all flights"),),
    )
    title = f"{_name(month)}: the model ranks worst at {_listing(worst)}."
    kind = "A chart with a row for each slice and a line for all flights."
    return _figure(title, f"Over all flights its AUC is {month['auc']:.3f}.", kind, drawing)


def _slice_share(month: Row) -> Figure:
    few = sum(_miss(row) < 0 for row in month["slices"])
    many = sum(_miss(row) > 0 for row in month["slices"])
    count, too = (few, "few") if few > many else (many, "many")
    title = f"{_name(month)}: the model expects too {too} late flights in {count} of "
    title += f"{len(month['slices'])} slices."
    widest = max(month["slices"], key=lambda row: abs(_miss(row)))
    detail = f"The gap is widest at {SLICES[widest['column']]} {widest['value']}: {_expectation(widest)}."
    groups = []
    for column, rows in _groups(month):
        bars = []
        for row in rows:
            late, expected = row["late_rate"], row["mean_probability"]
            marks = [
                ("late", late, f"{row['value']}: {_percent(late)} late"),
                ("all", expected, f"{row['value']}: {_percent(expected)} expected"),
            ]
            bars.append(_Bar(row["value"], marks, "", "gap"))
        groups.append((column, bars))
    values = [row[name] for row in month["slices"] for name in ("late_rate", "mean_probability")]
    drawing = _bars(groups, axis="share of the slice's flights", tick=".0%", ticks=_ticks(0, max(values), 5))
    for x, kind, words in ((132, "late", "arrive late"), (252, "all", "expected")):
        drawing.mark(x, 30, kind)
        drawing.text(x + 10, 34, words)
    kind = "A chart with a row for each slice: the flights that arrive late and what the model expects."
    return _figure(title, detail, kind, drawing)


def _slices_table(month: Row) -> Table:
    rows = [
        (
            f"{title} {row['value']}",
            f"{row['flights']:,}",
            _percent(row["late_rate"]),
            _percent(row["mean_probability"]),
            f"{row['auc']:.3f}",
            f"{row['log_loss']:.3f}",
        )
        for title, found in _groups(month)
        for row in found
    ]
    return Table(
        f"Slices of {_name(month)}", ("Slice", "Flights", "Really late", "Expected", "AUC", "Log loss"), rows
    )


# Cost.


def _without_model(row: Row) -> tuple[float, str]:
    """Return the cost per 1000 flights of the cheaper of the two rules that need no model."""
    nobody, everybody = (
        COST_MISSED_CONNECTION * row["late_rate"],
        COST_NEEDLESS_OFFER * (1 - row["late_rate"]),
    )
    return 1000 * min(nobody, everybody), "nobody" if nobody <= everybody else "everybody"


COSTED: tuple[Series, ...] = ("champion", "frozen", "recent", "baseline")


def _cost(year: Sequence[Row]) -> Figure | None:
    rows = [row for row in year if all(row.get(model) for model in COSTED)]
    if not rows:
        return None
    means = {
        NAMES[model]: sum(_of(row, model, "cost_per_1000_flights") or 0 for row in rows) / len(rows)
        for model in COSTED
    }
    ranked = ", ".join(f"{name} {cost:.0f}" for name, cost in sorted(means.items(), key=lambda item: item[1]))
    title = f"Cost per 1,000 flights, mean of the months {_name(rows[0])} to {_name(rows[-1])}: {ranked}."
    dearer = [row for row in rows if row["champion"]["cost_per_1000_flights"] > _without_model(row)[0]]
    detail = (
        f"The champion costs more than the better rule without a model in {_names(dearer)}."
        if dearer
        else "The champion costs no more than the better rule without a model in any month."
    )
    series: list[tuple[str, str, list[float | None]]] = [
        ("none", "no model", [_without_model(row)[0] for row in rows])
    ]
    for model in reversed(COSTED):
        series.append((model, NAMES[model], [_of(row, model, "cost_per_1000_flights") for row in rows]))
    drawing = _lines(rows, series, axis="cost in units per 1,000 flights", tick=".0f", show=".0f")
    return _figure(title, detail, "A chart with a line over the months for each model and rule.", drawing)


def _cost_table(year: Sequence[Row]) -> Table:
    rows = [
        (
            _name(row),
            *(
                "–" if (cost := _of(row, model, "cost_per_1000_flights")) is None else f"{cost:.0f}"
                for model in COSTED
            ),
            f"{_without_model(row)[0]:.0f} (offer to {_without_model(row)[1]})",
        )
        for row in year
    ]
    return Table(
        "Cost in units per 1,000 flights by month",
        ("Month", *(NAMES[model].capitalize() for model in COSTED), "Best rule without a model"),
        rows,
    )
