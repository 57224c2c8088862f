#!/usr/bin/env python3
"""Real senders over a path of known delay and loss: what asnmeter says of them, beside the truth.

    tests/rtcp_senders/run.py PATH/TO/asnmeter [rtpbin baresip sipp coturn rtpengine kamailio]

Needs root, iproute2, nftables and the senders (Debian: gstreamer1.0-plugins-good, baresip-core, sip-tester,
coturn, rtpengine-daemon, kamailio). Everything happens in namespaces of its own, which end with it.

    far (203.0.113.1, AS64500) ──nft──[ delay, both ways ]──tap──nft── ours (198.51.100.1)

The path is a relay of this script: it holds each frame for DELAY on the far side of the tap, and writes what
passes the tap into a capture. nft drops media at random: what the far end sends before the tap, what our end
receives behind it, and what the far end receives. Its counters are the truth of loss, the relay's delay that
of round trips.
"""

import base64
import heapq
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave
from pathlib import Path

FAR, OURS = "203.0.113.1", "198.51.100.1"
DELAY = 0.040
SECONDS = 30
# Thousandths of media that nft drops.
BEFORE_TAP, BEHIND_TAP, AT_FAR = 30, 20, 10
MAC = {"far": "02:00:00:00:00:01", "ours": "02:00:00:00:00:02"}


def sh(command, **more):
    return subprocess.run(command, shell=True, check=True, text=True, capture_output=True, **more).stdout


def inside(namespace, command):
    return sh(f"ip netns exec {namespace} {command}")


def lay_path():
    sh("mkdir -p /run/netns && mount -t tmpfs none /run/netns")
    sh("ip link set lo up")
    for name, address, other in [("far", FAR, "ours"), ("ours", OURS, "far")]:
        sh(f"ip netns add {name}")
        sh(f"ip link add {name}0 type veth peer name {name}1")
        sh(f"ip link set {name}1 address {MAC[name]} netns {name}")
        sh(f"ip link set {name}0 up")
        sh(f"sysctl -qw net.ipv6.conf.{name}0.disable_ipv6=1 || true")
        inside(name, "ip link set lo up")
        inside(name, f"ip link set {name}1 up")
        inside(name, f"ip address add {address}/32 dev {name}1")
        inside(name, f"ip route add default dev {name}1")
        peer = FAR if name == "ours" else OURS
        inside(name, f"ip neighbour add {peer} lladdr {MAC[other]} nud permanent dev {name}1")
        inside(name, "nft add table inet t")


def drop(namespace, hook, thousandths):
    """Media is what has over 100 octets of IP and an even port: RTCP goes through."""
    inside(namespace, f"nft add chain inet t {hook} '{{ type filter hook {hook} priority 0; }}'")
    path = 'iifname != "lo"' if hook == "input" else ""
    media = f"{path} meta length > 150 udp dport & 1 == 0 udp dport > 5100"
    match = f"{media} numgen random mod 1000 < {thousandths} counter drop"
    inside(namespace, f"nft 'add rule inet t {hook} {match}'")


def dropped(namespace, hook):
    rules = inside(namespace, f"nft list chain inet t {hook}")
    return int(re.search(r"counter packets (\d+)", rules).group(1))


def without_checksum(frame):
    """The sender's interface leaves checksums to hardware that is not there; UDP over IPv4 may go without."""
    header = 14 + (frame[14] & 15) * 4
    if frame[12:14] == b"\x08\x00" and frame[23] == 17:
        return frame[: header + 6] + b"\0\0" + frame[header + 8 :]
    return frame


class Relay(threading.Thread):
    """Relays frames between the two ends, and writes those that pass the tap."""

    def __init__(self, file):
        super().__init__(daemon=True)
        self.file, self.ends, self.running = file, {}, True
        for name in ["far", "ours"]:
            end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            end.bind((f"{name}0", 3))
            self.ends[name] = end
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))

    def pass_tap(self, frame):
        seconds, nanos = divmod(time.time_ns(), 10**9)
        self.file.write(struct.pack("<IIII", seconds, nanos, len(frame), len(frame)) + frame)

    def run(self):
        due, count = [], 0
        names = {end: name for name, end in self.ends.items()}
        while self.running:
            wait = max(0, due[0][0] - time.monotonic()) if due else 0.1
            for end in select.select(list(names), [], [], min(wait, 0.1))[0]:
                frame, origin = end.recvfrom(65535)
                if origin[2] == socket.PACKET_OUTGOING:
                    continue
                frame = without_checksum(frame)
                if names[end] == "ours":
                    self.pass_tap(frame)
                count += 1
                heapq.heappush(due, (time.monotonic() + DELAY, count, names[end], frame))
            while due and due[0][0] <= time.monotonic():
                _, _, name, frame = heapq.heappop(due)
                if name == "far":
                    self.pass_tap(frame)
                self.ends["ours" if name == "far" else "far"].send(frame)


class Processes:
    """What was started, each ended by its number."""

    def __init__(self, folder, program):
        self.folder, self.program, self.all, self.note = folder, program, [], ""

    def start(self, namespace, command, log):
        out = open(self.folder / log, "w")
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace] + command,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env=dict(os.environ, TERM="dumb", HOME=str(self.folder)), start_new_session=True,
        )
        self.all.append(process)
        return process

    def end(self):
        for process in self.all:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.all:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def gst(here, there, media, their_media):
    """A pipeline that sends a tone and receives, with the RTCP of rtpbin beside both."""
    caps = "application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMA,payload=8"
    return f"""gst-launch-1.0 -q rtpbin name=b
      audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! alawenc
      ! rtppcmapay min-ptime=20000000 max-ptime=20000000 ! b.send_rtp_sink_0
      b.send_rtp_src_0 ! udpsink host={there} port={their_media} sync=false async=false
      b.send_rtcp_src_0 ! udpsink host={there} port={their_media + 1} sync=false async=false
      udpsrc address={here} port={media} caps={caps} ! b.recv_rtp_sink_0
      b. ! rtppcmadepay ! fakesink sync=false async=false
      udpsrc address={here} port={media + 1} ! b.recv_rtcp_sink_0""".split()


def rtpbin(run):
    run.start("far", gst(FAR, OURS, 6000, 6000), "far.log")
    run.start("ours", gst(OURS, FAR, 6000, 6000), "ours.log")
    time.sleep(SECONDS)


def baresip(run):
    modules = "/usr/lib/baresip/modules"
    tone = run.folder / "tone.wav"
    with wave.open(str(tone), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0\0\x20" * 4000 * (SECONDS + 10))
    for name, address in [("far", FAR), ("ours", OURS)]:
        folder = run.folder / f"baresip-{name}"
        folder.mkdir()
        (folder / "config").write_text(
            f"module_path {modules}\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\n"
            "module_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\n"
            f"audio_source aufile,{tone}\naudio_player aubridge,nil\naudio_alert aubridge,nil\n"
            f"sip_listen {address}:5060\nrtp_ports 10000-10100\nrtcp_mux no\nnet_interface {name}1\n"
        )
        (folder / "accounts").write_text(f"<sip:{name}@{address}>;regint=0;answermode=auto;audio_codecs=pcma\n")
        (folder / "contacts").write_text("")
    run.start("ours", ["baresip", "-f", str(run.folder / "baresip-ours"), "-t", str(SECONDS + 4)], "ours.log")
    time.sleep(2)
    call = ["-e", f"/dial sip:ours@{OURS}"]
    run.start("far", ["baresip", "-f", str(run.folder / "baresip-far"), "-t", str(SECONDS + 2)] + call, "far.log")
    time.sleep(SECONDS + 1)


def sipp(run):
    run.start("ours", ["sipp", "-sn", "uas", "-i", OURS, "-nostdin"], "ours.log")
    time.sleep(1)
    call = ["sipp", "-sn", "uac", OURS, "-i", FAR, "-m", "60", "-r", "5", "-d", "500", "-nostdin"]
    run.start("far", call, "far.log").wait(SECONDS)


def coturn(run):
    server = ["turnserver", "-n", "--no-auth", "--no-tls", "--no-dtls", "--no-cli", "--listening-ip", FAR,
              "--relay-ip", FAR, "--allow-loopback-peers", "--log-file", "stdout", "--pidfile", str(run.folder / "pid"),
              "--userdb", str(run.folder / "users")]
    run.start("far", server, "far.log")
    time.sleep(2)
    for _ in range(40):
        run.start("ours", ["turnutils_stunclient", FAR], "ours.log").wait(5)


def bencode(value):
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    value = value.encode() if isinstance(value, str) else value
    return b"%d:%s" % (len(value), value)


def rtpengine(run):
    """Both callers are ours, and the relay is far: each packet passes the tap twice. A sender report of one goes to
    the relay and on to the other, whose answer comes back the same way: a round trip of twice the delay more."""
    run.start("far", ["rtpengine", "--foreground", "--log-stderr", "--table=-1", f"--interface={FAR}",
                      f"--listen-ng={FAR}:2223", "--port-min=20000", "--port-max=20100",
                      f"--pidfile={run.folder}/pid"], "far.log")
    time.sleep(3)
    ask = f"""
import socket, sys, base64
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
for message in sys.argv[1:]:
    s.sendto(base64.b64decode(message), ("{FAR}", 2223)); print(repr(s.recv(65535)))
"""

    def sdp(port):
        return (f"v=0\r\no=- 1 1 IN IP4 {OURS}\r\ns=-\r\nc=IN IP4 {OURS}\r\nt=0 0\r\n"
                f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n")

    def command(name, port, more):
        said = {"command": name, "call-id": "c", "from-tag": "a", "sdp": sdp(port), "ICE": "remove",
                "flags": ["asymmetric"]} | more
        message = base64.b64encode(name.encode() + b" " + bencode(said)).decode()
        reply = subprocess.run(["ip", "netns", "exec", "ours", sys.executable, "-c", ask, message],
                               capture_output=True, text=True, check=True).stdout
        return int(re.search(r"m=audio (\d+)", reply).group(1))

    for_second = command("offer", 6000, {})
    for_first = command("answer", 7000, {"to-tag": "b"})
    run.start("ours", gst(OURS, FAR, 6000, for_first), "first.log")
    run.start("ours", gst(OURS, FAR, 7000, for_second), "second.log")
    time.sleep(SECONDS)


KAMAILIO = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:{ours}:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "siptrace.so"
modparam("siptrace", "duplicate_uri", "sip:127.0.0.1:9060")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "trace_mode", 1)
request_route {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (method == "INVITE") record_route();
    $du = "sip:{ours}:5070";
    t_relay();
}}
"""


def kamailio(run):
    """A proxy of ours that mirrors to a live meter what the tap sees as well: each hop of a call is one call."""
    (run.folder / "asns.tsv").write_text("203.0.113.0/24\t64500\n")
    (run.folder / "live.toml").write_text(
        '[capture]\ninterface = "ours1"\n[asn]\nsources = [{ prefixes = "asns.tsv" }]\n'
        'local_prefixes = ["198.51.100.0/24"]\n[hep]\nlisten = "127.0.0.1:9060"\nallow = ["127.0.0.1/32", "198.51.100.1/32"]\n')
    (run.folder / "kamailio.cfg").write_text(KAMAILIO.format(ours=OURS))
    run.start("ours", [run.program, "run", "--config", str(run.folder / "live.toml"),
                       "--web.listen-address", "127.0.0.1:9464"], "asnmeter.log")
    run.start("ours", ["sipp", "-sn", "uas", "-i", OURS, "-p", "5070", "-nostdin"], "uas.log")
    run.start("ours", ["kamailio", "-DD", "-E", "-f", str(run.folder / "kamailio.cfg"), "-Y", str(run.folder),
                       "-P", str(run.folder / "kamailio.pid")], "kamailio.log")
    time.sleep(4)
    call = ["sipp", "-sn", "uac", OURS, "-i", FAR, "-m", "60", "-r", "5", "-d", "500", "-nostdin"]
    run.start("far", call, "far.log").wait(SECONDS)
    time.sleep(4)
    ask = 'import urllib.request as u;print(u.urlopen("http://127.0.0.1:9464/%s").read().decode())'
    get = lambda path: subprocess.run(["ip", "netns", "exec", "ours", sys.executable, "-c", ask % path],
                                      capture_output=True, text=True, check=True).stdout
    taken = [line.split()[-1] for line in get("metrics").splitlines() if 'hep_packets_total{outcome="taken"' in line]
    run.note = f"; {''.join(taken)} packets of HEP taken"
    return json.loads(get("api/v1/asns"))


def row_of(document, asn):
    return next((row for row in document["asns"] if row["asn"] == asn), None)


def measure(name, sender, program):
    folder = Path(tempfile.mkdtemp(prefix="rtcp-senders-"))
    run = Processes(folder, program)
    try:
        with open(folder / "tap.pcap", "wb") as file:
            relay = Relay(file)
            relay.start()
            for hook, namespace, thousandths in [("output", "far", BEFORE_TAP), ("input", "ours", BEHIND_TAP),
                                                 ("input", "far", AT_FAR)]:
                drop(namespace, hook, thousandths)
            live = sender(run)
            run.end()
            time.sleep(0.3)
            truth = [dropped("far", "output"), dropped("ours", "input"), dropped("far", "input")]
            relay.running = False
            relay.join()
        inside("far", "nft flush ruleset")
        inside("ours", "nft flush ruleset")
        for namespace in ["far", "ours"]:
            inside(namespace, "nft add table inet t")
        (folder / "asns.tsv").write_text("203.0.113.0/24\t64500\n")
        (folder / "asnmeter.toml").write_text(
            '[asn]\nsources = [{ prefixes = "asns.tsv" }]\nlocal_prefixes = ["198.51.100.0/24"]\n')
        out = subprocess.run([program, "replay", str(folder / "tap.pcap"), "--config", str(folder / "asnmeter.toml"),
                              "--format", "json"], capture_output=True, text=True)
        if out.returncode:
            sys.exit(out.stderr)
        document = live or json.loads(out.stdout)
        far = row_of(document, 64500)
        if not far or os.environ.get("KEEP"):
            for log in folder.glob("*.log"):
                print("---", log.name, log.read_text()[-1500:], file=sys.stderr)
            print(json.dumps(document, indent=1)[:6000], file=sys.stderr)
        return truth, far, run.note
    finally:
        run.end()
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder)


SENDERS = {"rtpbin": rtpbin, "baresip": baresip, "sipp": sipp, "coturn": coturn, "rtpengine": rtpengine,
           "kamailio": kamailio}


def main():
    program, *names = sys.argv[1:]
    program = str(Path(program).resolve())
    if os.environ.get("RTCP_SENDERS") != "inside":
        os.environ["RTCP_SENDERS"] = "inside"
        os.execvp("unshare", ["unshare", "-n", "-m", sys.executable, __file__, program] + names)
    lay_path()
    print(f"delay {DELAY * 1000:.0f} ms each way on the far side of the tap: a round trip to the far end takes "
          f"{2000 * DELAY:.0f} ms and what the end takes")
    print("| sender | lost before the tap: nft, lost + maybe | behind it: nft, reported | at the far end: nft, reported "
          "| round trips: method, number, p50 · p95 ms | calls |")
    print("|---|---|---|---|---|---|")
    for name in names or SENDERS:
        (before, behind, at_far), far, note = measure(name, SENDERS[name], program)
        if not far:
            print(f"| {name} | nothing of it was seen |")
            continue
        sent, to, received = far["from"], far["to"]["reported"], far["received"]
        trips = ", ".join(f"{method} {of['count']}: {of['p50']} · {of['p95']}" for method, of in far["rtt_ms"].items())
        calls = far.get("calls", {}).get("from", {})
        print(f"| {name} | {before}, {sent['lost']} + {sent['maybe_lost']} of {sent['expected']} "
              f"| {behind}, {received['lost']} + {received['maybe_lost']} of {received['expected']} "
              f"| {at_far}, {to['lost']} + {to['maybe_lost']} of {to['expected']} | {trips} "
              f"| {calls.get('attempts', 0)}, {calls.get('answered', 0)} answered{note} |", flush=True)


main()
