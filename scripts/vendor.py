#!/usr/bin/env python3
"""Re-create app/static/vendor and the icon sprite from npm packages, or check that they are untouched.

Usage: vendor.py            fetch with `npm pack`, copy, write CHECKSUMS
       vendor.py --check    compare what stands there with CHECKSUMS (no network, no npm)

To take a newer version: change the package line below (its integrity is shown by `npm view NAME dist.integrity`).
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "app" / "static"
VENDOR = STATIC / "vendor"
SPRITE = STATIC / "kit" / "icons.svg"
CHECKSUMS = VENDOR / "CHECKSUMS"

#: folder -> npm package, licence, integrity, {file in the package: file here}
PACKAGES = {
    "tabler": (
        "@tabler/core@1.6.1",
        "MIT",
        "sha512-lgmR9gcxRp5JlLxcmRi9Rz85JrEvH6Bz71KnlcPVSa97wtwQNjgSs3g3fxwbAlulHyRMghhIV04QUuW3pqDsIg==",
        {"dist/css/tabler.min.css": "tabler.min.css", "dist/js/tabler.min.js": "tabler.min.js"},
    ),
    "htmx": (
        "htmx.org@2.0.11",
        "0BSD",
        "sha512-Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"},
    ),
    "tom-select": (
        "tom-select@2.6.2",
        "Apache-2.0",
        "sha512-eiXIkk82XzzUTOVQDFpy+ZGejuqdTvMukyUyeZBQaKnqW42UoTiTZnrod/eX0rkqJEc4rZY9DZ3zdjV07i29wQ==",
        {
            "dist/js/tom-select.complete.min.js": "tom-select.complete.min.js",
            "dist/css/tom-select.bootstrap5.min.css": "tom-select.bootstrap5.min.css",
            "LICENSE": "LICENSE",
        },
    ),
    "quill": (
        "quill@2.0.3",
        "BSD-3-Clause",
        "sha512-xEYQBqfYx/sfb33VJiKnSJp8ehloavImQ2A6564GAbqG55PGw1dAWUn1MUbQB62t0azawUS2CZZhWCjO8gRvTw==",
        {"dist/quill.js": "quill.js", "dist/quill.snow.css": "quill.snow.css", "LICENSE": "LICENSE"},
    ),
    "echarts": (
        "echarts@6.1.0",
        "Apache-2.0",
        "sha512-q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA==",
        {"dist/echarts.common.min.js": "echarts.common.min.js", "LICENSE": "LICENSE", "NOTICE": "NOTICE"},
    ),
    "tabler-icons": (
        "@tabler/icons@3.51.0",
        "MIT",
        "sha512-0pinvPZz7YeX+OSfxuEAbnEPWbocVXW5iU8h5lh41pYG8sZuQfpWECC980lxOT0clGIcNGn8xsBr+zKaRGdA/g==",
        {"LICENSE": "LICENSE"},
    ),
}

#: The outline icons that a declaration may name; the sprite holds them as <symbol id="ti-NAME">.
ICONS = """
adjustments affiliate alert-triangle arrow-back-up arrow-left arrow-right arrows-exchange award
ban bell briefcase building building-bank building-community building-factory-2 calendar certificate
chart-bar check checkbox chevron-down chevron-left chevron-right chevron-up chevrons-left
chevrons-right circle-check clipboard-check clipboard-list clock coin columns-3 copy database
device-floppy dots download edit external-link eye eye-off file-export file-import file-spreadsheet
file-text files filter folder gavel git-merge grip-vertical headset heart-handshake help-circle
history home id id-badge-2 info-circle key list-check lock logout mail map-pin menu-2
message-circle messages moon news paperclip photo plus printer qrcode receipt refresh
rotate-clockwise rubber-stamp scale school scissors search selector send settings shield-lock sitemap sort-ascending
sort-descending speakerphone star sun table trash upload user user-check user-cog user-off
user-plus users users-group x
"""

MIT = """MIT License

{copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

#: @tabler/core ships no licence file; its notice is the one at the head of its CSS.
TABLER_COPYRIGHT = """Copyright 2018-2026 The Tabler Authors
Copyright 2018-2026 codecalm.net Paweł Kuna"""


def fetch(package, integrity, into):
    """The unpacked npm package, if it is byte for byte the one we chose."""
    answer = subprocess.run(
        ["npm", "pack", "--json", "--silent", package],  # noqa: S607 - whichever npm is installed
        cwd=into,
        check=True,
        capture_output=True,
        text=True,
    )
    archive = into / json.loads(answer.stdout)[0]["filename"].replace("@", "").replace("/", "-")
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != integrity:
        raise SystemExit(f"{package}: integrity is {found}, expected {integrity}")
    folder = into / archive.stem
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package"


def sprite(folder):
    """All icons in one file, each a symbol that takes colour and stroke from its <svg>."""
    symbols = []
    for name in sorted(ICONS.split()):
        source = (folder / "icons" / "outline" / f"{name}.svg").read_text(encoding="utf-8")
        paths = re.findall(r"<(?:path|circle|rect|line)\b[^>]*/>", source)
        shapes = "".join(re.sub(r"\s+", " ", path) for path in paths if 'stroke="none"' not in path)
        symbols.append(f'<symbol id="ti-{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    head = "<!-- Tabler Icons, MIT, Copyright (c) 2020-2026 Paweł Kuna; made by scripts/vendor.py -->"
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', head, *symbols, "</svg>", ""])


def readme():
    """What stands in the folder and where it comes from."""
    lines = [
        "# Vendored front-end libraries",
        "",
        "Unchanged files of npm packages; nothing is fetched from another host at run time.",
        "`python scripts/vendor.py` makes this folder anew, `python scripts/vendor.py --check` compares it with CHECKSUMS.",
        "",
        "| folder | npm package | licence | files |",
        "|---|---|---|---|",
    ]
    for folder, (package, licence, _, files) in PACKAGES.items():
        names = ", ".join(name for name in files.values() if name not in {"LICENSE", "NOTICE"})
        lines.append(f"| {folder} | {package} | {licence} | {names or '→ ../kit/icons.svg'} |")
    lines += [
        "",
        "`tabler/LICENSE` is the MIT text with the notice of its CSS: the package carries no licence file.",
        "",
    ]
    return "\n".join(lines)


def hashed_files():
    """Every file that CHECKSUMS answers for."""
    return sorted([*(path for path in VENDOR.rglob("*") if path.is_file() and path != CHECKSUMS), SPRITE])


def checksums():
    """A list that `sha256sum --check` understands when it runs in app/static."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(STATIC).as_posix()}\n"
        for path in hashed_files()
    )


def make():
    """Fetch, copy, and write down what was copied."""
    with tempfile.TemporaryDirectory() as scratch:
        for folder, (package, _, integrity, files) in PACKAGES.items():
            unpacked = fetch(package, integrity, Path(scratch))
            (VENDOR / folder).mkdir(parents=True, exist_ok=True)
            for source, target in files.items():
                (VENDOR / folder / target).write_bytes((unpacked / source).read_bytes())
            if folder == "tabler-icons":
                SPRITE.write_text(sprite(unpacked), encoding="utf-8")
            print(package)
    (VENDOR / "tabler" / "LICENSE").write_text(MIT.format(copyright=TABLER_COPYRIGHT), encoding="utf-8")
    (VENDOR / "README.md").write_text(readme(), encoding="utf-8")
    CHECKSUMS.write_text(checksums(), encoding="utf-8")


def check():
    """Complain when a file was changed, added or lost."""
    if CHECKSUMS.read_text(encoding="utf-8") != checksums():
        raise SystemExit("app/static/vendor or icons.svg is not what CHECKSUMS says; run scripts/vendor.py")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    else:
        make()
