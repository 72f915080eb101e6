"""``make links``: do the links that lead out of the repository still lead somewhere?

The weekly run in CI asks, since every other command works without a network. A link is dead where its server says
that there is no such page, or where there is no such server. Everything else, such as a server that refuses
programs, is only named.
"""

import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from companion.bootstrap import ROOT

# Where a reader finds links: pages, lessons, what the commands say, settings.
FOLDERS = (".devcontainer", ".github", "chapters", "cluster-setup", "dags", "data", "docs", "src")
SUFFIXES = (".md", ".py", ".toml", ".yaml", ".yml", ".json", ".html")
LINK = re.compile(r"""https?://[^\s<>"'`|\\^]+""")
# A server's name on the internet: no address, no password, none of the names that stand for nobody or for a Service.
HOST = re.compile(r"(?!(.*\.)?example\.)([a-z0-9-]+\.)+(?!invalid$|test$|local$|svc$)[a-z]{2,6}(:\d+)?")
GONE = (404, 410)
PATIENCE = 30  # seconds
TRIES = 3


def links(text: str) -> Iterator[str]:
    """Find the links of a text that lead to a server of the internet, without an anchor.

    One with a place to fill in, such as ``{version}`` or ``…``, leads nowhere and is left out.
    """
    for found in LINK.findall(text):
        link = found.rstrip(".,;:!?*_").partition("#")[0]
        while link.endswith(")") and link.count(")") > link.count("("):  # that of [a link](…)
            link = link[:-1].rstrip(".,;:")
        if HOST.fullmatch(link.split("/")[2]) and not re.search(r"[{}$…]", link):
            yield link


def places(root: Path) -> dict[str, list[str]]:
    """Return each link of the repository with the files that have it, relative to `root`."""
    files = [*root.glob("*.md"), *(path for folder in FOLDERS for path in (root / folder).rglob("*"))]
    found: dict[str, list[str]] = {}
    for path in sorted(path for path in files if path.suffix in SUFFIXES and path.is_file()):
        for link in dict.fromkeys(links(path.read_text(encoding="utf-8"))):
            found.setdefault(link, []).append(str(path.relative_to(root)))
    return found


def ask(link: str) -> str:
    """Fetch the beginning of a page; return what is wrong, or nothing.

    Raises
    ------
    LookupError
        If the page, or its server, does not exist.
    """
    request = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (a link check, once a week)"})
    said = ""
    for _ in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE):
                return ""
        except urllib.error.HTTPError as error:
            if error.code in GONE and link.rstrip("/").count("/") > 2:  # a server may have no first page
                raise LookupError(f"{error.code} {error.reason}") from error
            said = f"{error.code} {error.reason}"
        except OSError as error:
            said = str(getattr(error, "reason", error))
    if re.search("Name or service not known|nodename nor servname|No address associated", said):
        raise LookupError("there is no such server")
    return said


def main() -> int:
    """Ask all links; return 1 if one is dead."""
    found, dead = places(ROOT), 0

    def judge(link: str) -> tuple[str, str]:
        try:
            said = ask(link)
        except LookupError as error:
            return "DEAD ", str(error)
        return ("?    ", said) if said else ("OK   ", "")

    with ThreadPoolExecutor(8) as pool:
        for (link, files), (mark, said) in zip(found.items(), pool.map(judge, found), strict=True):
            if said:
                print(f"{mark}  {link}: {said}\n       in {', '.join(files)}", flush=True)
            dead += mark == "DEAD "
    print(f"{len(found)} links to the outside, {dead} dead.")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
