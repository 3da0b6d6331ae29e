"""What Postfix's settings need, so that it asks Hopseal.

lines() is pure: settings in, commands and advice for a person out.  read() asks
postconf.  Nothing is changed here.
"""

import re
import shlex
import subprocess

PARAMETERS = (
    "mail_version", "smtp_dns_support_level", "smtp_tls_CAfile", "smtp_tls_CApath",
    "smtp_tls_loglevel", "smtp_tls_policy_maps", "smtp_tls_security_level",
    "smtpd_milters", "smtpd_recipient_restrictions",
    "smtpd_relay_before_recipient_restrictions", "smtpd_tls_loglevel",
    "tls_append_default_CA", "smtp_tls_dane_insecure_mx_policy",
)
# Lists are the operator's text: shown as written, with their $names.
AS_WRITTEN = ("smtp_tls_policy_maps", "smtpd_recipient_restrictions", "smtpd_milters")
# Overridden in a service of master.cf these no longer follow main.cf.
OURS = ("smtp_tls_policy_maps", "smtp_tls_security_level", "smtp_dns_support_level",
        "smtpd_recipient_restrictions", "smtpd_milters")
CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/cert.pem")
NO_MAIN_CF = "no main.cf"       # no parameter has a blank in its name
OLDEST, NEWEST = (3, 4), (3, 12)
# From these on smtp_tls_dane_insecure_mx_policy is right by default.
DANE_FIXED = {(3, 6): 17, (3, 7): 13, (3, 8): 8, (3, 9): 2}


def postconf(*arguments):
    done = subprocess.run(["postconf", *arguments], capture_output=True, text=True)
    found = dict(line.partition(" =")[::2] for line in done.stdout.splitlines())
    return {name: value.strip() for name, value in found.items()}


def read():
    """This host's settings, and master.cf's overrides as {"service/type/name": value}.

    Both empty without Postfix; without main.cf the settings are its defaults."""
    try:
        settings = postconf("-x", *PARAMETERS)
        if settings:
            return {**settings, **postconf(*AS_WRITTEN)}, postconf("-P")
        return {**postconf("-d", "-x", *PARAMETERS), NO_MAIN_CF: "yes"}, {}
    except FileNotFoundError:
        return {}, {}


def version_of(settings):
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", settings.get("mail_version", ""))
    return tuple(int(n or 0) for n in found.groups()) if found else (*OLDEST, 0)


def policy_service(access):
    return f"check_policy_service {{ {access}, timeout=10s, default_action=DUNNO }}"


def milter_service(milter):
    return (f"{{ {milter}, default_action=accept, connect_timeout=2s, "
            "command_timeout=5s }")


def in_front(service, endpoint, list_):
    """The operator's list with ours before it; as it is when we are in it."""
    if endpoint in list_:
        return list_
    return ", ".join(part for part in (service, list_) if part)


def services(access, milter):
    """{list: (our entry, its endpoint)}; without a milter one less."""
    found = {"smtpd_recipient_restrictions": (policy_service(access), access)}
    if milter:
        found["smtpd_milters"] = (milter_service(milter), milter)
    return found


def own_tables(settings):
    """The operator's own: they stay, in front; other TLS policy services go."""
    return [table for table in re.split(r"[\s,]+", settings.get("smtp_tls_policy_maps", ""))
            if table and not table.startswith("socketmap:")]


def dane_needs_a_word(settings, version):
    series, patch = version[:2], version[2]
    return (settings.get("smtp_tls_security_level") != "dane" and series < (3, 10) and
            patch < DANE_FIXED.get(series, patch + 1))


def wanted(settings, map_, access, milter):
    """{name: value} of what main.cf should say; what it says already is left out."""
    version = version_of(settings)
    name = "QUERYwithTLSRPT" if version >= (3, 10) else "QUERY"
    want = {
        "smtp_tls_policy_maps": ", ".join([*own_tables(settings),
                                           f"socketmap:{map_}:{name}"]),
        "smtp_dns_support_level": "dnssec",
    }
    if settings.get("smtp_tls_security_level", "") in ("", "none"):
        want["smtp_tls_security_level"] = "may"
    if dane_needs_a_word(settings, version):
        want["smtp_tls_dane_insecure_mx_policy"] = "dane"
    if not (settings.get("smtp_tls_CAfile") or settings.get("smtp_tls_CApath") or
            settings.get("tls_append_default_CA") == "yes"):
        want["smtp_tls_CAfile"] = CA_FILES[0]
    for name, (service, endpoint) in services(access, milter).items():
        want[name] = in_front(service, endpoint, settings.get(name, ""))
    if version >= (3, 6):
        want["smtpd_relay_before_recipient_restrictions"] = "yes"
    for log in ("smtp_tls_loglevel", "smtpd_tls_loglevel"):
        if settings.get(log, "0") == "0":
            want[log] = "1"
    return {n: v for n, v in want.items() if settings.get(n) != v}


def lines(settings, overrides, map_, access, milter):
    """Commands and remarks ("# ...") in the order in which a person needs them."""
    version = version_of(settings)
    if not OLDEST <= version[:2] <= NEWEST:
        yield f"# Postfix {settings.get('mail_version', '?')}: tried are 3.4 to 3.12."
    if NO_MAIN_CF in settings:
        yield "# It has no main.cf yet: write one first, this is what it needs then."
    want, lists = wanted(settings, map_, access, milter), services(access, milter)
    for name, value in want.items():
        if name == "smtpd_milters":
            yield "# Never in non_smtpd_milters: nobody would hear why a mail is refused."
        yield f"postconf -e {shlex.quote(f'{name} = {value}')}"
    for place, value in sorted(overrides.items()):
        service, type_, name = place.split("/", 2) if place.count("/") == 2 else ("",) * 3
        ours, endpoint = lists.get(name, ("", ""))
        # Milters are emptied on purpose, for what comes back from a content filter.
        if name not in OURS or (name == "smtpd_milters" and not (ours and value)) or (
                ours and endpoint in value):
            continue
        yield f"# In master.cf {service}/{type_} has its own {name}; there write"
        if ours:
            yield f"#     -o {{ {name} = {in_front(ours, endpoint, value)} }}"
        else:
            yield f"#     -o {name}={want.get(name, settings.get(name, ''))}"
            yield "# or remove it."
    if want:
        yield "postfix reload"


def undo(settings):
    """The command that leaves Postfix without us."""
    tables = ", ".join(own_tables(settings))
    return (f"postconf -e {shlex.quote(f'smtp_tls_policy_maps = {tables}')}" if tables
            else "postconf -X smtp_tls_policy_maps")
