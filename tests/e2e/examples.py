"""The examples of README, docs and manuals: where they stand, what they are, and whether
output that they show has the shape of the real one.

In Markdown an example is indented by four; in mdoc it is a literal display or a .Dl line.
"""

import collections
import glob
import os
import re

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGES = ("README.md", "docs/*.md", "conf/*/README.md", "docs/*.[158]")
ASSIGNMENT = re.compile(r"([a-z0-9_]+) =(?!\S)")
RULE = re.compile(r"\S+\s+(?:in|out)\s+[a-z_]+=")
LOG_LINE = re.compile(r"postfix/\w+\[\d+\]: |(?:warning|error): ")
PROMPT = re.compile(r"[#$] (?=(?:build/)?hopseal |dig |grep )")

Example = collections.namedtuple("Example", "page line text")


def all_examples():
    for path in sorted(p for page in PAGES for p in glob.glob(page, root_dir=TOP)):
        with open(os.path.join(TOP, path)) as f:
            text = f.read()
        yield from (markdown if path.endswith(".md") else mdoc)(path, text)


def markdown(page, text):
    for block in re.finditer(r"(?<=\n\n)(?:    .*\n(?:\n+(?=    ))?)+", text):
        yield Example(page, text.count("\n", 0, block.start()) + 1,
                      re.sub(r"^    ", "", block[0], flags=re.M).rstrip("\n"))


def mdoc(page, text):
    for block in re.finditer(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed|^\.Dl (.*)", text, re.M):
        yield Example(page, text.count("\n", 0, block.start()) + 1,
                      (block[1] or block[2]).replace("\\&", "").strip('"\n'))


def logical_lines(text):
    """Without comments, and with lines that begin with a blank in the one before."""
    lines = []
    for line in text.splitlines():
        if line[:1].isspace() and lines:
            lines[-1] += "\n" + line
        elif line and not line.startswith("#"):
            lines.append(line)
    return lines


def kind(text, options):
    """hopseal.conf, main.cf, rules, log, dialogue, json or commands."""
    if text.startswith("{"):
        return "json"
    if PROMPT.match(text):
        return "dialogue"
    lines = logical_lines(text)
    if all(ASSIGNMENT.match(line) for line in lines):
        return "hopseal.conf" if {ASSIGNMENT.match(line)[1] for line in lines} <= options \
            else "main.cf"
    if all(map(RULE.match, lines)):
        return "rules"
    return "log" if all(map(LOG_LINE.match, lines)) else "commands"


def dialogue(text):
    """[(command, lines that it wrote)]"""
    parts = []
    for line in text.splitlines():
        if m := PROMPT.match(line):
            parts.append((line[m.end():], []))
        else:
            parts[-1][1].append(line)
    return parts


def shape(line):
    """A pattern: any number for a number, any time for a time, anything for "..."."""
    line = re.sub(r"\b[0-9a-f]{16}\b", "0", line)
    line = re.sub(r"\b\d+(?:\.\d+)?(?:ms|[smhdw])\b(?: \d+[smhd]\b)*", "0", line.strip())
    line = re.sub(r"\s+", " ", re.sub(r"[0-9]+(?:\.[0-9]+)*", "0", line))
    return re.compile(".*".join(map(re.escape, line.split("..."))) + "$")


def difference(shown, real):
    """The first line of shown that does not come in real, in its place; "" for none.

    A line "..." stands for any, and so does what is missing at the end.
    """
    plain = [shape(line).pattern[:-1].replace("\\", "") for line in real if line.strip()]
    at, is_free = 0, False
    for line in filter(str.strip, shown):
        if line.strip() == "...":
            is_free = True
            continue
        until = len(plain) if is_free else at + 1
        found = next((i for i in range(at, min(until, len(plain)))
                      if shape(line).match(plain[i])), None)
        if found is None:
            return line
        at, is_free = found + 1, False
    return ""
