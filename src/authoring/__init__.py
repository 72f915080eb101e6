"""What a writer of the book uses: notebooks, recordings, locks, links, measurements. A reader needs none of it."""
