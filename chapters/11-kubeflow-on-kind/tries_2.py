"""What else is started in 11.2, to be recorded: September once more, for a cell that is run again."""

from chapter_11.tries_1 import twice

if __name__ == "__main__":
    twice("2013-09")
