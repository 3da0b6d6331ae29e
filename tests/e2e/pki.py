"""Certificates of every kind, good and faulty, made with the openssl program.

A trusted root with an intermediate, and a second root that nobody trusts; other
authorities are made when a kind first needs them.  leaf() makes a key and a chain file
for a name; KINDS lists what can be wrong with it.  digest() gives what a TLSA record says
about it (RFC 6698, 2.1), make_crl() the list of what the intermediate revoked.
"""

import datetime
import hashlib
import os
import threading
from dataclasses import dataclass

from process import run


@dataclass(frozen=True)
class Kind:
    """What a leaf is like.  days: validity, from and to."""
    issuer: str = "intermediate"    # an authority; empty: itself
    days: tuple = (-1, 90)
    sent: tuple = ("intermediate",)     # behind the leaf
    name: str = "{host}"            # or {parent}, the name without its first label
    section: str = "leaf"           # of CONFIG
    digest: str = "sha256"
    key: str = "ec"
    is_revoked: bool = False
    is_stapled: bool = False


LAPSED = (-30, -1)
KINDS = {
    "good":         Kind(),
    "expired":      Kind(days=LAPSED),
    "not-yet":      Kind(days=(30, 90)),
    "other-name":   Kind(name="other.example"),
    "expired-other-name": Kind(days=LAPSED, name="other.example"),
    "no-chain":     Kind(sent=()),
    "other-ca":     Kind("other", sent=()),
    "private-ca":   Kind("other", sent=("other",)),
    "self-signed":  Kind("", sent=()),
    # Names.
    "cn-only":      Kind(section="leaf-cn"),
    "wildcard":     Kind(name="*.{parent}"),
    "wildcard-deep": Kind(name="*.{grandparent}"),
    "private-expired": Kind("other", LAPSED, sent=("other",)),
    # Paths.
    "expired-issuer": Kind("expired-ca", sent=("expired-ca",)),
    "cross-expired": Kind(sent=("intermediate", "cross")),
    "constrained":  Kind("constrained-ca", sent=("constrained-ca",)),
    "hidden-issuer": Kind("hidden-ca", sent=()),
    "hidden-issuer-url": Kind("hidden-ca", sent=(), section="leaf-url"),
    # Strength and purpose.
    "sha1":         Kind(digest="sha1"),
    "md5":          Kind("rsa-ca", sent=("rsa-ca",), digest="md5", key="rsa"),
    "rsa":          Kind(key="rsa"),
    "rsa1024":      Kind(key="rsa1024"),
    "client-only":  Kind(section="leaf-client"),
    # Revocation.  make_crl() knows nothing of what stapling-ca revoked.
    "revoked":      Kind(is_revoked=True),
    "stapled":      Kind("stapling-ca", sent=("stapling-ca",), section="leaf-staple",
                         is_stapled=True),
    "stapled-revoked": Kind("stapling-ca", sent=("stapling-ca",), is_revoked=True,
                            is_stapled=True),
    "no-staple":    Kind(section="leaf-staple"),
}


@dataclass(frozen=True)
class Authority:
    issuer: str = "root"            # empty: itself
    days: tuple = (-1, 3650)
    section: str = "authority"
    key: str = "ec"
    twin: str = ""                  # has this one's name and key


AUTHORITIES = {
    "root": Authority(""),
    "other": Authority(""),
    "intermediate": Authority(),
    "expired-ca": Authority(days=LAPSED),
    "constrained-ca": Authority(section="authority-constrained"),
    "hidden-ca": Authority(),
    "rsa-ca": Authority(key="rsa"),
    "stapling-ca": Authority(),
    "old-root": Authority(""),
    "cross": Authority("old-root", days=LAPSED, twin="root"),
}

KEYS = {
    "ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa": ("rsa", "-pkeyopt", "rsa_keygen_bits:2048"),
    "rsa1024": ("rsa", "-pkeyopt", "rsa_keygen_bits:1024"),
}

CONFIG = """
[ca]
default_ca = this
[this]
database = {folder}/{name}.index
rand_serial = yes
new_certs_dir = {folder}
certificate = {folder}/{name}.pem
private_key = {folder}/{name}.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = none
[any]
organizationName = optional
commonName = optional
[req]
distinguished_name = none
[none]
[leaf]
basicConstraints = CA:false
keyUsage = digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = ${{ENV::SAN}}
[leaf-cn]
basicConstraints = CA:false
extendedKeyUsage = serverAuth
[leaf-client]
basicConstraints = CA:false
extendedKeyUsage = clientAuth
subjectAltName = ${{ENV::SAN}}
[leaf-url]
basicConstraints = CA:false
extendedKeyUsage = serverAuth
subjectAltName = ${{ENV::SAN}}
authorityInfoAccess = caIssuers;URI:http://ca.example/hidden.der
[leaf-staple]
basicConstraints = CA:false
extendedKeyUsage = serverAuth
subjectAltName = ${{ENV::SAN}}
tlsfeature = status_request
[authority]
basicConstraints = critical,CA:true
keyUsage = keyCertSign,cRLSign
subjectKeyIdentifier = hash
[authority-constrained]
basicConstraints = critical,CA:true
keyUsage = keyCertSign,cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical,permitted;DNS:example.com
"""


def _date(days):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


class Leaf:
    """chain_path holds the leaf and what is sent with it, key_path its key."""

    def __init__(self, chain_path, key_path, staple_path=None):
        self.chain_path, self.key_path = chain_path, key_path
        self.staple_path = staple_path


class Pki:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        self._made = set()
        self._lock = threading.Lock()   # `openssl ca` keeps a file of what it signed
        for name in ("root", "intermediate", "other"):
            self._authority(name)
        self.root_path = self._path("root", "pem")

    def _path(self, name, suffix):
        return os.path.join(self.folder, f"{name}.{suffix}")

    def _authority(self, name):
        """Make it, unless it is there."""
        if name in self._made:
            return
        self._made.add(name)
        a = AUTHORITIES[name]
        with open(self._path(name, "cnf"), "w") as f:
            f.write(CONFIG.format(folder=self.folder, name=name))
        open(self._path(name, "index"), "w").close()
        if a.issuer:
            self._authority(a.issuer)
            self._request(name, "", a.key, twin=a.twin)
            self._sign(name, a.issuer, a.days, a.section, "")
        else:
            self._request(name, "", a.key, a.section)

    def _request(self, name, san, key="ec", section="", twin=""):
        """A key and its request, or with a section a certificate that signs itself.

        The key is new, unless twin has it already.
        """
        argv = ["openssl", "req", "-new", "-config", self._path("root", "cnf"),
                "-subj", f"/O=Bench/CN={twin or name}"[:60]]
        if twin:
            argv += ["-key", self._path(twin, "key")]
        else:
            argv += ["-nodes", "-newkey", *KEYS[key], "-keyout", self._path(name, "key")]
        if section:
            argv += ["-x509", "-days", "3650", "-extensions", section,
                     "-out", self._path(name, "pem")]
        else:
            argv += ["-out", self._path(name, "csr")]
        run(*argv, env=self._environment(san))

    def _sign(self, name, issuer, days, section, san, digest="sha256"):
        run("openssl", "ca", "-batch", "-notext", "-md", digest,
            "-config", self._path(issuer, "cnf"), "-extensions", section,
            "-startdate", _date(days[0]), "-enddate", _date(days[1]),
            "-in", self._path(name, "csr"), "-out", self._path(name, "pem"),
            env=self._environment(san))

    def _environment(self, san=""):
        return dict(os.environ, SAN=san or "DNS:none.example")

    def leaf(self, kind, *hosts, days=None, file=None):
        """A new key and certificate of that kind, for these hosts and days."""
        with self._lock:
            return self._leaf(KINDS[kind], hosts, days, file or hosts[0])

    def _leaf(self, k, hosts, days, name):
        parents = [h.partition(".")[2] for h in hosts]
        san = ",".join("DNS:" + k.name.format(host=h, parent=p,
                                              grandparent=p.partition(".")[2])
                       for h, p in zip(hosts, parents))
        for authority in (k.issuer, *k.sent):
            if authority:
                self._authority(authority)
        self._request(name, san, k.key, "" if k.issuer else k.section)
        if k.issuer:
            self._sign(name, k.issuer, days or k.days, k.section, san, k.digest)
        if k.is_revoked:
            run("openssl", "ca", "-config", self._path(k.issuer, "cnf"), "-revoke",
                self._path(name, "pem"), env=self._environment())
        with open(self._path(name, "chain"), "w") as chain:
            for part in (name, *k.sent):
                with open(self._path(part, "pem")) as f:
                    chain.write(f.read())
        return Leaf(self._path(name, "chain"), self._path(name, "key"),
                    self._staple(name, k.issuer) if k.is_stapled else None)

    def _staple(self, name, issuer):
        """What the issuer says of a leaf, in a file (RFC 6960)."""
        ca = self._path(issuer, "pem")
        run("openssl", "ocsp", "-index", self._path(issuer, "index"), "-CA", ca,
            "-rsigner", ca, "-rkey", self._path(issuer, "key"), "-issuer", ca,
            "-cert", self._path(name, "pem"), "-ndays", "7",
            "-respout", self._path(name, "ocsp"))
        return self._path(name, "ocsp")

    def make_crl(self):
        """The path of a list of what the intermediate has revoked until now."""
        path = self._path("intermediate", "crl")
        run("openssl", "ca", "-gencrl", "-config", self._path("intermediate", "cnf"),
            "-out", path, env=self._environment())
        return path

    def digest(self, name, selector, matching):
        """Hex of a TLSA record's last field for the certificate made for name."""
        pem = self._path(name, "pem")
        if selector == 1:
            key = self._path(name, "spki")
            run("openssl", "x509", "-in", pem, "-noout", "-pubkey", "-out", key)
            der = ["openssl", "pkey", "-pubin", "-in", key, "-outform", "DER", "-out"]
        else:
            der = ["openssl", "x509", "-in", pem, "-outform", "DER", "-out"]
        run(*der, self._path(name, "der"))
        with open(self._path(name, "der"), "rb") as f:
            octets = f.read()
        if matching == 0:
            return octets.hex()
        return hashlib.new({1: "sha256", 2: "sha512"}[matching], octets).hexdigest()
