"""Pictures of a session on a white and on a black terminal, and of the shell: python tools/pictures.py FOLDER.

On white and on black, each role is drawn in the palette that makes it least readable on that ground: text that cannot be read here cannot
be read somewhere. The picture of the shell is the one in README: a real shell, typed into.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import pexpect
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.terminal import Terminal  # after the path, as a file in tools/ does not find tests/

FONTS = Path("/usr/share/fonts/truetype/dejavu")  # of Debian's fonts-dejavu-core
COLUMNS, SIZE, LINE = 110, 15, 19  # a terminal's columns; pixels of a letter and of a line
SGR = re.compile(r"\x1b\[([0-9;]*)m")
# (ground, letters, bright red): GNOME's palette on white, that of macOS on black.
GROUNDS = {"white": ("#ffffff", "#000000", "#f66151"), "black": ("#000000", "#e5e5e5", "#e50000")}
DIMMED = 0.45  # how much of the ground comes through faint letters
SESSION = (
    "decode page @tests/data/dumps/page.gdb.txt",
    "0x818000050fa7042f",
    "decode sint2 0x04000000000200f3",
    "decode sint2 0x4000200f3 -f bits",
    "decode sint2 0x200f3 0x4000300f3",
    "show sint2",
    "cpuid tests/data/cpuid/xen.txt",
    "diff sint2 0x200f3 0x300f3",
)
# Lines typed into the shell, and the last one, with its completions open.
TYPED = ("0x818000050fa7042f", "sint2 0x04000000000200f3", "set masked=1")
BEGUN = "encode sint2 vector=0xf3 "
PALETTE = {
    "black": "#1e1e1e",
    "red": "#f66151",
    "green": "#57e389",
    "brown": "#f8e45c",
    "blue": "#62a0ea",
    "magenta": "#c061cb",
    "cyan": "#5bc8af",
}
SHELL_GROUND, SHELL_LETTERS = "#1e1e1e", "#e5e5e5"


def run(line: str) -> list[str]:
    """The lines that a command prints on a colour terminal."""
    command = f"{sys.executable} -m hvrepl {line} --color always"
    shown = str(pexpect.run(command, dimensions=(500, COLUMNS), encoding="utf-8", timeout=60))
    return [f"\x1b[1m$ hvrepl {line}\x1b[0m", *shown.replace("\r", "").splitlines(), ""]


def shell() -> Image.Image:
    """The screen of a shell after a few lines."""
    with tempfile.TemporaryDirectory() as home, Terminal(Path(home), columns=100, rows=34) as terminal:
        terminal.prompt()
        for line in TYPED:
            terminal.run(line)
        terminal.type(BEGUN)
        terminal.send("\t")
        terminal.see("auto_eoi=")
        return draw_screen(terminal)


def colour(name: str, default: str) -> str:
    return (
        default
        if name == "default"
        else PALETTE.get(name.removeprefix("bright"), f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else default)
    )


def draw_screen(terminal: Terminal) -> Image.Image:
    fonts = [ImageFont.truetype(str(FONTS / f"DejaVuSansMono{weight}.ttf"), SIZE) for weight in ("", "-Bold")]
    step = fonts[0].getlength("0")
    screen = terminal.screen
    picture = Image.new("RGB", (round(step * (screen.columns + 2)), LINE * (screen.lines + 2)), SHELL_GROUND)
    pen = ImageDraw.Draw(picture)
    for row in range(screen.lines):
        for column in range(screen.columns):
            cell = screen.buffer[row][column]
            letters, ground = colour(cell.fg, SHELL_LETTERS), colour(cell.bg, SHELL_GROUND)
            if cell.reverse:
                letters, ground = ground, letters
            x, y = (column + 1) * step, (row + 1) * LINE
            pen.rectangle((x, y, x + step, y + LINE), fill=ground)
            pen.text((x, y), cell.data, fill=letters, font=fonts[cell.bold])
    return picture


def draw(lines: list[str], ground: str, letters: str, red: str) -> Image.Image:
    fonts = [ImageFont.truetype(str(FONTS / f"DejaVuSansMono{weight}.ttf"), SIZE) for weight in ("", "-Bold")]
    step = fonts[0].getlength("0")
    picture = Image.new("RGB", (round(step * (COLUMNS + 2)), LINE * (len(lines) + 2)), ground)
    pen = ImageDraw.Draw(picture)
    dim = Image.blend(Image.new("RGB", (1, 1), letters), Image.new("RGB", (1, 1), ground), DIMMED).getpixel((0, 0))
    for row, line in enumerate(lines, 1):
        column = 1
        codes: set[str] = set()
        for at, piece in enumerate(SGR.split(line)):
            if at % 2:
                codes = set(piece.split(";"))
                continue
            colour = red if "91" in codes else dim if "2" in codes else letters
            pen.text((column * step, row * LINE), piece, fill=colour, font=fonts["1" in codes])
            column += len(piece)
    return picture


def main(folder: Path) -> None:
    if not FONTS.is_dir():
        sys.exit(f"there is no {FONTS}; on Debian: apt install fonts-dejavu-core")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [line for command in SESSION for line in run(command)]
    for name, colours in GROUNDS.items():
        draw(lines, *colours).save(folder / f"{name}.png")
        print(folder / f"{name}.png")
    shell().quantize(32).save(folder / "shell.png", optimize=True)
    print(folder / "shell.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
