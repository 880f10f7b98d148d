"""rsyslog and syslog-ng with mutual TLS, as processes that can be killed.

syslog-ng's Debian package can't be installed beside rsyslog's: its files are unpacked into the
cache, where it runs as well.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

PACKAGES = ["syslog-ng-core", "libivykis0", "libnet1", "libpcre3", "libwrap0"]
CLIENT = "client.siem.test"
READY_LIMIT = 20


def certificates(folder):
    """An authority, a server and a client, for two days: {name: path}."""
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, cwd=folder)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=siem test",
            "-days", "2")
    for name, host in [("server", "server.siem.test"), ("client", CLIENT)]:
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}")
        names = f"subjectAltName=DNS:localhost,DNS:{host},IP:127.0.0.1\n"
        (folder / f"{name}.ext").write_text(names)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")
        (folder / f"{name}.key").chmod(0o600)
    # A second authority's client, whom nobody here knows.
    openssl("req", "-x509", *key, "-keyout", "stranger.key", "-out", "stranger.pem", "-subj",
            f"/CN={CLIENT}", "-days", "2")
    (folder / "stranger.key").chmod(0o600)
    return folder


class Daemon:
    """A receiver that is started, killed and started again on the same port and files."""

    def __init__(self, folder, tls, port):
        self.folder, self.tls, self.port = folder, tls, port
        folder.mkdir(parents=True, exist_ok=True)
        self.out = folder / "received"
        self.process = None
        self.write_config()

    def start(self):
        with open(self.folder / "stderr", "ab") as errors:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors, env=self.environment(),
                                            cwd=self.folder)
        self.await_port()
        return self

    def await_port(self):
        deadline = time.monotonic() + READY_LIMIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            # Nothing tells when a daemon listens but that it does.
            time.sleep(0.05)
        raise RuntimeError(f"{self.command()[0]}: {(self.folder / 'stderr').read_text()[-2000:]}")

    def kill(self):
        """Gives whether it ran."""
        if not self.process:
            return False
        ran = self.process.poll() is None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return ran

    def stop(self):
        """In good order, so that what it holds is on disk."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def lines(self):
        """What it stored, in order. A torn last line of one that was killed is a line, too."""
        if not self.out.exists():
            return []
        return [line for line in self.out.read_text(errors="replace").split("\n") if line]

    def environment(self):
        return None


class Rsyslog(Daemon):
    """rsyslog, which has each peer's name checked."""

    def write_config(self):
        (self.folder / "spool").mkdir(exist_ok=True)
        (self.folder / "conf").write_text(f"""
global(workDirectory="{self.folder}/spool" maxMessageSize="256k"
  parser.escapeControlCharactersOnReceive="off"
  defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="{self.tls}/ca.pem"
  defaultNetstreamDriverCertFile="{self.tls}/server.pem"
  defaultNetstreamDriverKeyFile="{self.tls}/server.key")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1"
  StreamDriver.AuthMode="x509/name" PermittedPeer=["{CLIENT}"])
template(name="event" type="list") {{ property(name="msg") constant(value="\\n") }}
ruleset(name="r") {{ action(type="omfile" file="{self.out}" template="event") }}
input(type="imtcp" address="127.0.0.1" port="{self.port}" ruleset="r")
""")

    def command(self):
        return ["rsyslogd", "-n", "-f", self.folder / "conf", "-i", self.folder / "pid"]


class SyslogNg(Daemon):
    """syslog-ng from its unpacked package."""

    def __init__(self, folder, tls, port, root):
        self.root = root
        super().__init__(folder, tls, port)

    def write_config(self):
        (self.folder / "conf").write_text(f"""
@version: 3.38
@module afsocket
@module affile
@module syslogformat
@module basicfuncs
options {{ keep-hostname(yes); log-msg-size(262144); }};
source s {{ syslog(transport("tls") ip("127.0.0.1") port({self.port}) flags(no-multi-line)
  tls(key-file("{self.tls}/server.key") cert-file("{self.tls}/server.pem")
      ca-file("{self.tls}/ca.pem") peer-verify(required-trusted))); }};
destination d {{ file("{self.out}" template("$MSG\\n")); }};
log {{ source(s); destination(d); }};
""")

    def command(self):
        modules = next(self.root.glob("usr/lib/syslog-ng/*/libafsocket.so")).parent
        at = self.folder
        return [self.root / "usr/sbin/syslog-ng", "--foreground", "--no-caps", "--cfgfile",
                at / "conf", "--pidfile", at / "pid", "--control", at / "ctl", "--persist-file",
                at / "persist", "--module-path", modules]

    def environment(self):
        libraries = {str(path.parent) for path in self.root.rglob("*.so*")}
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))}


def unpack(cache):
    """The files of syslog-ng's packages; downloads them once. Gives nothing where that fails."""
    root = cache / "syslog-ng"
    if (root / "usr/sbin/syslog-ng").exists():
        return root
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return None
    part = cache / "syslog-ng.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    got = subprocess.run(["apt-get", "download", *PACKAGES], cwd=part, capture_output=True)
    if got.returncode != 0:
        return None
    for package in sorted(part.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, part / "root"], check=True)
    pathlib.Path(part / "root").rename(root)
    shutil.rmtree(part)
    return root
