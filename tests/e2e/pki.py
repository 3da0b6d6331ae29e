"""Certificates of every kind, good and faulty, made with the openssl program.

A trusted root with an intermediate, and a second root that nobody trusts.  leaf()
makes a key and a chain file for a name; KINDS lists what can be wrong with it.
digest() gives what a TLSA record says about it (RFC 6698, 2.1).
"""

import datetime
import hashlib
import os

from process import run

#        kind            issuer          days (from, to)  chain sent         name
KINDS = {
    "good":         ("intermediate", (-1, 90),   ["intermediate"], None),
    "expired":      ("intermediate", (-30, -1),  ["intermediate"], None),
    "not-yet":      ("intermediate", (30, 90),   ["intermediate"], None),
    "other-name":   ("intermediate", (-1, 90),   ["intermediate"], "other.example"),
    "expired-other-name":
                    ("intermediate", (-30, -1),  ["intermediate"], "other.example"),
    "no-chain":     ("intermediate", (-1, 90),   [],               None),
    "other-ca":     ("other",        (-1, 90),   [],               None),
    "private-ca":   ("other",        (-1, 90),   ["other"],        None),
    "self-signed":  (None,           (-1, 90),   [],               None),
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
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = optional
organizationName = optional
[req]
distinguished_name = none
[none]
[leaf]
basicConstraints = CA:false
keyUsage = digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = ${{ENV::SAN}}
[authority]
basicConstraints = critical,CA:true
keyUsage = keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""


def _date(days):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return when.strftime("%Y%m%d%H%M%SZ")


class Leaf:
    """chain_path holds the leaf and what is sent with it, key_path its key."""

    def __init__(self, chain_path, key_path):
        self.chain_path, self.key_path = chain_path, key_path


class Pki:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        for name in ("root", "intermediate", "other"):
            with open(self._path(name, "cnf"), "w") as f:
                f.write(CONFIG.format(folder=folder, name=name))
            open(self._path(name, "index"), "w").close()
        self._request("root", "", self_signed=True, extensions="authority")
        self._request("other", "", self_signed=True, extensions="authority")
        self._request("intermediate", "")
        self._sign("intermediate", "root", (-1, 3650), "authority", "")
        self.root_path = self._path("root", "pem")

    def _path(self, name, suffix):
        return os.path.join(self.folder, f"{name}.{suffix}")

    def _request(self, name, san, self_signed=False, extensions="leaf"):
        argv = ["openssl", "req", "-new", "-nodes", "-newkey", "ec",
                "-pkeyopt", "ec_paramgen_curve:P-256", "-config", self._path("root", "cnf"),
                "-subj", f"/O=Bench/CN={name}"[:60], "-keyout", self._path(name, "key")]
        if self_signed:
            argv += ["-x509", "-days", "3650", "-extensions", extensions,
                     "-out", self._path(name, "pem")]
        else:
            argv += ["-out", self._path(name, "csr")]
        run(*argv, env=dict(os.environ, SAN=san or "DNS:none.example"))

    def _sign(self, name, issuer, days, extensions, san):
        run("openssl", "ca", "-batch", "-notext",
            "-config", self._path(issuer, "cnf"), "-extensions", extensions,
            "-startdate", _date(days[0]), "-enddate", _date(days[1]),
            "-in", self._path(name, "csr"), "-out", self._path(name, "pem"),
            env=dict(os.environ, SAN=san or "DNS:none.example"))

    def leaf(self, kind, *names):
        """A new key and certificate of that kind for these names."""
        issuer, days, sent, other_name = KINDS[kind]
        name = names[0]
        san = ",".join("DNS:" + n for n in ([other_name] if other_name else names))
        self._request(name, san, self_signed=issuer is None)
        if issuer:
            self._sign(name, issuer, days, "leaf", san)
        with open(self._path(name, "chain"), "w") as chain:
            for part in [name] + sent:
                with open(self._path(part, "pem")) as f:
                    chain.write(f.read())
        return Leaf(self._path(name, "chain"), self._path(name, "key"))

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
