"""A located tree → the function that writes the JSON of every value whose tree has the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hvrepl.catalog.catalog import Catalog
from hvrepl.codec.decoded import Decoded, dump, quote_json
from hvrepl.codec.stream.fragments import WIDEST_KEPT, Code, Fragment, called, in_hex, joined, literal, mask_of, share, table, tabled, write
from hvrepl.codec.stream.locate import LocatedTree, Spot, UnlocatedError
from hvrepl.codec.stream.write_findings import Findings
from hvrepl.codec.stream.write_phrases import Phrases, unmarked, value_of
from hvrepl.record import mutable, replace

Line = Callable[..., str]
MOST_SPOTS = 600  # a page of sixteen messages has more, and another shape for every mixture of messages


def write_function(tree: LocatedTree, catalog: Catalog) -> Line:
    """(number, raw bytes in hex, the end of the line) → the line. The end is everything after the findings."""
    if len(tree.spots) > MOST_SPOTS:
        raise UnlocatedError(tree.root.name)
    writer = TreeWriter(tree, Phrases(tree, catalog))
    code = Code(8 * len(tree.data))
    text = write(tabled(writer.whole(), tree.structs), code)
    share(code.names.values())
    return code.function(text + "{tail}")


@mutable
class TreeWriter:
    """Writes the JSON of a tree's nodes as fragments: keys in the order of the contract."""

    tree: LocatedTree
    phrases: Phrases

    def whole(self) -> Iterator[Fragment]:
        yield from self._node(self.tree.root)
        found = list(Findings(self.phrases).all())
        if found:
            yield wrapped(joined(tabled(found, self.tree.structs)), ',"findings":[', "]", ",")

    def _node(self, node: Decoded) -> Iterator[Fragment]:
        """A whole node except its closing brace."""
        yield literal(dump(place_of(node))[:-1])
        yield from self._number(node)
        yield literal(',"reserved":true' if node.reserved else "")
        if id(node) in self.tree.layouts:
            yield wrapped(self.phrases.summary(node), ',"summary":"', '"', ", ")
        for key, children in (("fields", node.fields), ("slots", node.slots), ("readings", node.readings)):
            yield from self._children(key, children)

    def _children(self, key: str, children: Sequence[Decoded]) -> Iterator[Fragment]:
        between = f',"{key}":['
        for child in children:
            yield literal(between)
            yield from self._node(child)
            between = "},"
        yield literal("}]" if children else "")

    def _number(self, node: Decoded) -> Iterator[Fragment]:
        spot = self.tree.spots.get(id(node))
        if not node.raw:
            return
        fragments = [literal(',"raw":"'), raw_of(node, spot), literal('"')]
        if spot and node.value is not None:
            fragments += [literal(',"value":'), Fragment(mask_of(spot.lsb, spot.width), lambda code: f"{{{value_of(spot, code)}}}")]
        if not spot or not self.phrases.has_meaning(spot):
            yield from fragments
            return
        say = self.phrases.words_of(spot)
        if self.phrases.is_plain(spot):
            meaning = joined([literal(',"meaning":"'), called(spot.lsb, spot.width, say), literal('"')])
        else:
            meaning = called(spot.lsb, spot.width, lambda number: meaning_text(say(number)))
        if node.is_number and spot.width <= WIDEST_KEPT:
            yield table([*fragments, meaning])  # may have more bits than a run of fragments: everything about one number is one look-up
        else:
            yield from (*fragments, meaning)


def meaning_text(meaning: str) -> str:
    return f',"meaning":{quote_json(meaning)}' if meaning else ""


def place_of(node: Decoded) -> dict[str, object]:
    """The part of a node's JSON that does not depend on the value."""
    bare = replace(node, raw="", value=None, meaning="", reserved=False, summary="", fields=(), slots=(), readings=())
    return replace(bare, findings=(), other=(), read="", source=()).to_dict()


def raw_of(node: Decoded, spot: Spot | None) -> Fragment:
    """A number with all its digits, or bytes as they are."""
    if spot and node.is_number:
        digits = len(node.raw) - 2
        return Fragment(mask_of(spot.lsb, spot.width), lambda code: f"0x{{{code.bits(spot.lsb, spot.width)}:0{digits}x}}")
    return in_hex(node.offset or 0, node.size or 0)


def wrapped(fragment: Fragment, before: str, after: str, mark: str) -> Fragment:
    """Words between a key and its end, unless they are empty. Each word has its mark before it, and the first one loses it."""

    def write_wrapped(code: Code) -> str:
        text = fragment.write(code)
        if unmarked(text, mark):
            return before + unmarked(text, mark) + after
        words = code.name_of(text)
        whole = code.let(f"f'{before}{{{words}[{len(mark)}:]}}{after}' if {words} else ''")
        return f"{{{whole}}}"

    return Fragment(fragment.mask, write_wrapped)
