"""The manuals: well-formed, and of one mind with the programs about options, commands
and log lines.

check() yields pairs of a rule and the lines that break it.
"""

import glob
import os
import re
import shlex
import subprocess

SAMPLE, MANUAL = "conf/hopseal.conf", "hopseal.conf.5"
COMMANDS = "docs/hopseal.1"
RULES, RULE_WORDS = "docs/hopseal-rules.5", "shared/policy/domain_rule_line.c"
SEVERAL = "docs/several-hosts.md"
FINDINGS, FINDING_TABLE = "docs/findings.md", "shared/policy/finding.c"
CACHE, API = "docs/cache.md", "docs/api.md"
TROUBLES = "docs/troubleshooting.md"
PROGRAMS = ("policyd", "milter", "shared")
# Names of other programs, and attributes of Postfix that the code spells in parts.
OTHERS = {"ccert_issuer", "ccert_subject", "encryption_protocol", "epoll_ctl", "s_time",
          "strict_testing", "used_memory"}


def check(build):
    """The manuals are those that make has made of their sources below build/man."""
    for page in sorted(glob.glob(os.path.join(build, "man/*.[158]"))):
        yield f"mandoc -T lint {os.path.basename(page)}", lint(page)
    done = subprocess.run([os.path.join(build, "hopseal-policyd"), "-d"],
                          capture_output=True, text=True)
    table = dict(line.partition(" = ")[::2] for line in done.stdout.splitlines())
    yield "hopseal-policyd -d prints options", [] if table else [done.stderr]
    yield f"{SAMPLE} has the options and their defaults", list(differences(table, sample()))
    yield f"{MANUAL} has the options and their defaults", list(
        differences(table, manual(os.path.join(build, "man", MANUAL))))
    yield f"{COMMANDS} has the commands and their options", list(
        missing_commands(os.path.join(build, "hopseal")))
    yield f"{RULES} has the words of rules", list(rule_differences())
    yield "examples use commands and options that exist", list(
        wrong_examples(os.path.join(build, "hopseal")))
    yield "options, settings and members are there under their names", list(unknown_names())
    yield "examples are indented, as the tests look for them", [
        path for path, text in pages() if "\n```" in text]
    yield "links lead somewhere", list(dead_links())
    yield f"{FINDINGS} has the findings and their result-types", list(finding_differences())
    yield f"{CACHE} has the keys of Redis", list(unknown_keys())
    yield f"{API} has the paths", list(path_differences())
    yield f"{SEVERAL} grants each command of Redis", list(missing_rights())
    yield f"{TROUBLES} has each warning and error", list(log_differences())


def lint(page):
    """Complaints, but for the index of this host's manuals and what it lacks."""
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", page],
                          capture_output=True, text=True)
    with open(page) as f:
        ours = re.findall(r"^\.Xr (hopseal\S*) (\d)", f.read(), re.M)
    return [line for line in (done.stdout + done.stderr).splitlines()
            if "referenced manual not found" not in line and "mandoc.db" not in line
            ] + [f"{page}: there is no {name}({section})" for name, section in ours
                 if not os.path.exists(f"docs/{name}.{section}")]


def sample():
    """Options stand behind a "#" without a blank."""
    with open(SAMPLE) as f:
        return dict(re.findall(r"^#([a-z0-9_]+) =[ ]?(.*)$", f.read(), re.M))


def manual(path):
    """.It Cm NAME No = SYNTAX, and behind it Pq VALUE when the default is not empty."""
    with open(path) as f:
        return dict(re.findall(r"^\.It Cm ([a-z0-9_]+) No = .*?(?: Pq (.*))?$", f.read(),
                               re.M))


def differences(table, other):
    for name in sorted(table.keys() | other.keys()):
        if name not in other:
            yield f"{name}: missing"
        elif name not in table:
            yield f"{name}: there is no such option"
        elif table[name].strip() != other[name].strip():
            yield f"{name}: default is {table[name]!r}, not {other[name]!r}"


def pages():
    """(path, text) of all that people read."""
    for path in ["README.md", *sorted(glob.glob("docs/*.md")), "conf/postfix/README.md",
                 *sorted(glob.glob("docs/*.[158]"))]:
        with open(path) as f:
            yield path, f.read()


def missing_commands(program):
    """What --help names and the manual does not; -c, -o and --json are of all commands."""
    with open(COMMANDS) as f:
        page = f.read()
    ask = lambda *words: subprocess.run([program, *words], capture_output=True,
                                        text=True).stdout
    for command in re.findall(r"^  ([a-z]+) ", ask("--help"), re.M):
        if not re.search(rf"^\.(?:It )?Cm {command}\b", page, re.M):
            yield command
        for option in re.findall(r"\[--([-a-z0-9]+)", ask(command, "--help")):
            if not re.search(rf"(?:Fl|\|) -{option}\b", page) and option != "warn":
                yield f"{command} --{option}"


def rule_differences():
    with open(RULES) as f:
        page = f.read()
    with open(RULE_WORDS) as f:
        words = set(re.findall(r'^\t\[OPTION_\w+\] =\t\{ "(\w+)"', f.read(), re.M))
    named = set(re.findall(r"\w+", " ".join(re.findall(r"^\.(?:It )?Cm (.*)", page, re.M))))
    return words - named | set(re.findall(r"^\.It Cm (\w+)", page, re.M)) - words


def wrong_examples(program):
    """Calls of hopseal: a line of their own, `...` in a text, .Dl and .Dq in mdoc."""
    helps = {}
    for path, text in pages():
        for call in re.findall(
                r"^(?:\.D[lq] |    +)(?:[#$] )?(?:[^\n#|]*\| )?(?:build/)?hopseal ([^\n]*)"
                r"|`hopseal ([^`]*)`", text, re.M):
            call = "".join(call)
            if not re.match(r"[-a-z]", call):
                continue
            words = command_words(call)
            if words and words[0] not in helps:
                done = subprocess.run([program, words[0], "--help"], capture_output=True,
                                      text=True)
                helps[words[0]] = done.stdout if done.returncode == 0 else None
            if words and (why := misuse(words, helps[words[0]])):
                yield f"{path}: hopseal {call}: {why}"


def command_words(call):
    """The command and what follows it, without the options that all commands take."""
    words = shlex.split(re.split(r"[|>;]", call)[0], comments=True)
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in ("-c", "-o") else 1:]
    return words


def misuse(words, help_):
    if help_ is None:
        return "there is no such command"
    for option in (w.split("=")[0] for w in words if w.startswith("--")):
        if option not in ("--", "--json", "--help") and not re.search(
                re.escape(option) + r"\b", help_):
            return f"there is no {option}"
    if words[0] == "lint" and words[1:] and words[1].islower() and not re.search(
            rf"\b{re.escape(words[1])}\b", help_):
        return f"there is no {words[1]}"
    return ""


def unknown_names():
    """Words with an underscore, set as code, that neither our programs nor Postfix write."""
    names = {word for path in sources("ctl") for literal in literals(path, "")
             for word in re.findall(r"[a-z0-9_]+", literal)}
    done = subprocess.run(["postconf", "-d"], capture_output=True, text=True)
    names |= OTHERS | set(re.findall(r"^\w+", done.stdout, re.M))
    for path, text in pages():
        code = (r"`([^`\n]+)`" if path.endswith(".md")
                else r"^\.(?:It )?(?:Cm|Ic|Li|Dq|Ql) (.*)$")
        for words in re.findall(code, text, re.M):
            for name in re.findall(r"(?<![\w/.{$&-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w/.])",
                                   words):
                if name not in names:
                    yield f"{path}: {name}"


def dead_links():
    """Files, and headings in them, that a page names and that are not there."""
    texts = dict(pages())
    for path, text in texts.items():
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text):
            if path.endswith(".md") and "://" not in target:
                place = os.path.normpath(os.path.join(os.path.dirname(path), target)
                                         if target else path)
                if not os.path.exists(place):
                    yield f"{path}: there is no {target}"
                elif anchor and anchor not in anchors(texts.get(place, "")):
                    yield f"{path}: {target} has no #{anchor}"


def anchors(text):
    """As those who show Markdown make them of headings."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def finding_differences():
    with open(FINDING_TABLE) as f:
        table = {(name, type_ or "") for name, type_ in re.findall(
            r'\] = \{ "([-a-z]+)",\s+(?:NULL|"([-a-z0-9]+)")', f.read())}
    with open(FINDINGS) as f:
        rows = {(name, type_) for name, type_ in re.findall(
            r"^\| `([-a-z]+)` \|.*\| `?([-a-z]*)`? ?\|$", f.read().partition("## ")[0], re.M)}
    return table ^ rows


def unknown_keys():
    with open(CACHE) as f:
        page = f.read()
    for path in sources():
        for literal in literals(path, ""):
            key = re.match(r"hopseal:[a-z]+(?=[:{%]|$)", literal)
            if key and key[0] not in page + "hopseal:postfix":      # owner and group
                yield f"{path}: {key[0]}"


def path_differences():
    with open(API) as f:
        named = set(re.findall(r"/api/v1/\w+", f.read()))
    return named ^ {literal for path in glob.glob("policyd/clerk/http/http_*.c")
                    for literal in literals(path, "") if re.fullmatch(r"/api/v1/\w+", literal)}


def missing_rights():
    """Commands are arrays of words: const char *words[] = { "SET", ... }."""
    with open(SEVERAL) as f:
        rights = set(re.findall(r" \+([a-z]+)", f.read()))
    for path in sources():
        with open(path) as f:
            text = f.read()
        if "redis_link" in text:
            for command in re.findall(r'\*\w+\[\] = \{\s*"([A-Z]+)"', text):
                if command != "AUTH" and command.lower() not in rights:
                    yield f"{path}: {command}"


def log_differences():
    """Entries are "- `WORDS...`", with the words of the line up to its first value."""
    with open(TROUBLES) as f:
        entries = re.findall(r"^- `(.*?)`", f.read(), re.M)
    lines = dict(log_lines())
    for line, path in sorted(lines.items()):
        if not any(entry.startswith(line) for entry in entries):
            yield f"{path}: no entry begins with: {line}"
    words = {literal for path in sources() for literal in literals(path, "")}
    for entry in entries:       # one that begins with a value has its first words in a table
        if not any(entry.startswith(line) for line in lines) and (
                entry.partition(":")[0] not in words):
            yield f"no program writes: {entry}"


def log_lines():
    """(words, file) of each warning and error that does not begin with a value."""
    for path in sources():
        for format_ in literals(path, r"\blog_(?:warn|error)\b[^;\"{}]*\(\s*"):
            if words := format_.partition("%")[0].strip():
                yield words, path


def sources(*more):
    return (path for folder in PROGRAMS + more
            for path in sorted(glob.glob(f"{folder}/**/*.c", recursive=True)))


def literals(path, before):
    """Each string that stands behind the pattern before."""
    with open(path) as f:
        text = f.read()
    part = r'"(?:[^"\\\n]|\\.)*"'
    for found in re.findall(before + rf"((?:{part}\s*)+)", text):
        yield "".join(p[1:-1] for p in re.findall(part, found))
