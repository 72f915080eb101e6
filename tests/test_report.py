"""The report shows what tour.json holds, in sentences that follow the numbers."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from companion.report import write_report

Tour = dict[str, Any]
VOID = {"meta", "link", "img", "br", "hr", "input", "source"}


class Page(HTMLParser):
    """Checks that tags are closed in order; keeps attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def metrics(auc: float, log_loss: float, cost: float = 500.0) -> dict[str, float]:
    return {
        "auc": auc,
        "log_loss": log_loss,
        "brier": 0.1,
        "cost_per_1000_flights": cost,
        "mean_probability": 0.2,
    }


def month(name: str, late: float, expected: float, loss: float, **more: Any) -> dict[str, Any]:
    return {
        "month": name,
        "seconds": 1.0,
        "late_rate": late,
        "auc": 0.7,
        "log_loss": loss,
        "mean_probability": expected,
        "baseline": metrics(0.6, loss + 0.05, 650.0),
        "champion": None,
        "decision": "promote",
        "reasons": ["better on the month's flights"],
        "digest": "aa",
        "calibration": [
            {"flights": 1000, "mean_probability": expected / 2, "late_rate": late / 2},
            {"flights": 1000, "mean_probability": expected * 1.5, "late_rate": late * 1.5},
        ],
        "slices": [
            {
                "column": column,
                "value": value,
                "flights": 1234,
                "late_rate": late,
                "auc": auc,
                "log_loss": loss,
                "mean_probability": expected,
            }
            for column, value, auc in [
                ("carrier", "XX", 0.611),
                ("carrier", "YY", 0.7),
                ("hour", "06", 0.622),
            ]
        ],
        "drift": {"temp": 0.5, "carrier": 0.01},
    } | more


def a_tour() -> Tour:
    plain = {"orchestrator": "plain", "status": "ran", "reason": None, "overhead_seconds": 0.0}
    plain |= {"seconds": 2.34, "auc": 0.7123, "log_loss": 0.4321, "digest": "aa", "decision": "keep"}
    nothing = dict.fromkeys(("seconds", "overhead_seconds", "auc", "log_loss", "digest", "decision"))
    return {
        "month": "2013-11",
        "window": None,
        "rows": [
            plain,
            plain | {"orchestrator": "zenml", "seconds": 5.67, "overhead_seconds": 3.33},
            {"orchestrator": "airflow", "status": "unavailable"}
            | {"reason": "Airflow failed: <script>alert('x')</script> & \"more\": run `make clean`."}
            | nothing,
        ],
        "year": [
            month("2013-10", 0.2, 0.21, 0.45),
            month(
                "2013-11",
                0.15,
                0.25,
                0.40,
                champion=metrics(0.69, 0.405),
                frozen=metrics(0.68, 0.41),
                recent=metrics(0.66, 0.43),
                decision="keep",
                reasons=["acting on it costs 5.4 more"],
            ),
            month(
                "2013-12",
                0.33,
                0.23,
                0.60,
                champion=metrics(0.69, 0.61, 800.0),
                frozen=metrics(0.71, 0.59, 790.0),
                recent=metrics(0.65, 0.645, 845.0),
            ),
        ],
    }


Report = Callable[[Tour], str]


def written(tour: Tour, folder: Path) -> str:
    source, target = folder / "tour.json", folder / "tour.html"
    source.write_text(json.dumps(tour))
    write_report(source, target)
    return target.read_text(encoding="utf-8")


@pytest.fixture
def tour() -> Tour:
    return a_tour()


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(a_tour(), tmp_path_factory.mktemp("report"))


@pytest.fixture
def drawn(tmp_path: Path) -> Report:
    return lambda tour: written(tour, tmp_path)


@pytest.fixture
def report(drawn: Report, monkeypatch: pytest.MonkeyPatch) -> Report:
    """The report with empty plots: most of its time is theirs."""
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: file.write("<g/></svg>"))
    return drawn


def plots_of(html: str) -> list[str]:
    return re.findall(r"<svg.*?</svg>", html, re.DOTALL)


def test_it_is_one_small_file_of_its_own(html: str) -> None:
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(name for name, _ in page.tags)
    for _, attributes in page.tags:
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    assert len(html) < 400_000


def test_links_lead_to_one_place_each(html: str) -> None:
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)), "two drawings share an id"
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', html)) <= set(ids)
    assert {link["href"][1:] for link in page.all("a")} == {
        section["aria-labelledby"] for section in page.all("section")
    }


def test_each_plot_says_its_finding_to_those_who_do_not_see_it(html: str) -> None:
    page = Page(html)
    plots = page.all("svg")
    assert len(plots) == len(page.all("figure")) == 10
    for plot in plots:
        assert plot["role"] == "img"
        finding = plot["aria-label"].split(". ")[0]
        assert len(finding) > 20
        assert finding in page.text
    heard = " ".join(plot["aria-label"] for plot in plots)
    for numbers in (
        "In December: arrive late 33.0%, expected 23.0%.",
        "In December: frozen 0.710, all history 0.700, last 3 months 0.650, baseline 0.600.",
        "In December: baseline +0.050, last 3 months +0.045, all history +0.000, frozen −0.010.",
        "In December: last 3 months 845, champion 800, frozen 790, no model 670, baseline 650.",
    ):
        assert numbers in heard


def test_labels_are_text_in_the_plots(html: str) -> None:
    plots = [re.findall(r"<text[^>]*>([^<]*)</text>", plot) for plot in plots_of(html)]
    for number, labels in [
        (0, {"Oct", "Nov", "Dec", "0%", "share of the month's flights", "arrive late", "33.0%"}),
        (1, {"temperature", "carrier", "0.1", "December"}),
        (2, {"last 3 months", "0.650", "frozen", "0.710", "In December"}),
        (4, {"Oct", "promoted", "not promoted"}),
        (5, {"0%", "20%", "probability given, mean of the group"}),
        (7, {"carrier", "XX", "YY", "hour", "06", "all flights"}),
        (9, {"no model", "670", "champion", "800"}),
    ]:
        assert labels <= set(plots[number]), number


def brightness(colour: str) -> float:
    """Return the relative luminance as the Web Content Accessibility Guidelines define it."""
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_series_can_be_told_apart_in_light_and_dark(html: str) -> None:
    light, dark = html.split("@media screen and (prefers-color-scheme: dark)")[:2]
    for style, page in ((light, "#ffffff"), (dark.split("}")[0], "#14181d")):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", style))
        assert colours["page"] == page
        for name in ("ink", "quiet", "blue", "orange", "green", "grey", "link", "alarm"):
            low, high = sorted([brightness(colours[name]), brightness(page)])
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, page)
    for plot in plots_of(html):
        assert not re.search(r"#[0-9a-f]{6}", plot), "a colour that stays as it is in the dark"
    for number, series in [(0, 2), (2, 4), (3, 4), (9, 5)]:
        lines = re.findall(r"stroke: (var\(--\w+\)); stroke-width: 2.25", plots_of(html)[number])
        assert len(set(lines)) == series


def test_numbers_are_those_of_the_tour(tour: Tour, report: Report) -> None:
    text = Page(report(tour)).text
    assert "this table is enough for today" in text
    assert (
        "calibration, slices and cost in chapter 01, the champion in chapter 02, drift in chapter 05" in text
    )
    assert "ZenML yes 5.7 +3.3 0.712 0.432 keep" in " ".join(re.sub(r"<[^>]+>", " ", report(tour)).split())
    for shown in (
        "In December 33.0% of the flights arrive late and the model expects 23.0%, 10.0 percentage points too few.",
        "1 of 2 columns move beyond 0.25 in at least one month. Temperature moves furthest: 0.50 in October.",
        "The challenger is promoted in 2 of 3 months and not in November.",
        "In November its log loss is lower than its opponent's and yet not enough.",
        "the model ranks worst at carrier XX (0.611, 1,234 flights) and hour 06 (0.622, 1,234 flights).",
        "Log loss in December, from best to worst: frozen 0.590, all history 0.600, last 3 months 0.645",
        "acting on it costs 5.4 more",
        "“frozen” once, from the months before November",
        # 4 * 0.15 is less than 1 - 0.15, and 1 - 0.33 is less than 4 * 0.33.
        "600 (offer to nobody)",
        "670 (offer to everybody)",
        "The champion costs more than the better rule without a model in December.",
    ):
        assert shown in text


def test_calibration_is_shown_for_the_month_and_the_last_one(tour: Tour, report: Report) -> None:
    text = Page(report(tour)).text
    assert "November: flights are late less often than the model says in 2 of 2 groups" in text
    assert "December: flights are late more often than the model says in 2 of 2 groups" in text
    tour["month"] = "2013-12"
    tour["year"][2]["mean_probability"] = tour["year"][2]["late_rate"]
    for group in tour["year"][2]["calibration"]:
        group["mean_probability"] = group["late_rate"]
    text = Page(report(tour)).text
    assert "Calibration in November" not in text
    assert "December: flights are late as often as the model says in all 2 groups" in text
    assert "In all, 33.0% of the flights arrive late and the model expects 33.0%, as many." in text


def test_a_row_that_could_not_run_shows_its_reason_as_text(tour: Tour, report: Report) -> None:
    html = report(tour)
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in html
    assert "<code>make clean</code>" in html
    assert "Airflow failed: <script>alert('x')</script> & \"more\": run make clean." in Page(html).text


def test_hostile_names_stay_text_in_plots(tour: Tour, drawn: Report) -> None:
    for row in tour["year"]:
        row["drift"] |= {"<b>\"'&": 0.3, "$x^": 0.3}
        row["slices"][0]["value"] = "</svg><i>"
    tour["rows"][1]["orchestrator"] = "<u>"
    html = drawn(tour)
    assert "$x^" in Page(html).text
    assert not re.search(r"<i>|<u>|<b>[\"']", html)


def test_the_same_tour_gives_the_same_bytes(html: str, tour: Tour, drawn: Report) -> None:
    """Whatever the reader's own matplotlibrc says."""
    with rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path"}):
        assert drawn(tour) == html
    assert "<metadata" not in html, "it has a date"


@pytest.mark.parametrize(
    ("loss", "auc", "title", "detail", "ranking"),
    [
        (
            0.7,
            0.5,
            "worse than never learning again in 2 of 2 months (November and December)",
            "worse than learning from all history in 2 of 2 months",
            "“Frozen” has the highest AUC in 2 of 2 months",
        ),
        (
            0.3,
            0.8,
            "better than never learning again in all 2 months",
            "It is better than learning from all history in all 2 months.",
            "“Last 3 months” has the highest AUC in 2 of 2 months",
        ),
    ],
)
def test_the_verdict_on_recent_months_follows_the_data(
    tour: Tour, report: Report, loss: float, auc: float, title: str, detail: str, ranking: str
) -> None:
    for row in tour["year"][1:]:
        row["recent"] = metrics(auc, loss)
        row["frozen"]["auc"] = 0.71
    text = Page(report(tour)).text
    assert title in text
    assert detail in text
    assert ranking in text


def test_months_in_which_the_models_are_one_do_not_count(tour: Tour, report: Report) -> None:
    row = tour["year"][1]
    row["frozen"] = row["recent"] = metrics(row["auc"], row["log_loss"])
    text = Page(report(tour)).text
    assert "worse than never learning again in 1 of 1 months (December)" in text
    assert "highest AUC in 1 of 1 months" in text


def test_another_digest_is_told(tour: Tour, report: Report) -> None:
    assert "ZenML gives the same probability as plain Python" in Page(report(tour)).text
    tour["rows"][1]["digest"] = "bb"
    page = Page(report(tour))
    assert "ZenML gives other probabilities than plain Python" in page.text
    assert "gives the same probability" not in page.text
    assert [cell for cell in page.all("td") if cell.get("class") == "alarm"]


def test_without_an_orchestrator_nothing_is_compared(tour: Tour, report: Report) -> None:
    del tour["rows"][1]
    text = Page(report(tour)).text
    assert "No orchestrator could run here" in text
    assert "is what an orchestrator costs" not in text


def test_it_does_without_what_a_short_run_lacks(tour: Tour, drawn: Report) -> None:
    for row in tour["year"]:
        row["champion"] = None
        row["slices"] = []
        row.pop("frozen", None)
        row.pop("recent", None)
    page = Page(drawn(tour))
    assert "No slice of November has 200 flights or more." in page.text
    assert "In no month do the three models have different AUCs." in page.text
    assert len(page.all("svg")) == 7
