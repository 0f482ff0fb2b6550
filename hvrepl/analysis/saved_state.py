"""Assigns each chunk of a hypervisor's saved state to its processor and VTL, and decodes it. Pure.

A chunk can name the processor, or the VTL; the chunks after it are its state. VM_SAVE_CHUNK has the layout of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import Decoded
from hvrepl.errors import UsageError
from hvrepl.record import record

CHUNK, HEADER, PAYLOAD = "VM_SAVE_CHUNK", "id", "payload"
VP, VTL = "vp_index", "vtl"
FRAMING = ("PROLOG", "EPILOG", "VP_INDICES")  # they frame the state, and belong to no processor
MOST_UNKNOWN = 64


@record
class Saved:
    """The saved chunks of a processor and VTL, or of the whole partition if `vp` is None."""

    node: Decoded
    vp: int | None
    vtl: int | None


class StateReader:
    """Decodes a state on its own arch, whichever the decoder's is. Then `unknown` has the chunks without a layout, each once."""

    def __init__(self, decoder: Decoder, arch: str) -> None:
        catalog = decoder.catalog
        self.decoder = decoder if catalog.arch == arch else Decoder(catalog.for_arch(arch))
        self.unknown: dict[str, None] = {}

    def read(self, chunks: Iterable[bytes]) -> Iterator[Saved]:
        """The decoded chunks, in order."""
        catalog = self.decoder.catalog
        kind = catalog.find_name(CHUNK)
        vp: int | None = None
        vtl: int | None = None
        for data in chunks:
            chunk = self.decoder.decode(kind, data)
            name, payload = chunk.find(HEADER), chunk.find(PAYLOAD)
            if name is None or name.meaning in FRAMING:
                continue
            if payload is None or not payload.type:
                self._note(name.meaning or name.raw)
            elif index := payload.find(VP):
                vp, vtl = index.value, None
            elif level := payload.find(VTL):
                vtl = level.value
            else:
                body = payload.offset or 0
                try:
                    node = self.decoder.decode(catalog.find_name(payload.type), data[body : body + (payload.size or 0)])
                except UsageError:  # shorter than its minimum
                    self._note(f"{name.meaning} of {payload.size} bytes")
                    continue
                yield Saved(node, vp, vtl)

    def _note(self, name: str) -> None:
        if len(self.unknown) < MOST_UNKNOWN:
            self.unknown[name] = None
