"""What JupyterLab may write (`companion.lab`): everything, but the book's own notebooks.

JupyterLab saves by itself what is open, and to show a notebook is enough to change it: it notes the version of Python
there. A solution that was only read would then stand in the way of the next ``git pull``.
"""

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

BOOKS_OWN = ("notebooks", "solutions")


class Files(AsyncLargeFileManager):
    """Jupyter's own, where the folders of notebooks are open to reading only; they can be run all the same."""

    def is_writable(self, path: str) -> bool:
        """Say whether a file, named from the root of the repository, may be saved."""
        if path.strip("/").split("/")[0] in BOOKS_OWN:
            return False
        return bool(super().is_writable(path))  # type: ignore[no-untyped-call, unused-ignore]  # as Jupyter has it
