"""The report of ``make tour``: one HTML file, without network, scripts or pictures from elsewhere.

Every figure and every sentence about a figure is computed from ``build/tour.json``, so that another run gives
another report and not a wrong one. ``report.html`` has the page and the plain words around it.
"""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import style

from companion.report import calibration, champion, drawing, drift, history, orchestrators, slices
from companion.report.orchestrators import sameness
from companion.report.words import by_month
from flightdelay.files import locked, write_atomically
from flightdelay.steps import evaluate, featurize

__all__ = ["sameness", "write_report"]


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
    year = by_month(tour["year"])
    month = year[year["month"] == tour["month"]].iloc[0]
    judged = year[year["month"].isin([tour["month"], tour["year"][-1]["month"]])]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    with style.context(drawing.STYLE, after_reset=True):
        page = environment.get_template("report.html").render(
            year=year,
            month=month,
            orchestrators=orchestrators.section(tour["rows"]),
            sections={
                "drift": drift.section(year),
                "history": history.section(year),
                "champion": champion.section(year),
                "calibration": calibration.section(judged),
                "slices": slices.section(month),
                "cost": champion.cost(year),
            },
            colours=drawing.COLOURS,
            drift=drift,
            evaluate=evaluate,
            featurize=featurize,
        )
    with locked(target.parent):
        write_atomically(target, page.encode())
