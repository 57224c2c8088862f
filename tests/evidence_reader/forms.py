"""The form of a leaf (EVIDENCE §2): which keys in which order, and how it is written."""
import calendar
import json
import re
import time


class Wrong(Exception):
    """Something does not hold."""


def need(holds, *words):
    if not holds:
        raise Wrong(" ".join(str(word) for word in words))


# A form is a list of keys in their order, each with the form of its value: None for a plain one. "?"
# marks a key that is left out when it says nothing, "=" one that is when it equals the key behind it. ANY is an object whose keys EVIDENCE does not list.
ANY = "any"


def plain(*keys):
    return [(key, None) for key in keys]


SIDE = plain("bytes?", "confirmed_bytes=bytes", "expected?", "lost?", "maybe_lost?")
SAMPLES = plain("samples?", "over?", "maybe_over?")
SILENCE = plain("active_streams?", "silent_streams?", "recent_streams?", "open?", "ended?", "stopped?")
COUNTS = [
    ("packets?", None), ("from?", SIDE), ("to?", SIDE), ("both_bytes?", None),
    ("confirmed_both_bytes=both_bytes", None), ("unfollowed?", None), ("refused?", None), ("begun_late?", None),
    ("silence?", SILENCE), ("latency?", SAMPLES), ("jitter?", SAMPLES), ("transit?", None),
]
ENTRY = plain("asn?", "role?") + COUNTS + [("paths?", [one for one in COUNTS if one[0] not in ("silence?", "refused?", "begun_late?")])]
GUARANTEE = [
    ("loss?", plain("limit", "direction", "min_packets")),
    ("latency?", plain("limit", "percentile", "methods", "min_round_trips")),
    ("jitter?", plain("limit", "percentile", "min_stream_seconds")),
]
COMMITMENT = plain("name", "committed_rate", "threshold", "window", "direction", "count?", "layer", "classes") + [
    ("scope", plain("local_prefixes?", "interfaces?", "vlans?")), ("transit", None), ("guarantee", GUARANTEE), ("credit?", plain("below", "credit")),
]
FORMS = {
    "start": plain("time", "mode", "version", "revision", "rules", "measures") + [("sources", plain("name", "sha256?"))],
    "day": plain("day", "size", "hashes"),
    "key": plain("time", "before", "public", "signature", "confirmation"),
    "policy": [("second", None), ("commitments", COMMITMENT), ("counting", ANY), ("sha256", None)],
    "table": [("second", None), ("sources", plain("kind", "name", "sha256?", "built?", "prefixes"))],
    "gap": plain("second", "commitment?", "from", "until", "why", "frames?", "judged?"),
    "second": plain("second", "commitment", "part?") + [("asns", ENTRY)],
    "amendment": plain("second", "for", "commitment") + [("asns", ENTRY)],
    "interval": plain("second", "commitment", "role?", "asn", "direction", "from", "until", "peak_bytes", "transit?"),
    "verdict": plain("second", "commitment", "asn", "verdicts", "reasons?", "void_by_transit?"),
    "exclusion": plain("entered", "from", "until", "commitment", "reason", "asns?"),
    "revision": [("entered", None), ("policy", COMMITMENT), ("from", None), ("until", None), ("sha256", None)],
    "stop": plain("time"),
}
# Entered by people: no verdict rests on them, and they belong to no second.
ENTERED = ("exclusion", "revision")
# Within a second.
ORDER = ["start", "key", "policy", "table", "gap", "amendment", "second", "interval", "verdict", "stop"]


def canonical(value, form=None):
    """A value as it is written."""
    if isinstance(value, list):
        return "[" + ",".join(canonical(one, form) for one in value) + "]"
    if isinstance(value, dict):
        need(form is not None, "an object where none belongs:", value)
        keys = [(key, ANY) for key in value] if form == ANY else form
        names = [key.rstrip("?").split("=")[0] for key, _ in keys]
        need(set(value) <= set(names), "keys that no such leaf has:", sorted(set(value) - set(names)))
        parts = []
        for (key, inner), name in zip(keys, names):
            if "=" in key:
                says_nothing = value.get(name) == value.get(key.split("=")[1], 0)
            else:
                says_nothing = value.get(name) in (0, "", [], {}) and value.get(name) is not False
            if key != name and (name not in value or says_nothing):
                continue
            need(name in value, "a key is missing:", name)
            parts.append(json.dumps(name) + ":" + canonical(value[name], inner))
        return "{" + ",".join(parts) + "}"
    need(isinstance(value, (int, str)), "neither a whole number nor text:", value)
    return json.dumps(value, ensure_ascii=False)  # escapes strings as RFC 8785 does


def parse(line, number):
    """A leaf of its line."""
    try:
        leaf = json.loads(line.decode("utf-8"))
        rest = {key: value for key, value in leaf.items() if key != "kind"}
        text = '{"kind":' + json.dumps(leaf["kind"]) + "," + canonical(rest, FORMS[leaf["kind"]])[1:]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Wrong(f"leaf {number} is no leaf: {error!r}") from error
    except Wrong as error:
        raise Wrong(f"leaf {number}: {error}") from error
    need(text.encode() == line, "leaf", number, "would be written", text)
    return leaf


def at(text):
    """Seconds since 1970 of a time in UTC and whole seconds (RFC 3339)."""
    need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), "no time in UTC and whole seconds:", text)
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def say(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
