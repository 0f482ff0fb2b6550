"""The summary and the findings of many values of one thing, without a tree or a line of JSON for each."""

from __future__ import annotations

import json

from hvrepl.codec.decoded import dump
from hvrepl.codec.stream.fragments import Code, joined, literal, share, tabled
from hvrepl.codec.stream.fragments import escape as in_json
from hvrepl.codec.stream.lines import Stream
from hvrepl.codec.stream.locate import LocatedTree, UnlocatedError
from hvrepl.codec.stream.write_findings import Findings
from hvrepl.codec.stream.write_phrases import Phrases
from hvrepl.codec.stream.write_tree import MOST_SPOTS, Line

BETWEEN = "\t"  # between the parts of a line; never occurs in their JSON


class Sentences(Stream):
    """Writes a summary and findings per value, as JSON; each keeps its leading separator. Not thread-safe."""

    def read(self, line: str) -> tuple[str, tuple[str, ...]]:
        """(summary, the codes of the findings) of a line."""
        summary, _, findings = line.partition(BETWEEN)
        return json.loads(f'"{summary[2:]}"'), tuple(one["code"] for one in json.loads(f"[{findings[1:]}]"))

    def _decode(self, data: bytes, _: str) -> str:
        node = self._decoder.decode(self.found, data, output=self.output)
        summary = f", {in_json(node.summary)}" if node.summary else ""
        return summary + BETWEEN + "".join(f",{dump(finding.to_dict())}" for finding in node.findings)

    def _function(self, located: LocatedTree) -> Line:
        if len(located.spots) > MOST_SPOTS:
            raise UnlocatedError(located.root.name)
        phrases = Phrases(located, self._decoder.catalog)
        code = Code(8 * len(located.data))
        parts = [phrases.summary(located.root), literal(BETWEEN), joined(tabled(Findings(phrases).all()))]
        text = "".join(part.write(code) for part in parts)
        share(code.names.values())
        return code.function(text)
