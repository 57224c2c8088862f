"""The files of a ledger (EVIDENCE §1, §3): from them come the leaves, in their order."""
import json
import os
import re
import zlib

from forms import Wrong, need, parse
from notes import check_change, check_signature, is_by, public_key, read_notes
from tree import Tree, check_tiles, leaf_hash, leaf_hashes_before


def text_of(*path):
    with open(os.path.join(*path), encoding="utf-8", newline="") as file:
        return file.read()


def members(path):
    """The members of a gzip file (RFC 1952 §2.2), unpacked, each by itself."""
    with open(path, "rb") as file:
        data = file.read()
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            text = member.decompress(data) + member.flush()
        except zlib.error as error:
            raise Wrong(f"{path}: {error}") from error
        need(member.eof, path, "ends within a member")
        yield text
        data = member.unused_data


class Ledger:
    """What a directory holds: leaves with their numbers, and the sizes of its checkpoints."""

    def __init__(self, directory, key_path=None, kept=()):
        self.directory, self.tree, self.leaves, self.ends = directory, Tree(), [], []
        about = json.loads(text_of(directory, "ledger.json"))
        need(list(about) == ["origin", "format"] and about["format"] == 1, "ledger.json is not of format 1")
        self.origin = about["origin"]
        self.read_days()
        self.signers = self.find_keys(key_path)
        self.key = self.signers[-1][1] if self.signers else None
        self.checkpoints = self.read_checkpoints()
        sealed = self.checkpoints[-1] if self.checkpoints else 0
        first = self.leaves[0][0] if self.leaves else 0
        of_days = [size for size in self.checkpoints if size > first]
        need(of_days == self.ends, "members end at leaves", self.ends, "and checkpoints are of", of_days)
        check_tiles(directory, self.tree, sealed)
        self.read_open(sealed)
        for path in kept:
            self.hold_against(path)

    def find_keys(self, key_path):
        """The keys that sign, each with the size of the first checkpoint that is its own."""
        own = os.path.join(self.directory, "ledger.pub")
        own = public_key(own) if os.path.exists(own) else None
        given = public_key(key_path) if key_path else own
        if given is None:
            return []
        changes = [(number, *check_change(self.origin, leaf)) for number, leaf in self.leaves if leaf["kind"] == "key"]
        signers = [(0, changes[0][1] if changes else own or given)]
        for number, old, new in changes:
            need(signers[-1][1] == old, "leaf", number, "changes another key than that which signs")
            signers.append((number + 1, new))
        need(own in (None, signers[-1][1]), "ledger.pub is not the last key")
        need(given in [key for _, key in signers], "ledger.pub is another key than that given")
        return signers

    def listed(self):
        """The keys in keys.jsonl."""
        path = os.path.join(self.directory, "keys.jsonl")
        lines = text_of(path).encode().split(b"\n")[:-1] if os.path.exists(path) else []
        return [key for number, line in enumerate(lines) for key in check_change(self.origin, parse(line, number))]

    def read_days(self):
        names = os.listdir(self.directory)
        days = [re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:\.([1-9]\d*))?\.jsonl\.gz", name) for name in names]
        days = sorted((match[1], int(match[2] or 0), match[0]) for match in days if match)
        day, part = None, 0
        for of_day, number, name in days:
            part = part + 1 if of_day == day else 0
            need(number == part, name, "follows a part that is not there")
            first, day = of_day if part == 0 else None, of_day
            for text in members(os.path.join(self.directory, name)):
                self.take(text, first)
                self.ends.append(len(self.tree))
                first = None

    def take(self, text, day):
        """The lines of a minute; `day`: they begin this one."""
        need(text.endswith(b"\n"), "leaf", len(self.tree), "is cut")
        for line in text[:-1].split(b"\n"):
            number = len(self.tree)
            leaf = parse(line, number)
            need((leaf["kind"] == "day") == bool(day), "leaf", number, "is a day leaf where none belongs, or none where one does")
            if day:
                need(leaf["day"] == day, "leaf", number, "names another day than its file")
                if not self.leaves:
                    for one in leaf_hashes_before(self.directory, leaf["size"]):
                        self.tree.add(one)
                    number = leaf["size"]
                need(leaf["size"] == number, "leaf", number, "says that it has the number", leaf["size"])
                hashes = [one.hex() for one in self.tree.compact_range(number)]
                need(leaf["hashes"] == hashes, "leaf", number, "has another compact range")
                day = None
            self.tree.add(leaf_hash(line))
            self.leaves.append((number, leaf))

    def read_checkpoints(self):
        sizes = []
        for name in sorted(os.listdir(self.directory)):
            if not name.endswith(".notes"):
                continue
            for origin, size, root, signed, signatures in read_notes(text_of(self.directory, name)):
                where = f"{name}, checkpoint of {size}:"
                need(not sizes or size > sizes[-1], where, "is not larger than the one before")
                try:
                    self.hold(origin, size, root, signed, signatures)
                except Wrong as error:
                    raise Wrong(f"{where} {error}") from error
                sizes.append(size)
        return sizes

    def hold(self, origin, size, root, signed, signatures):
        """A checkpoint is that of the leaves."""
        need(origin == self.origin, "is of another origin,", origin)
        need(size <= len(self.tree), "has more leaves than there are,", len(self.tree))
        need(root == self.tree.root(size), "has another root than the leaves")
        if self.signers:
            key = [key for first, key in self.signers if first <= size][-1]
            if self.leaves and size <= self.leaves[0][0]:  # of a day that is gone, which may have changed the key
                key = next((one for one in self.listed() if any(is_by(origin, one, line) for line in signatures)), key)
            check_signature(origin, signed, signatures, key)
        else:
            need(not signatures, "is signed, and there is no key")

    def hold_against(self, path):
        text = text_of(path)
        kept = list(read_notes(text if text.endswith("\n\n") else text + "\n"))
        need(kept, path, "has no checkpoint")
        for one in kept:
            try:
                self.hold(*one)
            except Wrong as error:
                raise Wrong(f"{path}, checkpoint of {one[1]}: {error}") from error

    def read_open(self, sealed):
        """The minute that is not sealed; its last line may be half written."""
        names = [name for name in os.listdir(self.directory) if re.fullmatch(r"open-\d+\.jsonl", name)]
        need(names in ([], [f"open-{sealed}.jsonl"]), "open files", names, "behind", sealed, "sealed leaves")
        for name in names:
            with open(os.path.join(self.directory, name), "rb") as file:
                text = file.read()
            whole = text[:text.rfind(b"\n") + 1]
            if whole:
                first = parse(whole.split(b"\n")[0], sealed)
                self.take(whole, first["day"] if first["kind"] == "day" else None)
