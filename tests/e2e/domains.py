"""The table of domains: what each publishes, and what must come of a mail to it.

Expectations follow RFC 8461 (MTA-STS), RFC 7672 (DANE for SMTP) and the rule that a
policy which cannot be had, with none cached, stops no mail.  Where a domain has a
fault that Postfix would only mind under a policy, the mail's fate shows whether one
was applied.  Postfix's own level is `may`, so NOTFOUND means opportunistic TLS.
"""

import re

from domain import (BOUNCED, DANE, DANE_ONLY, DEFERRED, NOTFOUND, TEMP, Domain, Expect,
                    Host, Policy, secure, secure_tlsrpt, testing_tlsrpt)

VERIFIED = "Verified TLS connection established to"
UNTRUSTED = "Untrusted TLS connection established to"
NOT_VERIFIED = "Server certificate not verified"
MAP_SAYS_TEMP = "client TLS configuration problem"

ENFORCED = {"mta_sts.state": "present", "mta_sts.mode": "enforce", "dane.state": "none"}
NO_STS = {"mta_sts.state": "absent", "dane.state": "none"}


def enforced(fate="sent", reason="", log="", explain={}, **more):
    """What is expected where the MTA-STS policy decides."""
    return Expect(fate, reason, log or (VERIFIED if fate == "sent" else ""),
                  query=secure, tlsrpt=secure_tlsrpt, explain={**ENFORCED, **explain},
                  **more)


def opportunistic(explain=NO_STS, log=UNTRUSTED, **more):
    """No policy applies; the host's certificate is bad, and the mail flows."""
    return Expect(log=log, explain=explain, **more)


def dane(answer=DANE_ONLY, state="usable-all", fate="sent", reason="", log=VERIFIED, **more):
    """DANE decides."""
    explain = {"dane.state": state, **more.pop("explain", {})}
    return Expect(fate, reason, log, query=answer, explain=explain, **more)


# What says nothing about TLS.
UNKNOWN = {"verdict": "unknown"}
BAD = (Host(cert="expired"),)
EE = ("3 1 1 key",)
TA = ("2 0 1 ca",)
STRICT = "strict=yes"

# MTA-STS enforce; what the MX hosts do.
ENFORCE = [
    Domain("enf-good.test", enforced(), policy=Policy(),
           other_keys=("ENF-Good.Test", "enf-good.test."),
           expect_dane_off=enforced(explain={"dane.state": "off"})),
    Domain("enf-signed.test", enforced(), zone="signed", policy=Policy()),
    Domain("enf-expired.test",
           enforced(DEFERRED, NOT_VERIFIED, "certificate has expired",
                    finding="cert-expired"),
           hosts=BAD, policy=Policy()),
    Domain("enf-notyet.test",
           enforced(DEFERRED, NOT_VERIFIED, "certificate not yet valid",
                    finding="cert-not-yet-valid"),
           hosts=(Host(cert="not-yet"),), policy=Policy()),
    Domain("enf-othername.test", enforced(DEFERRED, NOT_VERIFIED, "hostname mismatch",
                    finding="cert-name-mismatch"),
           hosts=(Host(cert="other-name"),), policy=Policy()),
    Domain("enf-selfsigned.test",
           enforced(DEFERRED, NOT_VERIFIED, "self-signed certificate",
                    finding="cert-self-signed"),
           hosts=(Host(cert="self-signed"),), policy=Policy()),
    Domain("enf-otherca.test", enforced(DEFERRED, NOT_VERIFIED, "untrusted issuer",
                    finding="cert-untrusted"),
           hosts=(Host(cert="other-ca"),), policy=Policy()),
    Domain("enf-nochain.test", enforced(DEFERRED, NOT_VERIFIED, "untrusted issuer",
                    finding="cert-chain-incomplete"),
           hosts=(Host(cert="no-chain"),), policy=Policy()),
    Domain("enf-nostarttls.test",
           enforced(DEFERRED, "TLS is required, but was not offered",
                    finding="starttls-missing"),
           hosts=(Host(fault="no-starttls"),), policy=Policy(), counts_twice=True),
    Domain("enf-454.test", enforced(DEFERRED, "refused to start TLS: 454",
                                    finding="starttls-refused"),
           hosts=(Host(fault="refuse-starttls"),), policy=Policy(), counts_twice=True),
    Domain("enf-garbage.test", enforced(DEFERRED, "handshake failure",
                                        finding="handshake-failed"),
           hosts=(Host(fault="garbage"),), policy=Policy(), counts_twice=True),
    Domain("enf-drop.test", enforced(DEFERRED, "handshake failure", "SSL_connect error",
                                     finding="handshake-failed"),
           hosts=(Host(fault="drop"),), policy=Policy(), counts_twice=True),
    # Permitted by smtp_tls_mandatory_protocols, refused by OpenSSL 3 where Postfix verifies.
    *(Domain(f"enf-{name}.test",
             enforced(DEFERRED, "handshake failure", finding="handshake-failed",
                      words=f"TLS handshake failed: {version} at best, "
                            r"Postfix verifies from TLSv1\.2 on"),
             hosts=(Host(fault=fault),), policy=Policy(), counts_twice=True)
      for name, fault, version in (("tls10", "tls1.0", "TLSv1"),
                                   ("tls11", "tls1.1", r"TLSv1\.1"))),
    Domain("enf-weak-ciphers.test", enforced(DEFERRED, "handshake failure",
                                             finding="cipher-weak"),
           hosts=(Host(fault="weak-ciphers"),), policy=Policy()),
    # Postfix drops what came in clear.
    Domain("enf-inject.test", enforced(explain=UNKNOWN), hosts=(Host(fault="inject"),),
           policy=Policy()),
    Domain("strict-inject.test",
           enforced(explain={"verdict": "undeliverable"}, finding="starttls-injection"),
           hosts=(Host(fault="inject"),), policy=Policy(), rule=STRICT, counts_twice=True),
    Domain("enf-closed.test", enforced(DEFERRED, "Connection refused", explain=UNKNOWN),
           hosts=(Host(fault="closed"),), policy=Policy()),
    Domain("enf-tarpit.test",
           enforced(DEFERRED, "timed out while receiving the initial server greeting",
                    explain=UNKNOWN),
           hosts=(Host(fault="tarpit"),), policy=Policy()),
    Domain("enf-slow.test", enforced(), hosts=(Host(fault="slow-banner"),),
           policy=Policy()),
    Domain("enf-notmx.test",
           enforced(DEFERRED, NOT_VERIFIED, "hostname mismatch",
                    {"hosts.0.in_policy": False}, finding="mx-not-in-policy"),
           policy=Policy(mx=("other.enf-notmx.test",))),
    Domain("enf-wild1.test", enforced(explain={"hosts.0.in_policy": True}),
           policy=Policy(mx=("*.enf-wild1.test",))),
    # RFC 8461, 4.1: the star is one label.  Postfix before 3.10 can only be told
    # .enf-wild2.test, which is any depth: the mail goes out, verified all the same.
    Domain("enf-wild2.test",
           enforced(explain={"verdict": "undeliverable", "hosts.0.in_policy": False},
                    finding="mx-not-in-policy"),
           hosts=(Host("a.b"),), policy=Policy(mx=("*.enf-wild2.test",))),
    Domain("enf-mixed.test", enforced(relay="mx2.enf-mixed.test",
                                      explain={"degraded": True}),
           hosts=(Host("mx1", cert="expired"), Host("mx2", 20)), policy=Policy()),
    Domain("enf-mixed-mx.test",
           enforced(relay="mx2.enf-mixed-mx.test",
                    explain={"degraded": True, "hosts.0.in_policy": False,
                             "hosts.1.in_policy": True}),
           hosts=(Host("mx1"), Host("mx2", 20)), policy=Policy(mx=("mx2.enf-mixed-mx.test",))),
    Domain("enf-several.test", enforced(), hosts=(Host("mx1"), Host("mx2", 20)),
           policy=Policy(mx=("mx2.enf-several.test", "*.elsewhere.test",
                             "mx1.enf-several.test"))),
    Domain("enf-ipv6.test", enforced(), hosts=(Host(ipv6=True),), policy=Policy()),
    Domain("enf-implicit.test", enforced(), hosts=(Host(""),), policy=Policy()),
    Domain("xn--bcher-kva.test", enforced(), policy=Policy(),
           other_keys=("bücher.test", "BÜCHER.test")),
]

# MTA-STS enforce; what is particular about certificates.
CERTIFICATES = [
    *(Domain(f"{name}.test", enforced(), hosts=(Host(cert=cert),), policy=Policy(), rule=rule)
      for name, cert, rule in (
          ("wildcard", "wildcard", ""),
          # An expired twin of the root is sent, too: there is another path.
          ("cross-expired", "cross-expired", ""),
          # Postfix does not mind, and so is right who expects the mail to go out.
          ("cn-only", "cn-only", ""), ("rsa1024", "rsa1024", ""),
          ("crl-revoked", "revoked", ""), ("staple-revoked", "stapled-revoked", ""),
          ("staple-none", "no-staple", ""), ("strict-stapled", "stapled", STRICT))),
    # Who is strict holds back what Postfix would send.
    *(Domain(f"{name}.test", enforced(explain={"verdict": "undeliverable"}, finding=finding),
             hosts=(Host(cert=cert),), policy=Policy(), rule=STRICT)
      for name, cert, finding in (
          ("strict-crl", "revoked", "cert-revoked"),
          ("strict-staple", "stapled-revoked", "cert-revoked"),
          ("strict-staple-none", "no-staple", "staple-missing"))),
    *(Domain(f"{name}.test",
             enforced(DEFERRED, NOT_VERIFIED, log, finding=finding, words=words),
             hosts=(Host(cert=cert),), policy=Policy())
      for name, cert, log, finding, words in (
          ("sha1", "sha1", "CA signature digest algorithm too weak", "cert-weak",
           "certificate signature or key weak: key EC .+, signature ecdsa-with-SHA1"),
          ("md5", "md5", "CA signature digest algorithm too weak", "cert-weak", ""),
          ("purpose", "client-only", "not designated for use as a server", "cert-purpose", ""),
          # The root is trusted, and the leaf is valid: neither is to blame.
          ("constrained", "constrained", "permitted subtree violation", "cert-untrusted",
           "certificate chain not valid: outside an issuer's name constraints"),
          ("expired-issuer", "expired-issuer", "certificate has expired", "cert-expired",
           r"intermediate O=Bench, CN=expired-ca expired 20[\d-]+"),
          # enf-nochain's issuer was seen elsewhere; these nobody sends.
          ("hidden-issuer", "hidden-issuer", "untrusted issuer", "cert-untrusted",
           "certificate issuer not trusted: O=Bench, CN=hidden-ca"),
          ("hidden-issuer-url", "hidden-issuer-url", "untrusted issuer",
           "cert-chain-incomplete",
           "intermediate certificate not sent: O=Bench, CN=hidden-ca"))),
    Domain("wildcard-deep.test",    # the star is one label
           enforced(DEFERRED, NOT_VERIFIED, "hostname mismatch",
                    finding="cert-name-mismatch"),
           hosts=(Host("a.b", cert="wildcard-deep"),), policy=Policy()),
    Domain("all-bad.test",
           enforced(DEFERRED, NOT_VERIFIED, "self-signed certificate",
                    finding="cert-name-mismatch"),
           hosts=(Host("mx1", cert="other-name"), Host("mx2", 20, cert="expired"),
                  Host("mx3", 30, cert="self-signed")), policy=Policy()),
    Domain("ipv6-bad.test", enforced(DEFERRED, NOT_VERIFIED, "certificate has expired",
                                     finding="cert-expired"),
           hosts=(Host(ipv6=True, cert="expired"),), policy=Policy()),
    Domain("addresses.test", enforced(), hosts=(Host(cert="expired", more=("good",)),),
           policy=Policy()),
    Domain("addresses-bad.test", enforced(DEFERRED, NOT_VERIFIED, finding="cert-expired"),
           hosts=(Host(cert="expired", more=("expired",)),), policy=Policy()),
    Domain("mx-alias.test", enforced(), hosts=(Host(alias="real.mx-alias.test"),),
           policy=Policy()),
    Domain("mx-alias-bad.test", enforced(DEFERRED, NOT_VERIFIED, "certificate has expired",
                                         finding="cert-expired"),
           hosts=(Host(alias="real.mx-alias-bad.test", cert="expired"),), policy=Policy()),
    Domain("mx-elsewhere.test", enforced(), hosts=(), mx=((10, "plain.hosts.test"),),
           policy=Policy()),
    Domain("mx-elsewhere-bad.test",
           enforced(DEFERRED, NOT_VERIFIED, "certificate has expired",
                    finding="cert-expired"),
           hosts=(), mx=((10, "expired.hosts.test"),), policy=Policy()),
]

# MTA-STS: discovery and modes.
STS = [
    # Another one runs it: the record and the policy host are aliases (RFC 8461, 8.2).
    Domain("provider.test", records=("v=STSv1; id=provider;",),
           policy=Policy(mx=("mx.sts-alias.test",))),
    Domain("sts-alias.test", enforced(explain={"mta_sts.id": "provider"}),
           policy=Policy(alias="mta-sts.provider.test"), records=(),
           record_alias="_mta-sts.provider.test"),
    Domain("sub.enf-good.test", opportunistic(), hosts=BAD),
    Domain("sts-testing.test",
           opportunistic({"mta_sts.state": "present", "mta_sts.mode": "testing",
                          "verdict": "undeliverable", "action": "log"},
                         tlsrpt=testing_tlsrpt, finding="cert-expired"),
           hosts=BAD, policy=Policy("testing")),
    Domain("sts-none.test", opportunistic({"mta_sts.mode": "none"}),
           hosts=BAD, policy=Policy("none", lines=("version: STSv1", "mode: none",
                                                   "max_age: 86400"))),
    Domain("sts-norecord.test", opportunistic(), hosts=BAD, policy=Policy(), records=()),
    Domain("sts-two.test", opportunistic(), hosts=BAD, policy=Policy(),
           records=("v=STSv1; id=1;", "v=STSv1; id=2;")),
    Domain("sts-beside.test", enforced(), policy=Policy(),
           records=("v=STSv1; id=1;", "v=STSv12; id=2;", "verification=xyz")),
    Domain("sts-split.test", enforced(explain={"mta_sts.id": "abcd"}), policy=Policy(),
           records=('"v=STS" "v1; id=ab" "cd;"',)),
    Domain("sts-version.test", opportunistic(), hosts=BAD, policy=Policy(),
           records=("v=STSv2; id=1;",)),
    Domain("sts-noid.test", opportunistic(), hosts=BAD, policy=Policy(),
           records=("v=STSv1;",)),
    Domain("sts-unknown-field.test", enforced(), policy=Policy(
           lines=("max_age: 86400", "x-note: a {b", "mx: mx.sts-unknown-field.test",
                  "mode: enforce", "mode: none", "version: STSv1"))),
    Domain("sts-chunked.test", enforced(), policy=Policy(faults={"chunked": True})),
    Domain("sts-type-parameter.test", enforced(),
           policy=Policy(faults={"type": "Text/Plain; Charset=UTF-8; x=y"})),
    Domain("sts-slow.test", enforced(), policy=Policy(faults={"delay_s": 2})),
]


def no_policy(name, error, log=UNTRUSTED, **policy):
    """A record, but no policy to be had: as if there were none (RFC 8461, 3.3)."""
    return Domain(name, opportunistic({"mta_sts.state": "unknown",
                                       "mta_sts.error": re.compile(error)}, log=log),
                  hosts=BAD, policy=Policy(**policy))


FETCH, INVALID, WEBPKI = "policy-fetch-failed", "policy-invalid", "policy-webpki-invalid"

POLICY = [
    no_policy("pol-404.test", FETCH, faults={"status": 404}),
    no_policy("pol-500.test", FETCH, faults={"status": 500}),
    no_policy("pol-redirect.test", FETCH, faults={
        "status": 301, "headers": {"Location": "https://mta-sts.pol-redirect.test/other"}}),
    no_policy("pol-refused.test", FETCH, reachable=False),
    no_policy("pol-closed.test", FETCH, faults={"close": True}),
    no_policy("pol-type.test", INVALID, faults={"type": "text/html"}),
    no_policy("pol-big.test", INVALID, lines=(
        "version: STSv1", "mode: enforce", "mx: mx.pol-big.test", "max_age: 86400",
        "x: " + "x" * 65536)),
    no_policy("pol-gzip.test", INVALID, faults={"headers": {"Content-Encoding": "gzip"}}),
    no_policy("pol-syntax.test", INVALID, lines=("version: STSv1", "mode enforce")),
    no_policy("pol-version.test", INVALID, lines=(
        "version: STSv2", "mode: enforce", "mx: mx.pol-version.test", "max_age: 86400")),
    no_policy("pol-inject.test", INVALID, lines=(
        "version: STSv1", "mode: enforce", "mx: mx.pol-inject.test match=evil.test",
        "max_age: 86400")),
    no_policy("pol-expired.test", WEBPKI, cert="expired"),
    no_policy("pol-othername.test", WEBPKI, cert="other-name"),
    no_policy("pol-selfsigned.test", WEBPKI, cert="self-signed"),
    no_policy("pol-nochain.test", WEBPKI, cert="no-chain"),
]

# DANE; the certificates that it trusts are ones that no CA vouches for.
SELF = "self-signed"
DANES = [
    Domain("dane-good.test", dane(explain={"mta_sts.state": "absent"}), zone="signed",
           hosts=(Host(cert=SELF, tlsa=EE),),
           expect_dane_off=Expect(explain={"dane.state": "off"})),
    Domain("dane-bad.test",
           dane(fate=DEFERRED, reason=NOT_VERIFIED, log="no matching DANE TLSA records",
                finding="tlsa-mismatch"),
           zone="signed", hosts=(Host(tlsa=("3 1 1 wrong",)),),
           expect_dane_off=Expect(explain={"dane.state": "off"})),
    Domain("dane-ta.test", dane(), zone="signed",
           hosts=(Host(cert="private-ca", tlsa=TA),)),
    Domain("dane-ta-expired.test",
           dane(fate=DEFERRED, reason=NOT_VERIFIED, log="certificate has expired",
                finding="cert-expired"),
           zone="signed", hosts=(Host(cert="private-expired", tlsa=TA),)),
    # RFC 7672, 3.1.1: names and dates do not count with DANE-EE(3).
    Domain("dane-ee-expired.test", dane(), zone="signed",
           hosts=(Host(cert="expired-other-name", tlsa=("1 1 1 key", "3 1 1 key")),)),
    Domain("dane-nostarttls.test",
           dane(fate=DEFERRED, reason="TLS is required, but was not offered", log="",
                finding="starttls-missing"),
           zone="signed", hosts=(Host(fault="no-starttls", tlsa=EE),), counts_twice=True),
    Domain("dane-implicit.test", dane(), zone="signed",
           hosts=(Host("", cert=SELF, tlsa=EE),)),
    Domain("dane-alias.test", dane(), zone="signed",
           hosts=(Host(cert=SELF, tlsa=EE, alias="real.dane-alias.test"),)),
    Domain("dane-unusable.test", dane(DANE, "none-usable", log=UNTRUSTED), zone="signed",
           hosts=(Host(cert="expired", tlsa=("1 1 1 key",)),),
           expect_dane_off=Expect(log=UNTRUSTED)),
    Domain("dane-some.test", dane(DANE, "usable-some", relay="mx1.dane-some.test"),
           zone="signed",
           hosts=(Host("mx1", cert=SELF, tlsa=EE), Host("mx2", 20, cert="expired"))),
    # The preferred host is without TLSA, and nobody promised anything about it.
    Domain("dane-some-other.test",
           dane(DANE, "usable-some", log=UNTRUSTED, relay="mx1.dane-some-other.test"),
           zone="signed",
           hosts=(Host("mx1", cert="expired"), Host("mx2", 20, cert=SELF, tlsa=EE))),
    Domain("dane-bogus.test",
           dane(TEMP, "unknown", DEFERRED, "Name service error", log=""), zone="bogus",
           hosts=(Host(cert=SELF, tlsa=EE),),
           expect_dane_off=Expect(DEFERRED, "Name service error")),
    Domain("dane-servfail.test", dane(TEMP, "unknown", DEFERRED, MAP_SAYS_TEMP, log=""),
           zone="signed", hosts=(Host(tlsa=("lame",)),),
           expect_dane_off=Expect()),
    Domain("dane-servfail-sts.test",
           dane(TEMP, "unknown", DEFERRED, MAP_SAYS_TEMP, log=""),
           zone="signed", hosts=(Host(tlsa=("lame",)),), policy=Policy()),
    # RFC 7672, 2.2.2: TLSA records of an unsigned host are not asked for.
    Domain("plain-tlsa-servfail.test", opportunistic(),
           hosts=(Host(cert="expired", tlsa=("lame",)),)),
    Domain("enf-tlsa-servfail.test", enforced(), hosts=(Host(tlsa=("lame",)),),
           policy=Policy()),
    Domain("plain-tlsa.test", opportunistic(),
           hosts=(Host(cert="expired", tlsa=("3 1 1 wrong",)),)),
    # The MX records are unsigned, their hosts are in a signed zone.
    Domain("hosts.test", zone="signed",
           hosts=(Host("good", None, cert=SELF, tlsa=EE), Host("ca", None, tlsa=EE),
                  Host("bad", None, tlsa=("3 1 1 wrong",)),
                  Host("plain", None), Host("expired", None, cert="expired"))),
    Domain("dane-elsewhere.test", dane(), zone="signed", hosts=(),
           mx=((10, "good.hosts.test"),)),
    Domain("dane-elsewhere-bad.test",
           dane(fate=DEFERRED, reason=NOT_VERIFIED, log="no matching DANE TLSA records",
                finding="tlsa-mismatch"),
           zone="signed", hosts=(), mx=((10, "bad.hosts.test"),)),
    Domain("dane-mx-unsigned.test", Expect(query=DANE), hosts=(),
           mx=((10, "good.hosts.test"),), expect_dane_off=Expect()),
]

# DANE beside MTA-STS.
BOTH = [
    Domain("both-good.test", dane(explain={"mta_sts.mode": "enforce"}), zone="signed",
           hosts=(Host(tlsa=EE),), policy=Policy()),
    Domain("both-danebad.test",
           dane(fate=DEFERRED, reason=NOT_VERIFIED, log="no matching DANE TLSA records",
                finding="tlsa-mismatch"),
           zone="signed", hosts=(Host(tlsa=("3 1 1 wrong",)),), policy=Policy(),
           expect_dane_off=enforced(explain={"dane.state": "off"})),
    Domain("both-stsbad.test", dane(), zone="signed",
           hosts=(Host(cert=SELF, tlsa=EE),), policy=Policy(),
           expect_dane_off=enforced(DEFERRED, NOT_VERIFIED, "self-signed certificate",
                                    {"dane.state": "off"})),
    Domain("both-notmx.test", dane(), zone="signed",
           hosts=(Host(tlsa=EE),), policy=Policy(mx=("other.both-notmx.test",))),
    Domain("both-some.test", dane(state="usable-some", relay="mx2.both-some.test"),
           zone="signed", hosts=(Host("mx1"), Host("mx2", 20, tlsa=EE)), policy=Policy(),
           expect_dane_off=enforced(relay="mx1.both-some.test",
                                    explain={"dane.state": "off"})),
    Domain("both-unusable.test",
           enforced(explain={"dane.state": "none-usable"}),
           zone="signed", hosts=(Host(tlsa=("1 1 1 key",)),), policy=Policy()),
    Domain("both-testing.test", dane(), zone="signed",
           hosts=(Host(cert=SELF, tlsa=EE),), policy=Policy("testing")),
    Domain("both-mx-unsigned.test",
           enforced(explain={"dane.state": "usable-all"}),
           hosts=(), mx=((10, "ca.hosts.test"),), policy=Policy()),
]

# Neither.
PLAIN = [
    Domain("plain.test", Expect(explain=NO_STS, log=""),
           hosts=(Host(fault="no-starttls"),), expect_dane_off=Expect()),
    Domain("plain-signed.test", opportunistic(), zone="signed", hosts=BAD),
    Domain("plain-implicit.test", opportunistic(), hosts=(Host("", cert="expired"),)),
    Domain("null-mx.test", Expect(BOUNCED, "nullMX", explain=NO_STS), hosts=(),
           null_mx=True),
    Domain("no-such.test", Expect(BOUNCED, "Host not found", explain=NO_STS), zone="none",
           hosts=()),
    Domain("dns-lame.test", Expect(DEFERRED, "Name service error", query=TEMP),
           zone="lame", hosts=()),
]

# For tests that change things as they go.
CHANGING = [
    Domain(f"{name}.test", policy=Policy(), ttl_s=1)
    for name in ("stream", "change", "remove", "restart", "forget", "cached", "hanging")
] + [
    Domain(f"probe-{name}.test", hosts=BAD, policy=Policy(), ttl_s=1)
    for name in ("plain", "held", "logged", "off", "level", "late", "below", "repaired",
                 "unseen")
] + [
    Domain(f"probe-{name}.test", policy=Policy(), ttl_s=1) for name in ("renewed", "ended")
] + [
    Domain(f"probe-{name}.test", hosts=(Host(fault="refuse-starttls"),), policy=Policy(),
           ttl_s=1) for name in ("454", "454-once")
] + [
    Domain("x.probe-below.test", hosts=BAD, policy=Policy()),
    Domain("probe-verify.test", hosts=BAD),
    Domain("probe-encrypt.test", hosts=(Host(fault="no-starttls"),)),
    Domain("probe-slow.test", hosts=(Host(cert="expired", fault="slow-banner"),),
           policy=Policy()),
    Domain("probe-addresses.test", hosts=(Host(more=("good",)),), policy=Policy()),
    Domain("stream-plain.test", hosts=(Host(fault="no-starttls"),), ttl_s=1),
    Domain("stream-dane.test", zone="signed", hosts=(Host(cert=SELF, tlsa=EE),), ttl_s=1),
    Domain("negative.test", hosts=BAD, ttl_s=1),
    Domain("expire.test", policy=Policy(max_age=8), ttl_s=1),
    Domain("probe-newer.test", hosts=BAD, ttl_s=1,
           policy=Policy(lines=("version: STSv1", "mode: none", "mx: mx.probe-newer.test",
                                "max_age: 604800"))),
    Domain("ahead.test", policy=Policy(max_age=40), ttl_s=1),
    Domain("shared.test", policy=Policy(), ttl_s=1),
    Domain("late.test", policy=Policy(faults={"delay_s": 6}), ttl_s=1),
    # Its hosts are Postfix instances of mail_system.
    Domain("own.test", zone="signed", policy=Policy(),
           hosts=(Host("mail", fault="closed"), Host("mail2", 20, fault="closed"))),
]

DOMAINS = ENFORCE + CERTIFICATES + STS + POLICY + DANES + BOTH + PLAIN + CHANGING
BY_NAME = {d.name: d for d in DOMAINS}
