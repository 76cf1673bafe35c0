#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the table "Troubleshooting by message" of doc/administrators.md lists each message of the
# library, the shim, the tools and the driver, and has no row for a message that no program prints.
# The test looks for the longest constant part of each message. Findings of `pinnedctl check` say
# themselves what to do, so they are not in the table.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }

exec python3 - "$top" <<'END'
import ast, glob, os, re, sys

top = sys.argv[1]
STRING = r'"(?:[^"\\\n]|\\.)*"'
HOLE = "\0"


def parts_of_c(text):
    """Of literals; adjacent ones are one."""
    text = re.sub(r'"\s*\n\s*"', "", re.sub(r"/\*.*?\*/", "", text, flags=re.S))
    for found in re.findall(STRING, text):
        yield re.sub(r"%[a-z0-9*.]*[a-z]", HOLE, found[1:-1].replace('\\"', '"').replace("\\n", ""))


def calls(text, names):
    """The arguments of calls of these functions, up to the semicolon."""
    return re.findall(rf"\b(?:{names})\s*\(((?:[^;\"]|{STRING})*)\);", text)


def of_c(path):
    if path.endswith("/os/assert.c"):  # not compiled into released libraries
        return
    text = open(path).read()
    if "/kernel/" in path:
        for arguments in calls(text, "pr_err|pr_warn|pr_warn_ratelimited|pr_notice|pr_info|dev_info|dev_warn|dev_err"):
            yield from list(parts_of_c(arguments.replace("dev.this_device,", "")))[:1]
        return
    for arguments in calls(text, "die|complain|pn_line_text|pn_report_no_backend|append_figure|say"):
        yield from parts_of_c(arguments)
    yield from parts_of_c("\n".join(re.findall(rf"^\t\t\t?return (?:{STRING}\s*)+;", text, re.M)))


def of_shell(path):
    """By functions of these names, or echo to stderr, in one pair of quotes or several."""
    text = re.sub(r"\\\n\s*", " ", open(path).read())
    for line in re.findall(r"\b(?:(?:die|complain) |echo (?=.*>&2))(\"[^\n]*)", text):
        text = " ".join(found[1:-1] for found in re.findall(STRING, line)).replace('\\"', '"')
        yield re.sub(r"\$\{[^}]*\}|\$[A-Za-z0-9_*]+", HOLE, text)


def static_text(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(static_text(value) for value in node.values)
    if isinstance(node, ast.BinOp):
        return static_text(node.left) + static_text(node.right)
    return HOLE


TROUBLES = ("Trouble", "OtherVersion", "NotPermitted", "say")


def of_python(path):
    for node in ast.walk(ast.parse(open(path).read())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TROUBLES and node.args:
            yield static_text(node.args[0])
        if isinstance(node, ast.FunctionDef) and node.name in ("advice_on", "why_not"):
            for value in ast.walk(node):
                if isinstance(value, ast.Return) and value.value and not isinstance(value.value, ast.Constant):
                    yield static_text(value.value)


def messages():
    for path in sorted(glob.glob(f"{top}/src/kernel/*.[ch]") + glob.glob(f"{top}/src/lib/*/*.c") + glob.glob(f"{top}/src/shim/*.c")):
        yield from ((path, text) for text in of_c(path))
    for path in (f"{top}/src/tools/pinned-run", f"{top}/src/tools/system/set-reserve", f"{top}/dkms.conf"):
        yield from ((path, text) for text in of_shell(path))
    for path in [f"{top}/src/tools/pinnedctl", *sorted(glob.glob(f"{top}/src/tools/pinnedctl.d/*.py"))]:
        yield from ((path, text) for text in of_python(path))


def key(text):
    """The longest part that is always the same, if it tells anything."""
    part = max((part.strip(" :;,.()\"") for part in text.split(HOLE)), key=len)
    return part if len(part) > 5 and part != "pinned" else None


document = open(f"{top}/doc/administrators.md").read()
section = document.partition("## Troubleshooting by message")[2].partition("\n## ")[0]
rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|") and "`" in line]
keys = {}
for path, text in messages():
    if key(text):
        keys.setdefault(key(text), path)
bad = 0
for wanted, path in keys.items():
    if not any(wanted in row for row in rows):
        print(f"{os.path.relpath(path, top)}: no row for: {wanted}")
        bad += 1
for row in rows:
    if not any(wanted in row for wanted in keys):
        print(f"doc/administrators.md: nobody prints: {row}")
        bad += 1
print(f"{len(keys)} messages, {len(rows)} rows, {bad} failures")
sys.exit(bad > 0 or len(keys) < 60)
END
