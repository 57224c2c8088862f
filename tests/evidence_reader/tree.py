"""The tree over all leaves (RFC 6962 §2.1) and its tiles (C2SP tlog-tiles), EVIDENCE §3."""
import collections
import hashlib
import os
import re

from forms import need


def leaf_hash(line):
    return hashlib.sha256(b"\0" + line).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """Its rows of whole nodes; row 0 has the leaves."""

    def __init__(self):
        self.rows = [[]]

    def __len__(self):
        return len(self.rows[0])

    def add(self, one):
        self.rows[0].append(one)
        height = 0
        while len(self.rows[height]) % 2 == 0:
            if height + 1 == len(self.rows):
                self.rows.append([])
            self.rows[height + 1].append(node(*self.rows[height][-2:]))
            height += 1

    def compact_range(self, size):
        """Roots of the perfect subtrees that cover the first `size` leaves, the largest first."""
        roots, begin = [], 0
        for height in reversed(range(size.bit_length())):
            if size >> height & 1:
                roots.append(self.rows[height][begin >> height])
                begin += 1 << height
        return roots

    def root(self, size):
        roots = self.compact_range(size)
        root = roots.pop() if roots else hashlib.sha256(b"").digest()
        while roots:
            root = node(roots.pop(), root)
        return root


def tile_files(directory):
    """(level, index, width, path) of each tile."""
    top = os.path.join(directory, "tiles")
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            match = re.fullmatch(r"(\d+)/((?:x\d{3}/)*\d{3})(?:\.p/(\d+))?", os.path.relpath(path, top))
            need(match, path, "is no tile")
            index = int(match[2].replace("x", "").replace("/", ""))
            yield int(match[1]), index, int(match[3] or 256), path


def leaf_hashes_before(directory, size):
    """Hashes of leaves whose days are not kept any more: they stand in the tiles of level 0."""
    hashes = {}
    for level, index, width, path in tile_files(directory):
        if level == 0:
            with open(path, "rb") as file:
                data = file.read()
            need(len(data) == 32 * width, path, "is cut")
            for place in range(width):
                hashes[256 * index + place] = data[32 * place:32 * place + 32]
    need(all(number in hashes for number in range(size)), "hashes before leaf", size, "are missing in the tiles")
    return [hashes[number] for number in range(size)]


def check_tiles(directory, tree, sealed):
    """Every tile follows from the leaves, and every whole node of the last checkpoint stands in one."""
    widths = collections.defaultdict(int)
    for level, index, width, path in tile_files(directory):
        row = tree.rows[8 * level] if 8 * level < len(tree.rows) else []
        with open(path, "rb") as file:
            data = file.read()
        expected = b"".join(row[256 * index:256 * index + width])
        need(data == expected and len(data) == 32 * width, path, "does not follow from the leaves")
        widths[level, index] = max(width, widths[level, index])
    level = 0
    while sealed >> 8 * level:
        nodes = sealed >> 8 * level
        for index in range((nodes + 255) // 256):
            need(widths[level, index] >= min(256, nodes - 256 * index), "a tile is missing: level", level, "index", index)
        level += 1
