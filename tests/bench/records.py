"""Records of the shared cache (docs/cache.md), and what is asked and answered about them."""

import socket
import time

FRESH_S = 3000                  # below the longest time for which the front believes it


def policy_text(host):
    return f"version: STSv1\r\nmode: enforce\r\nmx: {host}\r\nmax_age: 604800\r\n"


def name(kind, i):
    return f"{kind}{i:06}.bench.example"


def negative(domain):
    """Two hosts, no policy, no DANE."""
    now = int(time.time())
    return (f"hopseal-facts 1\nnext_hop={domain}\nlooked_at={now}\n"
            f"refresh_at={now + FRESH_S}\nlearned_at={now}\nmx=present\ndane=none\n"
            "record=absent\n" + hosts(domain))


def policy(domain):
    """The same with a policy to enforce, whose one host was found well."""
    now = int(time.time())
    lines = "".join(f"policy={line}\n" for line in policy_text(f"mx1.{domain}").split("\r\n")
                    if line)
    return (f"hopseal-facts 1\nnext_hop={domain}\nlooked_at={now}\n"
            f"refresh_at={now + FRESH_S}\nlearned_at={now}\nmx=present\ndane=none\n"
            f"record=present\nrecord_id=20260101\n{hosts(domain, seen(now))}"
            f"policy_id=20260101\n"
            f"fetched_at={now}\nexpires_at={now + 604800}\nrefetch_at={now + 86400}\n{lines}")


def hosts(domain, of_first=""):
    return "".join(f"host=mx{i}.{domain}\npreference={i}0\naddresses=present\ntlsa=none\n"
                   f"address=198.51.100.{i}\n{of_first if i == 1 else ''}" for i in (1, 2))


def seen(now):
    return (f"finding=ok\nseen_at={now}\nnot_after={now + 5000000}\nseen_count=1\n"
            "detail=O=Let's Encrypt, CN=R11\n")


def write(redis_path, kind, count):
    """Put count records of a kind into Redis."""
    make = {"n": negative, "p": policy}[kind]
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(redis_path)
        replies = s.makefile("rb")
        for first in range(0, count, 1000):
            some = range(first, min(first + 1000, count))
            s.sendall(b"".join(command("SET", f"hopseal:facts:{{{name(kind, i)}}}",
                                       make(name(kind, i)), "EX", "86400") for i in some))
            for _ in some:
                assert replies.readline() == b"+OK\r\n"


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)


def netstring(payload):
    return b"%d:%s," % (len(payload), payload.encode())


def map_question(key):
    return netstring("QUERY " + key)


def map_answer(kind, domain):
    return netstring("NOTFOUND " if kind == "n" else
                     f"OK secure match=mx1.{domain} servername=hostname")


def access_question(domain, i):
    """What Postfix 3.7 asks at RCPT for a client of our own network."""
    return (f"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
            f"client_address=192.0.2.{i % 250}\nclient_name=client{i % 250}.example\n"
            f"client_port=40000\nreverse_client_name=client{i % 250}.example\n"
            f"server_address=192.0.2.251\nserver_port=25\nhelo_name=client.example\n"
            f"sender=sender@example.org\nrecipient=user{i}@{domain}\nrecipient_count=0\n"
            f"queue_id=\ninstance={i:x}.65a0c0de.1f2e3.0\nsize=12345\netrn_domain=\n"
            f"stress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\n"
            f"ccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n"
            f"encryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n"
            f"encryption_keysize=256\npolicy_context=\ncompatibility_level=3.6\n"
            f"mail_version=3.7.11\n\n").encode()


DUNNO = b"action=DUNNO\n\n"
