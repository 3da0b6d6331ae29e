"""The bench's own namespaces: network, mounts and processes.

run_inside() starts a program in fresh ones; when it ends, or when its starter is
killed, the kernel ends every process of the bench and drops network and mounts, so
nothing of a run survives it.  Every address of NETWORK and NETWORK6 is local there,
so that hosts can be given addresses without configuring any.  Wants root.
"""

import os
import signal
import subprocess
import sys

NETWORK = "10.99.0.0/16"
NETWORK6 = "fd99:e2e::/32"
SENDER, RESOLVER, NAME_SERVER = "10.99.0.1", "10.99.0.52", "10.99.0.53"
POLICY_HOST, NOBODY = "10.99.0.80", "10.99.0.81"
STRANGER = "10.99.0.2"          # a client of the sender's, from elsewhere
SENDER6 = "fd99:e2e::1"

UNSHARE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork",
           "--kill-child", "--mount-proc", "--"]


def why_not():
    """Why namespaces cannot be made here, or an empty text."""
    if os.geteuid() != 0:
        return "not root"
    tried = subprocess.run(UNSHARE + ["true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else tried.stderr.strip() or "unshare failed"


def run_inside(argv):
    """Run argv in new namespaces and return its exit code; SIGTERM ends all of it."""
    def stop(signum, frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    child = subprocess.Popen(UNSHARE + argv)
    try:
        return child.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        child.kill()
        child.wait()


def become_init():
    """Go on in a child; the first process of the namespace stays behind to reap."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def set_up(folder):
    """Bring the network up and point the resolver at the bench's; True with IPv6."""
    command = lambda *argv: subprocess.run(argv, check=True, capture_output=True)
    command("ip", "link", "set", "lo", "up")
    command("ip", "route", "add", "local", NETWORK, "dev", "lo")
    resolv = os.path.join(folder, "resolv.conf")
    with open(resolv, "w") as f:
        f.write(f"nameserver {RESOLVER}\noptions trust-ad\n")
    command("mount", "--bind", resolv, os.path.realpath("/etc/resolv.conf"))
    try:
        command("ip", "-6", "route", "add", "local", NETWORK6, "dev", "lo")
        # A local route alone does not let IPv6 sockets bind to its addresses.
        with open("/proc/sys/net/ipv6/ip_nonlocal_bind", "w") as f:
            f.write("1")
        return True
    except (OSError, subprocess.CalledProcessError) as e:
        print(f"# no IPv6: {e}", file=sys.stderr)
        return False
