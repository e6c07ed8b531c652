"""Writes phone.bin, the numbering plans that the crate compiles in.

    pip install phonenumbers==9.0.43
    python renew_phone.py > phone.bin
    cargo run --release -p crm_ai_clean --example validate_phone_plans -- phone.bin

The Python port of libphonenumber holds Google's compiled plans as data; here they take the form
that the crate `rlibphonenumber` reads: its `PhoneMetadataCollection` (protocol buffers, each
pattern written as `^(?:…)$`). With phonenumbers 9.0.42 the output means the same, message by
message, as the plans inside rlibphonenumber 2.2.15, which have that version (but for the national
prefix rules of international formats, which nothing reads):

    python renew_phone.py --compare metadata.bin

Then set PLANS_VERSION in src/phone/plans.rs, run the crate's tests, and tell users to REINDEX.
Plans and both libraries are under the Apache License 2.0.
"""

import re
import sys

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

# Field numbers of resources/phonemetadata.proto.
DESCRIPTIONS = {
    "general_desc": 1, "fixed_line": 2, "mobile": 3, "toll_free": 4, "premium_rate": 5,
    "shared_cost": 6, "personal_number": 7, "voip": 8, "pager": 21, "uan": 25, "voicemail": 28,
    "no_international_dialling": 24,
}
VARINT, BYTES = 0, 2
# Stands for "no number of this kind": such a description must not match by default.
NO_LENGTH = -1


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while True:
        out.append((value & 0x7F) | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def integer(field: int, value: int | None) -> bytes:
    return b"" if value is None else varint(field << 3 | VARINT) + varint(value)


def text(field: int, value: str | bytes | None) -> bytes:
    if value is None:
        return b""
    raw = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | BYTES) + varint(len(raw)) + raw


def pattern(field: int, value: str | None) -> bytes:
    return text(field, f"^(?:{value})$" if value is not None else None)


def template(value: str | None) -> str | None:
    """Group references as libphonenumber writes them: $1 for Python's \\1."""
    return None if value is None else re.sub(r"\\(\d)", r"$\1", value)


def description(desc, general) -> bytes:
    """Lengths that are those of the whole plan are left out, as Google's compiler does."""
    if desc is None:
        return integer(9, NO_LENGTH)
    lengths = desc.possible_length or ((NO_LENGTH,) if desc.national_number_pattern is None else ())
    if desc is not general and lengths == general.possible_length:
        lengths = ()
    return (
        pattern(2, desc.national_number_pattern)
        + text(6, desc.example_number)
        + b"".join(integer(9, n) for n in lengths)
        + b"".join(integer(10, n) for n in desc.possible_length_local_only or ())
    )


def number_format(one) -> bytes:
    optional = one.national_prefix_optional_when_formatting
    return (
        pattern(1, one.pattern)
        + text(2, template(one.format))
        + b"".join(pattern(3, p) for p in one.leading_digits_pattern or ())
        + text(4, template(one.national_prefix_formatting_rule))
        + text(5, template(one.domestic_carrier_code_formatting_rule))
        + integer(6, int(bool(optional)))
    )


def plan(data) -> bytes:
    out = b"".join(
        text(n, description(getattr(data, name), data.general_desc))
        for name, n in DESCRIPTIONS.items()
    )
    out += text(9, data.id) + integer(10, data.country_code)
    out += pattern(11, data.international_prefix) + text(12, data.national_prefix)
    out += text(13, data.preferred_extn_prefix)
    out += pattern(15, data.national_prefix_for_parsing)
    out += text(16, template(data.national_prefix_transform_rule))
    out += text(17, data.preferred_international_prefix)
    # The port also says "same" of plans that have neither kind; Google's compiler does not.
    is_fixed = data.fixed_line is not None and data.fixed_line.national_number_pattern is not None
    out += integer(18, int(bool(data.same_mobile_and_fixed_line_pattern) and is_fixed))
    out += b"".join(text(19, number_format(f)) for f in data.number_format or ())
    out += b"".join(text(20, number_format(f)) for f in data.intl_number_format or ())
    out += integer(22, 1) if data.main_country_for_code else b""
    out += pattern(23, data.leading_digits)
    out += integer(32, 1) if data.mobile_number_portable_region else b""
    return out


def collection() -> bytes:
    regions = [PhoneMetadata.metadata_for_region(r) for r in sorted(phonenumbers.SUPPORTED_REGIONS)]
    codes = sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
    others = [PhoneMetadata.metadata_for_nongeo_region(code) for code in codes]
    return b"".join(text(1, plan(data)) for data in regions + others)


def decoded(raw: bytes) -> list[tuple]:
    """The fields of a message, nested ones too, defaults left out, ordered by their numbers."""
    fields, at = [], 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(raw):
        key = number()
        if key & 7 == VARINT:
            value = number()
            if value:
                fields.append((key >> 3, value))
        else:
            length = number()
            fields.append((key >> 3, raw[at:at + length]))
            at += length
    return sorted(fields, key=lambda field: field[0])


def meaning(raw: bytes) -> dict:
    """Each plan by region and code, its messages decoded."""
    plans = {}
    nested = set(DESCRIPTIONS.values()) | {19, 20, 27, 29, 30, 31, 33}
    for _, body in decoded(raw):
        fields = [(n, decoded(v) if n in nested else v) for n, v in decoded(body)]
        fields = [(n, [f for f in v if f[0] <= 3] if n == 20 else v) for n, v in fields]
        # Short-number kinds are empty in the plans of ordinary numbers; so are empty texts.
        fields = [(n, v) for n, v in fields if n not in (27, 29, 30, 31, 33) and v != b""]
        plain = dict((n, v) for n, v in fields if n in (9, 10))
        plans[(plain[9].decode(), plain[10])] = fields
    return plans


def compare(path: str) -> int:
    with open(path, "rb") as file:
        theirs = meaning(file.read())
    ours = meaning(collection())
    different = [key for key in sorted(set(ours) | set(theirs)) if ours.get(key) != theirs.get(key)]
    for key in different:
        print(key, [f for f in ours.get(key, []) if f not in theirs.get(key, [])][:4],
              "<>", [f for f in theirs.get(key, []) if f not in ours.get(key, [])][:4])
    print(f"phonenumbers {phonenumbers.__version__}: {len(ours)} plans, {len(different)} differ")
    return 1 if different else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compare"]:
        sys.exit(compare(sys.argv[2]))
    sys.stdout.buffer.write(collection())
