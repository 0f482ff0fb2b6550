"""The results in engines: SQL functions in DuckDB, expressions in Polars, frames in Spark and pandas, as their users use them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hvrepl.errors import NotFoundError, UsageError
from tests.at_hand import need, needs
from tests.paths import ROOT

pytest.importorskip("pyarrow", reason="needs pyarrow")

LINUX = 0x8100000606570000
UBUNTU = 0x818000050FA7042F
SENTENCE = "Linux 6.6.87"
TEXT = "hv_vmbus: Hypercall 5c failed with status 0x5"
CRASH = "Windows  0x1E KMODE_EXCEPTION_NOT_HANDLED: STATUS_ACCESS_VIOLATION at 0x1"


def duck(*whats: str, **options: Any) -> Any:
    need("module:duckdb", "module:numpy")
    import duckdb

    from hvrepl.columns.duckdb import register

    connection = duckdb.connect()
    register(connection, *whats, **options)
    return connection


def test_sql_counts_the_guests_of_a_table() -> None:
    connection = duck("guest-id", "status")
    connection.execute(f"CREATE TABLE vms AS SELECT unnest([{LINUX}, {UBUNTU}, {LINUX}, NULL])::UBIGINT AS id")
    counted = "SELECT hv_guest_id(id).summary, count(*) FROM vms GROUP BY ALL ORDER BY 2 DESC, 1"
    assert connection.sql(counted).fetchall() == [
        (SENTENCE, 2),
        ("Linux 5.15.167, Ubuntu (Canonical), package ABI 1071", 1),
        (None, 1),
    ]
    assert connection.sql("SELECT hv_status(5).summary, hv_status(5).code_meaning").fetchall() == [("HV_STATUS_INVALID_PARAMETER",) * 2]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param(f"{LINUX}::UBIGINT", SENTENCE, id="unsigned"),
        pytest.param(f"{LINUX - (1 << 64)}::BIGINT", SENTENCE, id="as a BIGINT"),
        pytest.param(f"{LINUX}::HUGEINT", SENTENCE, id="HUGEINT"),
        pytest.param(f"{LINUX}::DECIMAL(20, 0)", SENTENCE, id="DECIMAL"),
        pytest.param(f"'{LINUX:#x}'", SENTENCE, id="text"),
        pytest.param(r"'\x00\x00\x57\x06\x06\x00\x00\x81'::BLOB", SENTENCE, id="BLOB"),
        pytest.param("12345678::HUGEINT", "no vendor, build 24910", id="eight digits"),
        pytest.param("'12345678'", "'12345678' can be hex or decimal; write 0x12345678 or 0n12345678, or pass is_hex=True", id="ambiguous"),
        pytest.param("1.5::DOUBLE", "1.5 is not an integer", id="DOUBLE"),
        pytest.param("1.5::DECIMAL(4, 1)", "1.5 is not an integer", id="DECIMAL with a part"),
        pytest.param("24910.0::DECIMAL(6, 1)", "no vendor, build 24910", id="DECIMAL with zeros behind the point"),
        pytest.param(f"{LINUX - (1 << 64)}::DECIMAL(20, 0)", SENTENCE, id="negative DECIMAL"),
        pytest.param(f"'{LINUX:#x}'::ENUM ('{LINUX:#x}')", SENTENCE, id="ENUM"),
        pytest.param("true", "a column of BOOLEAN contains neither integers, nor hex text, nor bytes", id="BOOLEAN"),
        pytest.param("DATE '2026-01-01'", "a column of DATE contains neither integers, nor hex text, nor bytes", id="DATE"),
        pytest.param("[1, 2]", "a column of INTEGER[] contains neither integers, nor hex text, nor bytes", id="list"),
        pytest.param("NULL::BOOLEAN", None, id="NULL of a type that cannot be read"),
        pytest.param("NULL", None, id="NULL"),
    ],
)
def test_sql_takes_what_holds_a_number(value: str, says: str | None) -> None:
    found = duck("guest-id").sql(f"SELECT coalesce(hv_guest_id({value}).summary, hv_guest_id({value}).error)").fetchall()
    assert found == [(says,)]


def test_sql_knows_crashes_and_texts_and_parts_of_structs() -> None:
    connection = duck("crash", "annotate", "message")
    assert connection.sql("SELECT hv_crash(30, '0xc0000005', 1, 2, 3).summary").fetchall() == [(CRASH,)]
    for first in ("30::DOUBLE", "30::HUGEINT", "30.0::DECIMAL(4, 1)", "'0x1e'::ENUM ('0x1e')"):
        assert connection.sql(f"SELECT hv_crash({first}, -1073741819 & 4294967295, 1, 2, 3).summary").fetchall() == [(CRASH,)]
    negative = "hv_crash(209, -30330999672752, 2, 0, -8790058626350)"  # addresses in columns of BIGINT
    assert connection.sql(f"SELECT {negative}.p1, {negative}.error").fetchall() == [((1 << 64) - 30330999672752, None)]
    assert connection.sql("SELECT hv_crash('a'::BLOB, 1, true, 2, 3).error").fetchall() == [("P0 takes a number, not bytes",)]
    assert connection.sql(f"SELECT hv_annotate('{TEXT}').names").fetchall() == [(["HV_HYPERCALL_RESULT"],)]
    message = "1000008018" + "00" * 251
    assert connection.sql(f"SELECT hv_message('{message}').\"header.message_type\"").fetchall() == [(0x80000010,)]


def test_sql_of_many_rows_in_several_threads_loses_none() -> None:
    """DuckDB only splits a table beyond some 120,000 rows, but gives each part of a union a thread."""
    connection = duck("sint2")
    connection.execute("SET threads = 4")
    rows = " UNION ALL ".join(["SELECT i FROM range(20000) t(i)"] * 4)
    query = f"SELECT count(*), sum((hv_sint2(i).vector != i % 256)::INT), count(hv_sint2(i).summary) FROM ({rows})"
    assert connection.sql(query).fetchall() == [(80000, 0, 80000)]


def test_registering_again_replaces() -> None:
    connection = duck("guest-id")
    from hvrepl.columns.duckdb import register

    assert register(connection, "guest-id", "msr:0x40000000") == ["hv_guest_id", "hv_msr_0x40000000"]
    assert connection.sql(f"SELECT hv_guest_id({LINUX}::UBIGINT).summary").fetchall() == [(SENTENCE,)]
    with pytest.raises(NotFoundError):
        register(connection, "nosuch")


def test_polars_decodes_in_eager_and_lazy_frames() -> None:
    need("module:polars")
    import polars as pl

    import hvrepl.columns.polars as expressions

    frame = pl.DataFrame({"id": [LINUX, None, UBUNTU, LINUX]}, schema={"id": pl.UInt64})
    decoded = frame.with_columns(pl.col("id").hv.decode("guest-id").alias("it"))  # type: ignore[attr-defined]
    assert decoded.unnest("it").get_column("os_type").to_list() == [1, None, 1, 1]
    lazy = frame.lazy().select(pl.col("id").hv.decode("guest-id").struct.field("summary"))  # type: ignore[attr-defined]
    assert lazy.collect_schema() == lazy.collect().schema
    counted = lazy.group_by(pl.col("summary").cast(pl.String)).len().sort("len", "summary", descending=True).collect()
    assert counted.row(0) == (SENTENCE, 2)
    texts = pl.DataFrame({"text": [TEXT, "nothing"], **{f"p{place}": [value] * 2 for place, value in enumerate((30, 0xC0000005, 1, 2, 3))}})
    said = texts.select(
        pl.col("text").hv.annotate().struct.field("names"),  # type: ignore[attr-defined]
        expressions.crash("p0", "p1", "p2", "p3", "p4").struct.field("summary").cast(pl.String),
    )
    assert said.rows() == [(["HV_HYPERCALL_RESULT"], CRASH), ([], CRASH)]


def test_series_and_results_are_columns() -> None:
    need("module:duckdb", "module:pandas", "module:polars")
    import duckdb
    import pandas as pd
    import polars as pl

    from hvrepl.columns import decode_column

    number, text, data = LINUX, f"{LINUX:#x}", LINUX.to_bytes(8, "little")
    columns = [
        pl.Series([number, None], dtype=pl.UInt64),
        pl.Series([text, None]),
        pl.Series([text, None], dtype=pl.Categorical),
        pl.Series([data, None]),
        pl.DataFrame({"id": [text, None]}),
        pl.Series([number, None], dtype=pl.Int128),
        pl.Series([number, None], dtype=pl.Object),
        pl.Series([text, None], dtype=pl.Enum([text])),
        pd.Series([number, None], dtype="UInt64"),
        pd.Series([text, None]),
        pd.Series([text, None], dtype="category"),
        pd.Series([number, None], dtype=object),
        pd.Series([number, pd.NA], dtype=object),
        pd.Series([number, pd.NaT], dtype=object),
        pd.Series([data, float("nan")], dtype=object),
        pd.DataFrame({"id": [text, None]}),
        duckdb.sql(f"SELECT unnest([{number}, NULL])::UBIGINT"),
        duckdb.sql(f"SELECT unnest([{number}, NULL])::HUGEINT"),
        duckdb.sql(f"SELECT unnest(['{text}', NULL])::ENUM ('{text}')"),
    ]
    for column in columns:
        rows = decode_column("guest-id", column).to_pylist()
        assert [row and row["summary"] for row in rows] == [SENTENCE, None], f"{type(column)}: {rows}"
    mixed = decode_column("guest-id", pd.Series([number, text, data, 1.5, None], dtype=object)).to_pylist()
    assert mixed[0] == mixed[1] == mixed[2]
    assert mixed[3]["error"] == "1.5 is not an integer"
    floats = decode_column("guest-id", pd.Series([number, None]).astype("float64")).to_pylist()
    assert floats[0]["error"].endswith("is too large for a floating-point number to hold every digit")
    assert decode_column("guest-id", pd.Series([5.0, None])).field("build").to_pylist() == [5, None]


def test_polars_streams() -> None:
    need("module:polars")
    import polars as pl

    import hvrepl.columns.polars  # noqa: F401

    frame = pl.LazyFrame({"id": list(range(100_000))})
    vector = pl.col("id").hv.decode("sint2", summary=False).struct.field("vector")  # type: ignore[attr-defined]
    assert frame.select((vector.cast(pl.Int64) - pl.col("id") % 256).abs().sum()).collect(engine="streaming").item() == 0


def test_a_frame_of_pandas_gets_columns() -> None:
    need("module:pandas")
    import pandas as pd

    from hvrepl.columns.kusto import decoded

    frame = pd.DataFrame({"vm": [1, 2, 3], "id": [f"{LINUX:#x}", None, "x"]}, index=[7, 8, 9])
    made = decoded(frame, "id", "guest-id", fields=["summary", "version", "findings"])
    assert list(made.columns) == ["vm", "id", "summary", "version", "findings"]
    assert made.loc[7].tolist()[2:] == [SENTENCE, 0x60657, ""]
    assert made["version"].tolist() == [0x60657, None, None]
    mixed = pd.DataFrame({"id": pd.Series([LINUX, f"{LINUX:#x}", 1.5], dtype=object)})
    assert decoded(mixed, "id", "guest-id", fields=["summary"])["summary"].tolist() == [SENTENCE, SENTENCE, None]
    with pytest.raises(UsageError, match="the frame has no column nosuch; it has vm, id"):
        decoded(frame, "nosuch", "guest-id")
    with pytest.raises(UsageError, match="guest-id has no field nosuch"):
        decoded(frame, "id", "guest-id", fields=["nosuch"])


SPARK = f"""\
import sys
from pyspark.sql import SparkSession
from hvrepl.columns.spark import annotated, crashes, decoded
from hvrepl.errors import UsageError

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.log.level", "ERROR").getOrCreate()
rows = [(i, {LINUX - (1 << 64)} if i % 2 else None, {TEXT!r}, 30, 0xC0000005, 1, 2, 3) for i in range(1000)]
frame = spark.createDataFrame(rows, "vm int, id bigint, text string, p0 bigint, p1 bigint, p2 bigint, p3 bigint, p4 bigint").repartition(2)
made = decoded(frame, "id", "guest-id")
plan = made._jdf.queryExecution().executedPlan().toString()
before = frame._jdf.queryExecution().executedPlan().toString()
print("shuffles", plan.count("Exchange") - before.count("Exchange"), "map", plan.count("MapInArrow"))
print("types", dict(made.select("decoded.*").dtypes)["version"], dict(made.select("decoded.*").dtypes)["summary"])
print("counts", sorted((row[0] or "", row[1]) for row in made.groupBy("decoded.summary").count().collect()))
print("parts", made.rdd.getNumPartitions())
whole = crashes(annotated(made, "text"), "p0", "p1", "p2", "p3", "p4").selectExpr("annotated.names[0]", "crash.summary").distinct()
print("both", [tuple(row) for row in whole.collect()])
try:
    decoded(frame, "nosuch", "guest-id")
except UsageError as error:
    print("error", error)
"""


@needs("module:pyspark", "java")
def test_spark_decodes_in_two_workers_without_a_shuffle(tmp_path: Path) -> None:
    environ = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": f"{ROOT}", "PYTHONWARNINGS": "", "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", SPARK], capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, **environ}, timeout=900
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "shuffles 0 map 1",
        "types bigint string",
        f"counts {[('', 500), (SENTENCE, 500)]}",
        "parts 2",
        f"both {[('HV_HYPERCALL_RESULT', CRASH)]}",
        "error the frame has no column nosuch; it has vm, id, text, p0, p1, p2, p3, p4",
    ]
