"""Errors whose text is a sentence for the reader."""


class SentenceError(RuntimeError):
    """Base of errors that a notebook shows to its reader: the text is one clear sentence."""

    def _render_traceback_(self) -> list[str]:
        """Show the sentence alone in a notebook (IPython looks for this method)."""
        return [f"{type(self).__name__}: {self}"]


class WorkspaceError(SentenceError):
    """A notebook cannot get its folder."""
