"""columns: decodes columns of tables, with numbers of many machines, into a table, or counts them by meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from hvrepl.commands.inputs.files import is_file
from hvrepl.commands.output import emit, emit_listing, failure
from hvrepl.commands.output_files import refuse_output, replacing
from hvrepl.commands.progress import progress
from hvrepl.commands.session import Session
from hvrepl.errors import FileError, HvreplError, UsageError
from hvrepl.hints import TYPE_CHECKING, Any
from hvrepl.render.listing import Listing
from hvrepl.render.style import Style, align, wrap
from hvrepl.wording import count_of, printable, shorten

if TYPE_CHECKING:
    from hvrepl.columns.added import Added
    from hvrepl.columns.census import Census, Count
    from hvrepl.columns.files import Part, Table

USAGE = "`columns FILE... COLUMN=WHAT...`, such as `columns vms.parquet guest_id=guest-id`"
WORTH_A_BAR = 1 << 20  # bytes


def columns(session: Session, words: Sequence[str], output: str = "") -> None:
    """columns FILE... COLUMN=WHAT..."""
    paths, pairs = split_words(words)
    try:
        from hvrepl.columns import added
    except ImportError as error:
        if error.name and error.name.startswith("hvrepl"):
            raise
        raise FileError(f"{paths[0]}: install the package pyarrow to read tables") from None
    options = session.options
    made = [
        added.to_added(pair, arch=options.arch, is_fixed=options.arch_is_given, specs=options.specs or None, is_hex=options.hex)
        for pair in pairs
    ]
    names = [one.name for one in made]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise UsageError(f"two columns would be called {shorten(twice)}; decode each column once")
    if output:
        from hvrepl.columns.files import suffix_of

        refuse_output(session)
        suffix_of(output, is_output=True)
    with ExitStack() as stack:
        tables = open_tables(session, stack, paths, made)
        size = sum(table.size for table in tables) * (2 if output else 1)
        with progress(session, "columns", size if size > WORTH_A_BAR else None) as advance:
            counts = write(session, tables, made, output, advance) if output else count(session, tables, made, advance)
    session.note_findings(*(one.has_findings or one.unreadable for one in counts))
    if output:
        say_unreadable(session, made, counts, output)
    elif tables:
        emit_counts(session, made, counts)


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(files, COLUMN=WHAT words); a file can have = in its name, as those of Hive and Spark do."""
    pairs = [word for word in words if "=" in word and not is_file(word)]
    paths = [word for word in words if word not in pairs]
    if "-" in paths:
        raise UsageError("- cannot be read: the suffix of a file says how its table is written; save it as a file first")
    if not paths:
        raise UsageError(f"columns of which table? {USAGE}")
    if not pairs:
        raise UsageError(f"which columns of {shorten(paths[0])}? {USAGE}")
    return paths, pairs


def open_tables(session: Session, stack: ExitStack, paths: Sequence[str], made: Sequence[Added]) -> list[Table]:
    """The tables, which have all columns that are read. With --keep-going, those that cannot be opened are reported and left out."""
    from hvrepl.columns.added import check_columns
    from hvrepl.columns.files import open_table

    tables = []
    for path in paths:
        try:
            table = open_table(path)
            stack.enter_context(closing(table.file))
            if not all(name in table.names for one in made for name in one.columns):
                table.survey(lambda _: None)  # in lines of JSON a column can begin late
            check_columns(path, table.names, made, table.says_no_column())
            tables.append(table)
        except HvreplError as error:
            refuse_or_say(session, error, path)
    return tables


def refuse_or_say(session: Session, error: HvreplError, path: str) -> None:
    """Raises the error, or with --keep-going reports it."""
    if not session.options.keep_going:
        raise error
    emit(session, failure(session, error, path))


def parts(session: Session, tables: Sequence[Table], names: Sequence[str] | None, advance: Any) -> Iterator[tuple[Table, Part]]:
    """All rows of all tables. With --keep-going, the rows before a damaged place count."""
    for table in tables:
        try:
            for part in table.parts(names, advance):
                yield table, part
        except FileError as error:
            refuse_or_say(session, error, table.path)


def count(session: Session, tables: Sequence[Table], made: Sequence[Added], advance: Any) -> list[Census]:
    """Counts each summary, per column."""
    from hvrepl.columns.census import Census

    counts = [Census() for _ in made]
    names = list(dict.fromkeys(name for one in made for name in one.columns))
    for _, part in parts(session, tables, names, advance):
        for one, census in zip(made, counts, strict=True):
            census.add(one.of(part.column))
    return counts


def write(session: Session, tables: Sequence[Table], made: Sequence[Added], output: str, advance: Any) -> list[Census]:
    """Writes the tables in turn, with the added columns."""
    from hvrepl.columns.added import check_new
    from hvrepl.columns.census import Census
    from hvrepl.columns.files import arrow_errors, same_columns, suffix_of
    from hvrepl.columns.sinks import SINKS, is_flat

    counts = [Census() for _ in made]
    for table in tables:
        table.survey(advance)
    schema = same_columns(tables) if tables else None
    if schema is None:
        return counts
    check_new(tables[0].path, schema.names, made, is_flat=is_flat(output))
    with replacing(session, output) as path, closing(SINKS[suffix_of(output)](path, schema, made)) as sink:
        for table, part in parts(session, tables, None, advance):
            with arrow_errors(table.path):
                batch = part.to_batch(schema)
            arrays = [one.of(part.column) for one in made]
            for array, census in zip(arrays, counts, strict=True):
                census.look(array)
            with arrow_errors(output):
                sink.write(batch, [array.cast(one.type) for array, one in zip(arrays, made, strict=True)])
    return counts


def say_unreadable(session: Session, made: Sequence[Added], counts: Sequence[Census], output: str) -> None:
    """Reports on stderr how many values could not be read; their rows have the reasons."""
    from hvrepl.columns.sinks import is_flat

    for one, census in zip(made, counts, strict=True):
        if census.unreadable:
            session.warn(printable(f"{one.label}: {say_first(census)}; {one.label if is_flat(output) else one.name}.error has the reason"))


def say_first(census: Census) -> str:
    more = ", the first" if census.unreadable > 1 else ""
    return f"{count_of(census.unreadable, 'value')} cannot be read{more}: {census.reason}"


def emit_counts(session: Session, made: Sequence[Added], counts: Sequence[Census]) -> None:
    """The summaries, most frequent first, column by column."""
    found = [(one, census, each) for one, census in zip(made, counts, strict=True) for each in census.counts()]
    several = len(made) > 1
    tables = [({"column": one.label} if several else {}) | to_table(each) for one, _, each in found]
    rows = [(*([one.label] if several else []), str(each.count), say_cell(each)) for one, _, each in found]
    headers = (*(["column"] if several else []), "count", "summary")
    emit_listing(session, Listing(headers, rows, tables, lines=lambda style: screen(made, counts, style)))


def to_table(each: Count) -> dict[str, Any]:
    return {"summary": each.summary, "count": each.count} | ({"error": each.error} if each.error else {})


def say_cell(each: Count) -> str:
    """A counted summary on one line."""
    if each.summary is None:
        return f"! {each.error}" if each.error else "(null)"
    return printable(" · ".join(each.summary.splitlines())) or "(no summary)"


def screen(made: Sequence[Added], counts: Sequence[Census], style: Style) -> Iterator[str]:
    """The report for people: for each column its number of rows, how many rows have each summary, and their share."""
    for place, (one, census) in enumerate(zip(made, counts, strict=True)):
        if place:
            yield ""
        if style.is_terminal or len(made) > 1:
            said = f"{one.label}: {count_of(census.rows, 'row')}, {count_of(len(census.summaries), 'different summary')}"
            yield from wrap(said, style.width, "", "    ")
        rows = [(f"{each.count:,}", share(each.count, census.rows), say_cell(each)) for each in census.counts()]
        roles = [("number", "dim", "finding" if each.error else "dim" if not each.summary else "meaning") for each in census.counts()]
        yield from align(rows, style, roles[0] if roles else (), right=(0, 1), own_roles=roles)


def share(part: int, whole: int) -> str:
    percent = 100 * part / whole
    return f"{percent:.1f}%" if percent >= 0.1 else "<0.1%"
