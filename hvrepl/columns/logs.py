"""annotate_column: a column of texts, such as the messages of event logs → annotate's claims about each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

import pyarrow as pa

from hvrepl.analysis.annotator import Annotator, recogniser_of
from hvrepl.analysis.claims import Claim
from hvrepl.catalog.catalog import Catalog
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import dump
from hvrepl.codec.targets import open_decoder
from hvrepl.columns.inputs import Plain, Unreadable, to_values
from hvrepl.columns.shape import CODES, ERROR, FINDINGS, SUMMARY, TEXT
from hvrepl.columns.table import Rows
from hvrepl.errors import UsageError
from hvrepl.hints import TYPE_CHECKING, Any
from hvrepl.readers.find_forms import Recogniser
from hvrepl.readers.notes import MARK
from hvrepl.render.annotation import annotate
from hvrepl.render.style import Style

if TYPE_CHECKING:
    from hvrepl.catalog import Specs

PLAIN = Style(width=0)


class Kept(threading.local):
    """The recognisers of log forms, one per catalogue of this thread, before they have read anything."""

    def __init__(self) -> None:
        self.recognisers: dict[Catalog, Recogniser] = {}


KEPT = Kept()


def annotated_type() -> pa.StructType:
    """The type of `annotate_column`'s result: `summary`, annotate's sentences, one line per thing in a text; the `names` of these things;
    `found`, the same as JSON; `findings`, `error`."""
    return pa.struct([(SUMMARY, TEXT), ("names", pa.list_(pa.string())), ("found", pa.string()), (FINDINGS, CODES), (ERROR, pa.string())])


def annotate_column(texts: Any, *, arch: str | None = None, specs: Specs = None) -> Any:
    """A column of texts → a pyarrow.StructArray of `annotated_type()`. Each text is a log of its own, of one line or more.

    A text may name the arch of its machine, unless `arch` is given. The summary of a text without claims is "".
    """
    decoder = open_decoder(arch or "x64", specs)
    decoders = partial(open_decoder, specs=specs)
    rows = Rows(annotated_type(), lambda text: tell(decoder, decoders, text, is_fixed=arch is not None))
    return rows.column(to_values(texts))


def tell(decoder: Decoder, decoders: Callable[[str], Decoder], text: Plain, *, is_fixed: bool) -> dict[str, Any]:
    """A row. UsageError for a value that is not text."""
    if not isinstance(text, (str, bytes)):
        raise UsageError(f"{text.what if isinstance(text, Unreadable) else text} is not text")
    claims = claims_of(decoder.catalog, decoders, text.encode("utf-8", "replace") if isinstance(text, str) else text, is_fixed=is_fixed)
    told = [one for claim in claims if (one := claim.node or (claim.crash and claim.crash.node))]
    return {
        SUMMARY: "\n".join(line.removeprefix(MARK).lstrip() for line in annotate(claims, PLAIN)),
        "names": [node.name for node in told],
        "found": dump([claim.to_dict() for claim in claims]),
        FINDINGS: [finding.code for claim in claims for finding in claim.findings],
    }


def claims_of(catalog: Catalog, decoders: Callable[[str], Decoder], data: bytes, *, is_fixed: bool) -> Sequence[Claim]:
    """All claims of a log."""
    if catalog not in KEPT.recognisers:
        KEPT.recognisers[catalog] = recogniser_of(catalog)
    annotator = Annotator(catalog, decoders, is_fixed=is_fixed, recogniser=KEPT.recognisers[catalog].anew())
    pieces = [*annotator.read(data), *annotator.finish()]
    return [claim for piece in pieces for claim in piece.claims]
