"""The same six steps, wired four times."""
