"""Writes disposable.txt from the PyPI package disposable-email-domains.

    pip download --no-deps disposable-email-domains==0.0.293
    python3 disposable.py disposable_email_domains-0.0.293-py3-none-any.whl > disposable.txt

Domains of free.txt are left out, should the source ever hold one.
"""

import ast
import re
import sys
import zipfile
from pathlib import Path

source = zipfile.ZipFile(sys.argv[1]).read("disposable_email_domains/__init__.py").decode()
blocklist = next(
    statement.value
    for statement in ast.parse(source).body
    if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "blocklist"
)
domains = set(ast.literal_eval(blocklist))
free = set(Path(__file__).with_name("free.txt").read_text().split())
for domain in sorted(domains - free):
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain):
        sys.exit("a line is no domain in lower-case ASCII")
    print(domain)
