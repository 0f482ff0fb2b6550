"""Findings of fields and layouts in a tree → fragments: the JSON of each finding, for those numbers that it applies to."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.model import FindingRule
from hvrepl.codec.decoded import Decoded, Finding, dump, join_path
from hvrepl.codec.field_findings import find_in_field, is_closed
from hvrepl.codec.phrases import is_met
from hvrepl.codec.stream.fragments import Fragment, Memo, joined, literal, looked_up, mask_of
from hvrepl.codec.stream.locate import OfField, UnlocatedError
from hvrepl.codec.stream.write_phrases import Condition, Phrases, chosen, value_of
from hvrepl.codec.variants import read_range
from hvrepl.record import mutable


@mutable
class Findings:
    """The findings of a located tree, in the order of decoding."""

    phrases: Phrases

    def all(self) -> Iterator[Fragment]:
        """The findings of the whole tree, each with a comma in front."""
        for event in self.phrases.tree.events:
            if isinstance(event, Finding):
                yield literal("," + dump(event.to_dict()))
            elif isinstance(event, OfField):
                yield from self._of_field(event.node, event.path)
            else:
                node = self.phrases.tree.root.find(event.path)
                if node is None:
                    raise UnlocatedError(event.path)
                yield from (
                    fragment for layout in event.layouts for rule in layout.findings for fragment in self._of_layout(rule, event.path, node)
                )

    def _of_field(self, node: Decoded, path: str) -> Iterator[Fragment]:
        """The result of find_in_field for a node, for any number that it may have."""
        spot = self.phrases.spot(node)
        one = spot.field
        bits = mask_of(spot.lsb, spot.width)

        def words(number: int) -> str:
            found = find_in_field(one, self.phrases.remake(node, number), path, self.phrases.catalog)
            return "".join("," + dump(finding.to_dict()) for finding in found)

        looked = looked_up(spot.lsb, spot.width, words)
        limited = node.value is not None and one.max is not None
        if one.reserved in ("zero", "preserve") and not limited:
            yield chosen((bits, lambda code: code.bits(spot.lsb, spot.width)), literal(words((1 << spot.width) - 1)))
        elif one.reserved or (node.value is not None and is_closed(one, self.phrases.catalog)):
            yield looked
        elif limited:
            yield chosen((bits, lambda code: f"{value_of(spot, code)} > {one.max}"), looked)

    def _of_layout(self, rule: FindingRule, path: str, node: Decoded) -> Iterator[Fragment]:
        """A finding that a layout declares, for any numbers that meet its conditions."""
        parts = [(node.find(path), wanted) for path, wanted in rule.when.items()]
        if any(part is None for part, _ in parts):
            return
        conditions = [self._met(part, [str(one) for one in wanted]) for part, wanted in parts if part]
        where = join_path(path, rule.field) if rule.field else path
        head = dump(Finding(rule.code, where, "x").to_dict()).removesuffix('x"}')
        text = joined([literal("," + head), *self.phrases.filled(rule.text, node), literal('"}')])
        yield chosen(all_of(conditions), text)

    def _met(self, part: Decoded, wanted: list[str]) -> Condition:
        """Whether at least one of the conditions is met."""
        ranges = [read_range(one.removeprefix("!")) for one in wanted]
        spot = self.phrases.tree.spots.get(id(part))
        if part.value is None or spot is None:
            if None in ranges:
                raise UnlocatedError(part.name)
            lsb, width = self.phrases.bits_of(part)
            return mask_of(lsb, width), lambda code: any_of(wanted, f"({code.bits(lsb, width)} != 0)")
        if None not in ranges:
            return mask_of(spot.lsb, spot.width), lambda code: any_of(wanted, value_of(spot, code))
        is_one = Memo(lambda number: any(is_met(one, self.phrases.remake(part, number)) for one in wanted))
        return mask_of(spot.lsb, spot.width), lambda code: f"{code.bind(is_one)}[{code.bits(spot.lsb, spot.width)}]"


def all_of(conditions: list[Condition]) -> Condition:
    mask = 0
    for bits, _ in conditions:
        mask |= bits
    return mask, lambda code: " and ".join(f"({expression(code)})" for _, expression in conditions) or "True"


def any_of(wanted: list[str], value: str) -> str:
    """The source of a test whether one of these ranges contains the value, or (with !) does not."""
    limits = [(one.startswith("!"), *(read_range(one.removeprefix("!")) or (0, 0))) for one in wanted]
    if len(limits) > 1 and all(low == high and not negated for negated, low, high in limits):
        return f"{value} in { ({low for _, low, _ in limits}) }"
    return " or ".join(
        f"{value} {'!=' if negated else '=='} {low}" if low == high else f"{'not ' * negated}({low} <= {value} <= {high})"
        for negated, low, high in limits
    )
