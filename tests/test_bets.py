"""A bet is a bet: it has a cell of its own, is compared, nothing depends on it, and nothing above it gives it away."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from companion import compare_bet, lab

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINES_ABOVE = 20
# What `compare_bet` prints where nobody bet: the notebooks are stored without bets.
RESULT = re.compile(r"you placed no bet; it is (.+)\.$", re.MULTILINE)
# Words of some length and numbers of some digits; a True or a 3 stands anywhere by chance.
PIECE = re.compile(r"'([^']{4,})'|\b(\d[\d.,]*\d)\b")
ALTERNATIVE = re.compile(r'"([^"]+)"')
KEY = re.compile(r'"[^"]+" *:')  # of a dict, which is no alternative


@pytest.mark.parametrize(
    ("bet", "result", "printed"),
    [
        (None, 3, "you placed no bet; it is 3.\n"),
        (..., "a", "you placed no bet; it is 'a'.\n"),
        (" A ", "a", "you bet ' A ', and so it is.\n"),
        (("x", "Y"), ["x", "y"], "you bet ('x', 'Y'), and so it is.\n"),
        (4, 3, "you bet 4; it is 3.\n"),
        (3.0, 3, "you bet 3.0, and so it is.\n"),
        (
            {"one": 1},
            {"one": 1, "two": 2},
            "one: you bet 1, and so it is.\ntwo: you placed no bet; it is 2.\n",
        ),
        (None, {"one": 1}, "one: you placed no bet; it is 1.\n"),
        ("no dict", {"one": 1}, "one: you placed no bet; it is 1.\n"),
    ],
)
def test_a_bet_is_compared_in_a_line(
    bet: object, result: object, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_bet(bet, result)
    assert capsys.readouterr().out == printed


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def python(source: str) -> ast.Module:
    if source.startswith("%%"):
        magic, _, rest = source.partition("\n")
        source = rest if magic.split()[0] in ("%%capture", "%%time") else ""
    return ast.parse(TransformerManager().transform_cell(source))


def is_bet(source: str) -> bool:
    names = [node for node in ast.walk(python(source)) if isinstance(node, ast.Name)]
    return any(node.id == "my_bet" and isinstance(node.ctx, ast.Store) for node in names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_bet_stands_alone_is_compared_and_nothing_depends_on_it(path: Path) -> None:
    waiting = ""
    for cell in code_cells(nbformat.read(path, as_version=4)):
        module = python(cell.source)
        if is_bet(cell.source):
            assert not waiting, f"This bet is never compared: {waiting}"
            assert len(module.body) == 1, f"A bet needs a cell of its own: {cell.source}"
            waiting = cell.source
            continue
        compared = [
            node
            for node in ast.walk(module)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("compare_bet")
        ]
        used = sum(
            isinstance(node, ast.Name) and node.id == "my_bet" and isinstance(node.ctx, ast.Load)
            for node in ast.walk(module)
        )
        assert used == len(compared), f"my_bet is only for compare_bet: {cell.source}"
        if compared:
            assert waiting, f"There is no bet to compare here: {cell.source}"
            waiting = ""
    assert not waiting, f"This bet is never compared: {waiting}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_bet_turns_out_alike_in_both_notebooks(path: Path) -> None:
    """The world does not depend on who looks: what differs is a race, and one of the two contradicts its text."""

    def results(notebook: NotebookNode) -> list[str]:
        outputs = [output.get("text", "") for cell in code_cells(notebook) for output in cell.outputs]
        return RESULT.findall("".join(outputs))

    both = [nbformat.read(ROOT / folder / path.name, as_version=4) for folder in ("notebooks", "solutions")]
    assert results(both[0]) == results(both[1])


def answers(cell: NotebookNode) -> list[str]:
    """Return what a bet turned out to be, piece by piece, as far as a text above could give it away."""
    text = "".join(output.get("text", "") for output in cell.outputs)
    pieces = [piece for found in RESULT.findall(text) for piece in PIECE.findall(found)]
    return [words or number for words, number in pieces]


def given_away(notebook: NotebookNode) -> list[str]:
    """Return the answers that stand in the twenty lines above their bet, unless all alternatives do."""
    found = []
    above: list[str] = []
    bet, before = "", ""
    for cell in notebook.cells:
        if cell.cell_type == "code" and is_bet(cell.source):
            bet, before = cell.source, "\n".join(above[-LINES_ABOVE:])
        elif cell.cell_type == "code" and "compare_bet" in cell.source:
            offered = ALTERNATIVE.findall(KEY.sub("", bet))
            for answer in answers(cell):
                whole = re.compile(rf"(?<![\w.]){re.escape(answer)}(?![\w])", re.IGNORECASE)
                others = [other for other in offered if other.lower() != answer.lower()]
                neutral = len(others) > 0 and all(other.lower() in before.lower() for other in others)
                if whole.search(before) and not neutral:
                    found.append(f"{answer!r} stands above its bet: {bet}")
        if "my_bet" not in cell.source:  # the words of another bet are no answer to this one
            above += cell.source.splitlines()
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_lines_above_a_bet_do_not_give_it_away(path: Path) -> None:
    found = given_away(nbformat.read(path, as_version=4))
    assert not found, "\n".join(found)


def test_a_give_away_is_found() -> None:
    def notebook(text: str, bet: str) -> NotebookNode:
        output = nbformat.v4.new_output("stream", name="stdout", text="you placed no bet; it is 'kept'.\n")
        return nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_markdown_cell(text),
                nbformat.v4.new_code_cell(bet),
                nbformat.v4.new_code_cell("companion.compare_bet(my_bet, what)", outputs=[output]),
            ]
        )

    bet = 'my_bet = None  # "kept" or "lost"'
    assert given_away(notebook("The file is kept.", bet))
    assert not given_away(notebook("Is the file kept or lost?", bet))
    assert not given_away(notebook("What happens?", bet))


def test_no_copy_shows_what_came_out() -> None:
    for path in NOTEBOOKS:
        copy = json.loads(lab.without_outputs(path.read_bytes()))
        assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in copy["cells"])
        assert [cell["source"] for cell in copy["cells"]] == [
            cell["source"] for cell in json.loads(path.read_bytes())["cells"]
        ]
