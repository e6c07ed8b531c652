"""The work of clean_table in pandas, phonenumbers and email-validator.

    python pandas_rows.py FILE.csv

Reads the file, drops equal rows, turns phones into E.164 and e-mail addresses into their normal
form, drops rows without an address, and writes the rows, the rejected ones and the changed values.
Prints seconds of processor time for reading, cleaning and writing.
"""

import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import phonenumbers
from email_validator import EmailNotValidError, validate_email


def phone(raw: object) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        number = phonenumbers.parse(raw, "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(raw: object) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        found = validate_email(raw.strip(), check_deliverability=False, allow_display_name=True)
    except EmailNotValidError:
        return None
    return found.normalized


def main() -> None:
    began = time.process_time()
    frame = pd.read_csv(sys.argv[1], dtype="str", keep_default_na=False, na_values=[""])
    read = time.process_time()
    distinct = frame.drop_duplicates()
    clean = distinct.copy()
    clean["phone"] = distinct["phone"].map(phone)
    clean["email"] = distinct["email"].map(email)
    kept = clean[clean["email"].notna()]
    rejects = frame.drop(kept.index)
    changes = []
    for column in ("phone", "email"):
        before, after = frame.loc[kept.index, column], kept[column]
        differs = (before != after) & ~(before.isna() & after.isna())
        changed = {"column": column, "before": before[differs], "after": after[differs]}
        changes.append(pd.DataFrame(changed))
    cleaned = time.process_time()
    with tempfile.TemporaryDirectory() as place:
        kept.to_csv(Path(place) / "kept.csv", index=False)
        rejects.to_csv(Path(place) / "rejects.csv", index=False)
        pd.concat(changes).to_csv(Path(place) / "changes.csv")
        written = time.process_time()
    print(f"pandas {pd.__version__}, phonenumbers {phonenumbers.__version__}: {len(frame)} rows, "
          f"{len(kept)} kept; read {read - began:.1f} s, cleaned {cleaned - read:.1f} s, "
          f"written {written - cleaned:.1f} s, {len(frame) / (written - began):.0f} rows/s")


main()
