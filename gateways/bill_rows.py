"""The normal form of a bill: one row per payment or refund, the same for every wallet.

A file of Parquet, written and read by duckdb within a memory limit. Nobody who paid is named in it.
`fee_millifen` is thousandths of a fen, that is 1/100000 yuan: the finest that a wallet writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# Name and type of each column. `at` is UTC without a zone; what a wallet leaves out is ''.
COLUMNS = (
    ("kind", "VARCHAR"),  # trade, refund
    ("out_trade_no", "VARCHAR"),
    ("transaction_id", "VARCHAR"),
    ("out_refund_no", "VARCHAR"),
    ("refund_id", "VARCHAR"),
    ("payee", "VARCHAR"),  # sub_mchid or PID; another provider's: see `foreign`
    ("amount_fen", "BIGINT"),  # of the order, on a payment's row
    ("refund_fen", "BIGINT"),  # of this refund, on a refund's row
    ("settle_fen", "BIGINT"),  # what reached or left the merchant
    ("fee_millifen", "BIGINT"),  # what the wallet takes; negative where it gives it back
    ("state", "VARCHAR"),  # success, revoked; of a refund success, processing, failed, abnormal
    ("at", "TIMESTAMP"),
    ("foreign", "BOOLEAN"),  # made under another provider's number
)
THREADS = 2
_PACKED = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20000)"
CSV_BUFFER = 4 << 20  # bytes that one thread reads ahead; the default is eight times as much


@contextmanager
def open_duck(folder: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that holds at most `memory_mb`, spills into `folder` and sees nothing else."""
    import duckdb  # large: only where a bill is read

    spill = folder / "spill"
    with duckdb.connect(":memory:", config=_config(memory_mb)) as made:
        made.execute(f"SET temp_directory = {quoted(spill)}")
        made.execute(f"SET allowed_directories = [{quoted(folder)}, {quoted(spill)}]")
        made.execute("SET enable_external_access = false")
        try:
            yield made
        finally:
            shutil.rmtree(spill, ignore_errors=True)


def _config(memory_mb: int) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{memory_mb}MB",
        "threads": THREADS,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def quoted(value: object) -> str:
    """A literal of SQL, for the places that take no parameter."""
    return "'" + str(value).replace("'", "''") + "'"


def write_rows(duck: duckdb.DuckDBPyConnection, select: str, into: Path) -> None:
    """Write what `select` gives, which must have the columns above, as the normal form."""
    duck.execute(f"COPY ({select}) TO {quoted(into)} {_PACKED}")
