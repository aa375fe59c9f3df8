"""What a reader sees of Markdown."""

from html.parser import HTMLParser

from markdown_it import MarkdownIt


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.lines: list[str] = [""]
        self.tags: set[str] = set()
        self.cell = False

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.cell = True
        if tag in ("p", "li", "h1", "h2"):
            self.lines.append("")

    def handle_endtag(self, tag):
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.cell:
            self.rows[-1][-1] += data
        else:
            self.lines[-1] += data


class Read:
    """Rows of tables, lines (of headings, paragraphs, items), and the HTML's tags, of GitHub's Markdown."""

    def __init__(self, markdown: str) -> None:
        reader = MarkdownIt("gfm-like", {"linkify": False}).disable("linkify")
        page = _Cells()
        page.feed(reader.render(markdown))
        page.close()
        self.rows, self.tags = page.rows, page.tags
        self.lines = [" ".join(line.split()) for line in page.lines if line.strip()]
