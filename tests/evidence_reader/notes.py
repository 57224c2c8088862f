"""Checkpoints in signed notes (C2SP tlog-checkpoint, signed-note), EVIDENCE §3."""
import base64
import hashlib
import re

import ed25519
from forms import need

# SubjectPublicKeyInfo of Ed25519 (RFC 8410 §4), before the 32 octets of the key.
SPKI = bytes.fromhex("302a300506032b6570032100")


def public_key(path):
    with open(path, encoding="ascii") as file:
        body = re.fullmatch(r"-----BEGIN PUBLIC KEY-----\n(.*)\n-----END PUBLIC KEY-----\n", file.read(), re.DOTALL)
    der = base64.b64decode(body[1].replace("\n", ""), validate=True) if body else b""
    need(der.startswith(SPKI) and len(der) == len(SPKI) + 32, path, "is no public key of Ed25519")
    return der[len(SPKI):]


def key_of(text):
    der = base64.b64decode(text, validate=True)
    need(der.startswith(SPKI) and len(der) == len(SPKI) + 32, "no public key of Ed25519:", text)
    return der[len(SPKI):]


def check_change(origin, leaf):
    """A change of the key, signed by both; the old key and the new one."""
    text = "\n".join(["asnmeter key change", origin, leaf["before"], leaf["public"], ""]).encode()
    old, new = key_of(leaf["before"]), key_of(leaf["public"])
    for key, signature in ((old, leaf["signature"]), (new, leaf["confirmation"])):
        need(ed25519.verifies(key, text, base64.b64decode(signature, validate=True)), "a change of the key that is not signed by both")
    return old, new


def read_notes(text):
    """(origin, size, root, signed text, signature lines) of each checkpoint."""
    need(text.endswith("\n"), "the notes end within a line")
    lines = text.split("\n")[:-1]
    while lines:
        need(len(lines) >= 4 and lines[3] == "", "a checkpoint is cut or out of form:", lines[:5])
        origin, size, root = lines[:3]
        need(re.fullmatch(r"0|[1-9]\d*", size), "no size:", size)
        signatures, used = [], 4
        while len(lines) > used and lines[used]:
            signatures.append(lines[used])
            used += 1
        need(len(lines) > used, "no empty line behind a checkpoint:", lines[:used])
        signed = "\n".join(lines[:3]) + "\n"
        yield origin, int(size), base64.b64decode(root, validate=True), signed, signatures
        lines = lines[used + 1:]


def key_id(name, key, algorithm=1):
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + key).digest()[:4]


def is_by(origin, key, line):
    """Whether a signature line names this key."""
    return line.startswith(f"\u2014 {origin} ") and base64.b64decode(line.split(" ")[2])[:4] == key_id(origin, key)


def check_signature(origin, signed, signatures, key):
    """One of the lines is the origin's, and holds."""
    for line in signatures:
        match = re.fullmatch("\u2014 (\\S+) (\\S+)", line)
        need(match, "no signature line:", line)
        blob = base64.b64decode(match[2], validate=True)
        if match[1] == origin:
            need(len(blob) == 68 and blob[:4] == key_id(origin, key), "a signature by another key")
            need(ed25519.verifies(key, signed.encode(), blob[4:]), "a signature that does not hold")
            return
    need(False, "no signature of", origin)
