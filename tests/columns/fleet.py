"""Makes the tables of tests/data/fleet: `python -m tests.columns.fleet`.

The machines are invented. Their guest ids and crashes are real ones, from tests/data/values.tsv, event 18590 and bug checks.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from tests.paths import ROOT

FLEET = ROOT / "tests" / "data" / "fleet"
VALUES = ROOT / "tests" / "data" / "values.tsv"
VMS = 400
TOO_WIDE = "0x81000006065700001"  # a digit too many, as in a paste
# Sentence of a guest id → about how many of a hundred machines have it.
SHARES = {
    "Windows Server 2025": 16,
    "Windows Server 2022": 21,
    "Windows Server 2019": 12,
    "Windows Server 2016": 4,
    "Ubuntu 22.04, 5.15.0-1071-azure": 24,
    "event 18590 of a Linux guest that panicked on purpose": 13,
    "event 18590 as the host prints it, in capitals": 3,
    "made by the rule of LIS's spec files: CentOS": 2,
    "FreeBSD 14.0, __FreeBSD_version 1400097": 2,
    "before the guest has written it": 2,
}
CRASHES = (
    (("0xD1", "0xFFFFE609207FD050", "0x2", "0x0", "0xFFFFF80156F612D0"), 9),
    (("0x3B", "0xC0000096", "0x75B12C5", "0x9E7F1580", "0x0"), 6),
    (("0x79", "0x1", "0x0", "0x0", "0x0"), 2),
    (("0x0", "0x81000004132B0000", "0x2050CC", "0xFFFFFFFFFFFFFFDA", "0x7FFD0EC01888"), 5),
    (("0x0", "0x0", "0x0", "0x0", "0x0"), 1),
    (("0xD1", "", "0x2", "0x0", "0x0"), 1),
)


def guest_ids() -> dict[str, str]:
    """Origin → a guest id."""
    with VALUES.open(encoding="utf-8") as file:
        return {row["where seen"]: row["value"].lower() for row in csv.DictReader(file, delimiter="\t") if row["what"] == "guest-id"}


def make_ids(folder: Path) -> None:
    chance = random.Random(18590)
    known = guest_ids()
    ids: list[str | None] = chance.choices([known[seen] for seen in SHARES], list(SHARES.values()), k=VMS)
    ids[7], ids[150], ids[311] = None, None, None  # machines that were off
    ids[42] = TOO_WIDE
    hosts = [f"host-{chance.randrange(24):02}" for _ in range(VMS)]
    names = [f"vm-{number:04}" for number in range(VMS)]
    table = pa.table({"vm": names, "host": hosts, "guest_id": pa.array(ids, pa.string())})
    pyarrow.parquet.write_table(table, folder / "ids.parquet", compression="zstd", row_group_size=100)


def make_crashes(folder: Path) -> None:
    chance = random.Random(18590)
    crashes = [crash for crash, times in CRASHES for _ in range(times)]
    chance.shuffle(crashes)
    days = sorted(chance.randrange(1, 31) for _ in crashes)
    with (folder / "crashes.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["day", "vm", "p0", "p1", "p2", "p3", "p4"])
        for day, crash in zip(days, crashes, strict=True):
            rows.writerow([f"2026-10-{day:02}", f"vm-{chance.randrange(VMS):04}", *crash])


if __name__ == "__main__":
    FLEET.mkdir(exist_ok=True)
    make_ids(FLEET)
    make_crashes(FLEET)
