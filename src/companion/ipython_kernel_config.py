"""Loaded by every kernel of `.venv` (`companion.bootstrap` puts it there); the user's own settings still count."""

c = get_config()  # type: ignore[name-defined] # noqa: F821  # IPython gives it
c.InteractiveShellApp.extensions.append("companion.kernel")
