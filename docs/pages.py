"""Tables of the pages beside this file, written by the scripts that compute them."""

import re
from pathlib import Path


def fill(page: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of `name` in a page."""
    pattern = rf"(<!-- {name} -->\n).*?(\n<!-- end -->)"
    page.write_text(re.sub(pattern, lambda m: m[1] + text + m[2], page.read_text(), count=1, flags=re.DOTALL))
