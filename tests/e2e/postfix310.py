"""Another Postfix for the bench: that of Debian 13, in a folder made by debootstrap.

make() builds the folder, once.  enter() is for the inside of the bench's namespaces:
from then on what the bench and Hopseal run as `postfix` or `postconf` is the folder's,
and sees the bench's own folder at the same path.
"""

import glob
import os
import shutil
import subprocess

import netns

SUITE, PACKAGES = "trixie", "postfix,libtlsrpt0"
MAKE_S = 1200

# Run by chroot; chown because the folder's accounts have other numbers.
COMMANDS = ("postfix", "postqueue", "postsuper", "chown")

# No Postfix of its own configuration, and no server started while packages are unpacked.
PRESEED = """Name: postfix/main_mailer_type
Template: postfix/main_mailer_type
Value: No configuration
Owners: postfix
Flags: seen

"""
FORBID_STARTS = "#!/bin/sh\nexit 101\n"


def make(root):
    """Make the folder unless it is there; why it cannot be, or an empty text."""
    if os.path.exists(root):
        return ""
    if missing := [p for p in ("apt-get", "debootstrap") if not shutil.which(p)]:
        return f"missing programs: {' '.join(missing)}"
    mirror = _mirror()
    if not mirror:
        return "apt's sources name no Debian mirror"
    new = root + ".new"
    shutil.rmtree(new, ignore_errors=True)
    _put(new, "usr/sbin/policy-rc.d", FORBID_STARTS, 0o755)
    _put(new, "var/cache/debconf/config.dat", PRESEED)
    print(f"# making {root} from {mirror}, once", flush=True)
    # Whatever it mounts and fails to unmount goes with the namespace.
    argv = ["unshare", "--mount", "debootstrap", "--variant=minbase",
            "--include=" + PACKAGES, SUITE, new, mirror]
    with open(root + ".log", "wb") as log:
        try:
            status = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    timeout=MAKE_S).returncode
        except subprocess.TimeoutExpired:
            return f"debootstrap did not end within {MAKE_S} s"
    if status != 0:
        return f"debootstrap: exit {status}: {_last_line(log.name)}"
    os.rename(new, root)
    return ""


def _mirror():
    """Where apt of this host gets Debian from."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)",
                           "Created-By: Packages", "Label: Debian"],
                          capture_output=True, text=True)
    return (done.stdout.splitlines() or [""])[0]


def _last_line(path):
    with open(path, errors="replace") as f:
        return (f.read().split("\n")[:-1] or ["no output"])[-1][:200]


def _put(root, name, text, mode=0o644):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def enter(root, folder):
    """Put the folder's commands first in PATH and let it see the bench's folder."""
    mount = lambda *argv: subprocess.run(["mount", *argv], check=True)
    inner = root + folder
    _put(root, "etc/resolv.conf", f"nameserver {netns.RESOLVER}\noptions trust-ad\n")
    mount("--bind", "/dev", root + "/dev")
    # What is made here goes with the namespace.
    mount("-t", "tmpfs", "tmpfs", root + "/tmp")
    os.makedirs(inner)
    mount("--bind", folder, inner)
    for name in COMMANDS:
        _put_command(folder, name, f"PATH=/usr/sbin:/usr/bin exec chroot {root} {name}")
    # Hopseal, which gave up the right to chroot, runs this one too.
    loader = glob.glob(root + "/usr/lib/*/ld-linux*.so.*")[0]
    libraries = f"{os.path.dirname(loader)}:{root}/usr/lib/postfix"
    _put_command(folder, "postconf",
                 f"exec {loader} --library-path {libraries} {root}/usr/sbin/postconf")
    os.environ["PATH"] = f"{folder}/bin:{os.environ['PATH']}"


def _put_command(folder, name, command):
    _put(folder, f"bin/{name}", f'#!/bin/sh\n{command} "$@"\n', 0o755)
