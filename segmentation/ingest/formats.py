"""Name the formats of files that are not read: archives, databases, compressions that Spark does not unpack."""

# How they begin, what they are, and what makes lines of them.
FOREIGN = (
    (b"BZh", "compressed with bzip2", "rename it to end in .bz2"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard", "rename it to end in .zst"),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it (xz -d), or compress it with gzip"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "unpack it (lz4 -d), or compress it with gzip"),
    (b"\xff\x06\0\0sNaPpY", "compressed with Snappy", "unpack it, or compress it with gzip"),
    (b"\x1f\x9d", "compressed with compress", "unpack it (uncompress), or compress it with gzip"),
    (b"PK\x03\x04", "a zip archive", "unpack it"),
    (b"PK\x05\x06", "an empty zip archive", "leave it out"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"PARE", "encrypted Parquet", "write it without encryption: this job has no key"),
    (b"ORC", "an ORC file", "write it as Parquet: spark.read.orc('FILE').write.parquet('NEW_FOLDER')"),
    (b"Obj\x01", "an Avro file", "write it as Parquet"),
    (b"ARROW1", "an Arrow (Feather) file", "write it as Parquet: pandas.read_feather('FILE').to_parquet('NEW_FILE')"),
    (b"SQLite format 3\0", "an SQLite database", "export the table of sales as CSV"),
    (b"PGDMP", "a dump of PostgreSQL", "restore it, and export the table of sales as CSV"),
    (b"%PDF", "a PDF document", "export the lines as CSV"),
    (b"\x89HDF", "an HDF5 file", "write it as Parquet"),
)
# Of these compressions Hadoop has its own form: blocks, each with its length before and after packing.
BLOCKS_OF_HADOOP = (".snappy", ".lz4")
LARGEST_BLOCK = 2**28
# A tar archive shows itself behind the name of its first file.
TAR, TAR_AT = b"ustar", 257
DUCKDB, DUCKDB_AT = b"DUCK", 8


def foreign_format(head: bytes) -> str | None:
    """Return what a file of a format that is not read is, and what to do with it; None where it may be read."""
    if head[TAR_AT : TAR_AT + len(TAR)] == TAR:
        return "is a tar archive, which is not read: unpack it"
    if head[DUCKDB_AT : DUCKDB_AT + len(DUCKDB)] == DUCKDB and b"\0" in head[:DUCKDB_AT]:
        return "is a DuckDB database, which is not read: COPY sales TO 'sales.parquet' exports a table"
    for magic, what, remedy in FOREIGN:
        # A header may begin with the letters of a signature.
        if head.startswith(magic) and (b"\0" in head or not magic.isascii() or magic.startswith(b"%")):
            return f"is {what}, which is not read: {remedy}"
    return None


def require_blocks_of_hadoop(start: bytes, size: int) -> None:
    """Raise OSError for a file that is named .snappy or .lz4 and is not in Hadoop's form, judged by its first bytes.

    Spark takes the first bytes of any other form for lengths, and Java ends for lack of memory.
    """
    block, packed = int.from_bytes(start[:4]), int.from_bytes(start[4:8])
    if block > LARGEST_BLOCK or packed > size - 8:
        raise OSError("it is not packed in Hadoop's blocks: unpack it, or compress it with gzip")
