"""A report of one run: figures first, then sentences that follow from them, then Markdown, HTML and CSV."""
