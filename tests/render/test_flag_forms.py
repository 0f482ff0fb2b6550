"""Flags as QEMU, libvirt and Proxmox spell them are read again as the same."""

from __future__ import annotations

import pytest

from hvrepl.analysis.flags_to_leaves import settle
from hvrepl.readers.guests.formats import read_guests
from hvrepl.render.flag_forms import WRITERS, unwritable
from tests.analysis.flag_samples import FLAGS, guest, with_needs


@pytest.mark.parametrize("form", WRITERS)
def test_flags_that_are_written_are_read_again(form: str) -> None:
    wanted = {key: value for name in FLAGS.specs for key, value in with_needs(name).items() if name != "hv-passthrough"}
    text = WRITERS[form](wanted, FLAGS)
    text = f"<domain><name>x</name>{text}</domain>" if form == "libvirt" else f"ostype: l26\n{text}\n" if form == "proxmox" else text
    (found,) = read_guests(text.encode(), "it", FLAGS.paths) or [guest()]
    left = {one.field for one in unwritable(wanted, FLAGS, form)}
    assert settle(FLAGS, found).values == {name: value for name, value in wanted.items() if name not in left}
    assert bool(left) == (form == "libvirt")
