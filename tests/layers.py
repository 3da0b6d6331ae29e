"""Which way the code may depend (docs/architecture.md): symbols and includes.

check() yields pairs of a rule and the lines that break it.
"""

import glob
import os
import re
import subprocess

PURE = ("shared", "shared/policy", "shared/postfix", "shared/tlsrpt")

# What a pure module never calls: sockets, files, clocks, the environment, logs,
# threads, processes, and the libraries of others.
IMPURE = re.compile(r"""
    socket | socketpair | connect | bind | listen | accept4? | shutdown
  | send(to|msg)? | recv(from|msg)? | [gs]etsockopt | getaddrinfo | poll | select | epoll_.*
  | open(at)? | creat | read | write | pread | pwrite | readv | writev | close | fcntl
  | fopen | fdopen | freopen | fread | fgets | getline | fwrite | unlink | rename | mkdir
  | stat | fstat | lstat | access | opendir
  | time | clock | clock_gettime | gettimeofday | localtime(_r)? | mktime | nanosleep | sleep
  | getenv | secure_getenv | setenv | setlocale
  | syslog | openlog | printf | puts | perror | fork | exec.* | system | popen | kill
  | signal | sigaction | rand | srand | random | arc4random.* | getrandom
  | pthread_.* | mtx_.* | thrd_.* | event_.* | evutil_.* | bufferevent_.* | redis.*
  | smfi_.* | curl_.* | ub_.* | SSL_.*
""", re.X)

# A header of a library, and whose it is.
OWNERS = {
    "event2/": ("policyd/", "milter/cache_wait.c", "shared/io/redis_link"),
    "hiredis/": ("shared/io/redis_",),
    "libmilter/": ("milter/",),
    "unbound": ("policyd/scout/",),
    "curl/": ("policyd/scout/",),
    "openssl/": ("policyd/scout/", "shared/policy/cert_check"),
    "seccomp.h": ("policyd/",),
    "sys/capability.h": ("policyd/privileges.c",),
    "jansson.h": ("policyd/clerk/", "milter/", "ctl/", "shared/tlsrpt/", "shared/ct_list.c"),
    "zlib.h": ("shared/tlsrpt/", "policyd/clerk/ledger/log_follow.c"),
    "pthread.h": ("milter/", "policyd/scout/", "shared/io/disk_sync.c"),
}

PROGRAMS = ("policyd", "milter", "ctl")
PROCESSES = ("front", "scout", "clerk")


def check(build):
    objects = [path for folder in PURE for path in glob.glob(f"{build}/{folder}/*.o")]
    yield "there are pure objects", [] if objects else [f"none in {build}"]
    yield "pure modules call nothing with effects", list(impure_calls(objects))
    yield "pure modules have no mutable state", list(mutable_state(objects))
    yield "includes go the right way", list(wrong_includes())
    yield "each library has its owner", list(strange_libraries())


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def impure_calls(objects):
    for path in objects:
        for line in output("nm", "-u", path).splitlines():
            symbol = line.split()[-1]
            # glibc's other spellings: __read_chk, __isoc99_sscanf, open64
            plain = re.sub(r"^__(isoc\d+_)?|(_chk|_2|64)$", "", symbol)
            if IMPURE.fullmatch(plain):
                yield f"{path}: {symbol}"


def mutable_state(objects):
    for path in objects:
        for line in output("objdump", "-t", path).splitlines():
            if re.search(r"\s(\.data|\.t?bss|\*COM\*)\s", line) and " O " in line:
                yield f"{path}: {line.split()[-1]}"


def includes(opening):
    """Pairs of a source file and a header that it includes, by its first character."""
    for folder in ("shared", *PROGRAMS):
        for root, _, names in os.walk(folder):
            for name in sorted(n for n in names if n.endswith((".c", ".h"))):
                path = os.path.join(root, name)
                with open(path) as f:
                    for header in re.findall(rf'^#include [{opening}]([^">]+)', f.read(),
                                             re.M):
                        yield path, header


def wrong_includes():
    for path, header in includes('"'):
        source, target = path.split("/"), header.split("/")
        if target[0] not in ("shared", *PROGRAMS):
            why = "not a path from the top"
        elif target[0] != "shared" and target[0] != source[0]:
            why = f"{source[0]} knows nothing of {target[0]}"
        elif header.startswith("shared/io/") and os.path.dirname(path) in PURE:
            why = "pure modules know no I/O"
        elif source[1] in PROCESSES and target[1] in PROCESSES and source[1] != target[1]:
            why = f"the {source[1]} knows nothing of the {target[1]}"
        else:
            continue
        yield f"{path}: {header}: {why}"


def strange_libraries():
    for path, header in includes("<"):
        for library, owners in OWNERS.items():
            if header.startswith(library) and not path.startswith(owners):
                yield f"{path}: {header}: belongs to {', '.join(owners)}"
