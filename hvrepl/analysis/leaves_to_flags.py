"""The CPUID leaves of a machine → the QEMU flags that give them, and the fields that no flag gives."""

from __future__ import annotations

from collections.abc import Mapping

from hvrepl.analysis.cpus import Cpus, hyper_v_fields
from hvrepl.analysis.flags import ON, Flags, to_number, write_value
from hvrepl.analysis.flags_to_leaves import Config
from hvrepl.analysis.judge_flags import MISSING, say_needs
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.record import record


@record
class Granted:
    """The flags of a machine with their values, the flags that each lacks, and (leaf, field) that no flag gives."""

    values: Mapping[str, str]
    missing: Mapping[str, tuple[str, ...]]
    unexplained: tuple[tuple[str, Decoded], ...]
    findings: tuple[Finding, ...]


def flags_of(flags: Flags, cpus: Cpus, config: Config | None) -> Granted:
    """The flags of a machine's configuration, or if it has none, those that give its leaves."""
    if config is None:
        return explain(flags, cpus)
    findings = tuple(one for one in config.findings if one.code not in (MISSING, "flag_caution"))
    return Granted(config.values, needs_of(flags, config.values), (), findings)


def explain(flags: Flags, cpus: Cpus) -> Granted:
    """The flags that give the leaves of Hyper-V's interface, as most CPUs have them."""
    parts = hyper_v_fields(flags.decoder, cpus)
    if not parts:
        return Granted({}, {}, (), (Finding("flags_none", "", "the leaves are not of Hyper-V's interface, so no flag gives them"),))
    numbers = {path: int(part.raw, 16) for path, (_, part) in parts.items()}
    values = {name: value for name in flags.specs if (value := granted(flags, name, numbers))}
    given = numbers_given(flags, values)
    unexplained = tuple(
        (leaf, part)
        for path, (leaf, part) in parts.items()
        if part.is_set and not part.reserved and path not in flags.raised and numbers[path] != given.get(path, 0)
    )
    lacking = [path for path, number in given.items() if number and path in parts and not parts[path][1].is_set]
    missing = needs_of(flags, values)
    findings = (
        *(Finding("flag_adds", path, f"QEMU also sets {path.partition('.')[2]}, which these leaves do not have") for path in lacking),
        *(say_needs(name, needs) for name, needs in missing.items() if needs),
    )
    return Granted(values, missing, unexplained, findings)


def granted(flags: Flags, name: str, numbers: Mapping[str, int]) -> str:
    """The value with which a flag gives these numbers of fields; "" if it does not."""
    flag = flags[name]
    if flag.value:
        number = numbers.get(flag.value)
        usual = (flags.base.sets.get(flag.value, 0), flag.off)
        return "" if number is None or number in usual else write_value(flag, number)
    wanted = [path for path in flag.sets if path not in flag.unless and path not in flags.raised]
    return ON if wanted and all(numbers.get(path) == flag.sets[path] for path in wanted) else ""


def numbers_given(flags: Flags, values: Mapping[str, str]) -> dict[str, int]:
    """LEAF.field → the number that these flags put there together."""
    given = dict(flags.base.sets)
    for name, value in values.items():
        flag = flags[name]
        for path, number in flag.sets.items():
            if flag.unless.get(path, "") not in values:
                given[path] = max(number, given.get(path, 0))
        if flag.value:
            given[flag.value] = to_number(flag, value)
    return given


def needs_of(flags: Flags, values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The flags that each flag needs and that are not on."""
    return {name: tuple(need for need in flags[name].needs if need not in values) for name in values}
