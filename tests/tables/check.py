#!/usr/bin/env python3
"""Reads what `affekt analyze` has written as other programs do.

    check.py DIR NAME SCHEMA

pandas reads the tables with the types of the schema (docs/tables.schema.json), and NAME.parquet as the same table; pympi reads NAME.eaf
and BORIS's own modules NAME.boris, where they are installed (pip install pandas pyarrow pympi-ling boris-behav-obs PyQt5). From 9 on BORIS
brings PySide6 in place of PyQt5, and BORIS 10 wants Python 3.13. The recording must lie where it lay. What is missing is said; a file
that is read otherwise than it should be ends the script with an error.
"""

import json
import os
import re
import sys
from pathlib import Path

TABLES = {"csv": "row", "segments.csv": "segment", "people.csv": "person", "bins.csv": "bin"}
NUMBERS = {"integer": "i", "number": "f", "string": "OTU"}


def of_schema(definition, column):
    """A column's entry: by its name, else by its pattern."""
    found = definition["properties"].get(column)
    for pattern, value in definition.get("patternProperties", {}).items():
        found = found or (value if re.match(pattern, column) else None)
    return found


def tables(folder, name, schema):
    import pandas as pd

    for ending, key in TABLES.items():
        path = folder / f"{name}.{ending}"
        if not path.exists():
            print(f"{path.name}: not there")
            continue
        definition = schema["$defs"][key]
        plain = pd.read_csv(path)
        types = {}
        for column in plain.columns:
            entry = of_schema(definition, column)
            assert entry, f"{path.name}: column {column} is not in the schema"
            kinds = entry["type"] if isinstance(entry["type"], list) else [entry["type"]]
            kind, empty = kinds[0], "null" in kinds
            if not empty:
                assert not plain[column].isna().any(), f"{path.name}: {column} has empty fields"
                # What always has a value is read rightly without being told.
                assert plain[column].dtype.kind in NUMBERS[kind] or plain.empty, f"{path.name}: {column} is {plain[column].dtype}"
            types[column] = {"integer": "Int64", "number": "float64", "string": "string"}[kind]
            if "maximum" in entry and len(plain):
                values = pd.to_numeric(plain[column]).dropna()
                assert values.between(entry["minimum"], entry["maximum"]).all(), f"{path.name}: {column} out of range"
        typed = pd.read_csv(path, dtype=types)
        print(f"{path.name}: pandas {pd.__version__} reads {len(typed)} rows and {len(typed.columns)} columns with the schema's types")
        if ending == "csv":
            shares = typed.filter(regex="^p_").sum(axis=1)[typed.face.notna()]
            assert ((shares - 1).abs() < 1e-4).all(), "probabilities sum to 1"
            parquet = folder / f"{name}.parquet"
            if parquet.exists():
                same_as_parquet(parquet, typed, definition)


def same_as_parquet(path, table, definition):
    """Holds a Parquet file to the table, as pandas has read it with the schema's types."""
    import pandas as pd
    import pyarrow
    import pyarrow.parquet

    kinds = {"integer": pyarrow.types.is_integer, "number": pyarrow.types.is_floating, "string": pyarrow.types.is_string}
    for field in pyarrow.parquet.read_schema(path):
        entry = of_schema(definition, field.name)
        wanted = entry["type"] if isinstance(entry["type"], list) else [entry["type"]]
        assert kinds[wanted[0]](field.type), f"{path.name}: {field.name} is {field.type}, not {wanted[0]}"
        assert field.nullable == ("null" in wanted), f"{path.name}: {field.name}: may be empty: {field.nullable}"
    other = pd.read_parquet(path, dtype_backend="numpy_nullable").astype(table.dtypes)
    # pandas reads decimal fractions from text to the last place or nearly.
    pd.testing.assert_frame_equal(other, table, check_exact=False, rtol=1e-12, atol=0)
    print(f"{path.name}: pyarrow {pyarrow.__version__} reads the same columns and {len(other)} equal rows, with the schema's types")


def elan(path):
    import pympi

    eaf = pympi.Elan.Eaf(str(path))
    for tier in eaf.get_tier_names():
        end = 0
        for start, stop, *_ in sorted(eaf.get_annotation_data_for_tier(tier)):
            assert start >= end and stop > start, f"{path.name}: {tier}: annotations overlap at {start} ms"
            end = stop
    assert "expressions" in eaf.get_controlled_vocabulary_names()
    kinds = sorted({tier.rsplit(": ", 1)[1] for tier in eaf.get_tier_names()})
    print(f"{path.name}: pympi {pympi.__version__} reads {len(eaf.get_tier_names())} tiers of kinds {', '.join(kinds)}")


def boris(path, segments):
    # Its modules want a screen, and libmpv and libpulse (Debian: libmpv2 libpulse-mainloop-glib0 libgl1).
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import pandas as pd
    from boris import db_functions, project_functions, version

    _, changed, project, message = project_functions.open_project_json(str(path))
    assert "error" not in project, project
    assert not changed and not message, f"{path.name}: BORIS changes it: {message}"
    problem = project_functions.check_project_integrity(project, "hh:mm:ss", str(path), media_file_available=True)
    assert not problem.replace("<br>", ""), f"{path.name}: BORIS says {problem}"
    # What its tables and plots are made of.
    good, problem, states = db_functions.load_aggregated_events_in_db(project, [], [], [])
    assert good, problem
    read = states.execute("SELECT subject, behavior, start, stop, comment FROM aggregated_events WHERE type = 'STATE'")
    read = sorted((row[0], row[1], round(row[2], 3), round(row[3], 3), row[4] == "by hand") for row in read)
    table = pd.read_csv(segments, keep_default_na=False)
    who = [row.name_ or f"person {row.person}" for row in table.rename(columns={"name": "name_"}).itertuples()]
    wanted = zip(who, table.label, table.start.round(3), table.end.round(3), table.label_by == "human")
    assert read == sorted(wanted), f"{path.name}: BORIS reads other states than {segments.name} has"
    print(f"{path.name}: BORIS {version.__version__} finds no fault and reads the {len(read)} states of {segments.name}")


def main():
    folder, name = Path(sys.argv[1]), sys.argv[2]
    tables(folder, name, json.loads(Path(sys.argv[3]).read_text()))
    segments = folder / f"{name}.segments.csv"
    for ending, check in (("eaf", elan), ("boris", lambda path: boris(path, segments))):
        path = folder / f"{name}.{ending}"
        if not path.exists():
            print(f"{path.name}: not there")
            continue
        try:
            check(path)
        except (ImportError, OSError) as error:
            print(f"{path.name}: not checked, {error}")


if __name__ == "__main__":
    main()
