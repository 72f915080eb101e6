"""What nbval would let pass, and this project does not."""

import re
from pathlib import Path

from nbformat import NotebookNode
from nbval.plugin import find_comment_markers, find_metadata_tags

from companion.portable import without_paths

MACHINE = re.compile(
    r"(?<![\w.])/(?:home|Users|root|tmp|private|var/folders)/|\b[A-Z]:\\|\b0x[0-9a-fA-F]{8,}\b"
)
FOLDERS = {"notebooks", "solutions"}
# Not of the repository: environments, and what a learner or a tool makes.
ELSEWHERE = {"work", "build"}


def refusals(notebook: NotebookNode, run: bool) -> list[str]:
    """Say why a notebook cannot be tested; `run` is False where it is marked "not yet run"."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    with_output = [cell for cell in cells if cell.outputs]
    if not run:
        kept = bool(with_output) or any(cell.execution_count for cell in cells)
        return ["It is marked 'not yet run' but has outputs."] if kept else []
    refused = []
    if not with_output:
        refused.append("It has no stored output, so that nothing would be compared.")
    for number, cell in enumerate(cells):
        options = dict(find_metadata_tags(cell.metadata)) | dict(find_comment_markers(cell.source))
        if cell.execution_count is None:
            refused.append(f"Code cell {number} was not executed.")
        if options.get("skip"):
            refused.append(f"Code cell {number} is skipped; nbval-skip is never used here.")
        for text in _texts(cell.outputs):
            if MACHINE.search(text) or without_paths(text, "/no/work/folder") != text:
                refused.append(f"Code cell {number} shows a path or an address of the machine that ran it.")
                break
    ignored = [
        cell
        for cell in with_output
        if (dict(find_metadata_tags(cell.metadata)) | dict(find_comment_markers(cell.source))).get("check")
        is False
    ]
    if len(ignored) > len(with_output) / 10:
        refused.append(f"The outputs of {len(ignored)} of {len(with_output)} cells are ignored; 10% may be.")
    return refused


def _texts(part: object) -> list[str]:
    if isinstance(part, str):
        return [part]
    if isinstance(part, list):
        return [text for item in part for text in _texts(item)]
    if isinstance(part, dict):
        return [text for key, value in part.items() if not key.startswith("image/") for text in _texts(value)]
    return []


def strays(root: Path) -> list[str]:
    """Return the notebooks of the repository that no test runs."""
    found = []
    for path in root.glob("**/*.ipynb"):
        parts = path.relative_to(root).parts
        tested = len(parts) == 2 and parts[0] in FOLDERS
        hidden = any(part.startswith(".") for part in parts)
        if not tested and not hidden and parts[0] not in ELSEWHERE:
            found.append("/".join(parts))
    return sorted(found)
