"""Paths of the checkout, so that a test may move to another folder."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PACKAGE = ROOT / "hvrepl"
DATA = TESTS / "data"
SPECS = ROOT / "specs"
