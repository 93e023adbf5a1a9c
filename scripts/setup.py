#!/usr/bin/env python3
"""Build .venv from a lock file and leave a stamp that make can compare with it.

Usage: setup.py LOCK STAMP [STAMP ...]

Needs nothing but the standard library. Only what the lock names, with the hashes it names, is installed.
"""

import re
import subprocess
import sys
from pathlib import Path

VENV = Path(".venv")
PYTHON = VENV / ("Scripts" if sys.platform == "win32" else "bin") / "python"
USABLE = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))"
PIP = ("install", "--require-hashes", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
SEEN = re.compile(
    r"^\s*(?:Collecting |Requirement already satisfied: |Processing \S*/)(\w+(?:[.-][a-z]\w*)*)"
)


def say(words):
    """Print at once, even into a pipe."""
    print(words, flush=True)


def is_usable():
    """Whether .venv has a Python that still runs, in range, with pip."""
    return (
        PYTHON.exists()
        and subprocess.run([PYTHON, "-c", USABLE], capture_output=True, check=False).returncode == 0
    )


def make_venv():
    """Create .venv with the Python that runs this script, unless a usable one stands there."""
    if is_usable():
        return
    say(f"[1/3] 建立 Python 环境 .venv（{sys.version.split()[0]}）…")
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)


def install(lock):
    """Install the lock with pip, naming progress every ten packages; on failure show what pip said last."""
    expected = len(re.findall(r"^[\w.-]+(?:\[[^]]*\])?==", lock.read_text(encoding="utf-8"), re.MULTILINE))
    say(f"[2/3] 安装依赖 {lock.name}（{expected} 个包，首次约需一分钟）…")
    command = [PYTHON, "-m", "pip", *PIP, "-r", lock]
    said, seen = [], 0
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as pip:
        for line in pip.stdout:
            said.append(line)
            if found := SEEN.match(line):
                seen += 1
                if seen % 10 == 0:
                    say(f"      {seen}/{expected} {found[1]}")
            elif line.startswith("Installing collected packages"):
                say("      下载完毕，正在写入 .venv …")
    if pip.returncode:
        sys.stderr.writelines(said[-20:])
        sys.exit("依赖没有装好：请检查网络或 pip 的软件源设置后重试；已下载的部分不会重新下载。")


def main():
    """Make the environment, install, stamp."""
    lock, stamps = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    make_venv()
    install(lock)
    for stamp in stamps:
        stamp.touch()


if __name__ == "__main__":
    main()
