"""The judgement (MODEL §6 to §8, §11, §12) from the leaves policy, gap, second and amendment alone."""
from collections import Counter

# A frame that was not seen may have been a packet of so many octets (MODEL §8.2, §3.2).
LARGEST = {"ip": 65535, "ethernet": 65535 + 18, "wire": 65535 + 38}
MEASURES = ("loss", "latency", "jitter")
NONE = (["none"] * 3, [], None)
# What an ASN's counts of all paths stand under; others under their transit ASNs.
ALL = None


def flat(counts):
    """The counts of an entry, or of one of its paths, as one sum."""
    out = Counter({key: counts[key] for key in ("packets", "both_bytes", "unfollowed", "refused", "begun_late") if key in counts})
    for group in ("from", "to", "latency", "jitter"):
        out.update({f"{group}.{key}": value for key, value in counts.get(group, {}).items()})
    for side in ("from", "to"):
        of = counts.get(side, {})
        out[side + ".confirmed_bytes"] = of.get("confirmed_bytes", of.get("bytes", 0))
    out["confirmed_both_bytes"] = counts.get("confirmed_both_bytes", counts.get("both_bytes", 0))
    return out


class Second:
    """What was counted in a second: for each subject (ASN, role) its sums by path, and its silence."""

    def __init__(self):
        self.sums, self.silence, self.transit = {}, {}, {}

    def add(self, entries):
        for entry in entries:
            subject = (entry["asn"], entry.get("role", ""))
            self.transit.setdefault(subject, set()).update(entry.get("transit", []))
            paths = [(ALL, entry)] + [(tuple(path.get("transit", [])), path) for path in entry.get("paths", [])]
            for path, counts in paths:
                self.sums.setdefault(subject, {}).setdefault(path, Counter()).update(flat(counts))
                if "silence" in counts:
                    self.silence.setdefault(subject, {})[path] = counts["silence"]

    def is_open(self, subject, share):
        """Whether what is open counts; `share` of the active streams in millionths (MODEL §11.5)."""
        silence = self.silence.get(subject, {}).get(ALL, {})
        active, silent, recent = (silence.get(key + "_streams", 0) for key in ("active", "silent", "recent"))
        return (recent >= 2 and 10**6 * recent >= share * active or silent >= 3 and 10**6 * silent >= 2 * share * active
                or silent > 0 and silent >= active)

    def stopped_together(self, subject):
        """How many streams stopped within two consecutive seconds at most, how long ago the first, of how many active."""
        silence = self.silence.get(subject, {}).get(ALL, {})
        ends = dict(map(tuple, silence.get("stopped", [])))
        streams, ago = max([(count + ends.get(ago - 1, 0), ago) for ago, count in ends.items()] or [(0, 0)])
        return streams, ago, silence.get("active_streams", 0)

    def is_outage(self, subject):
        streams, _, active = self.stopped_together(subject)
        return streams >= 3 and 3 * streams >= active

    def all_stopped(self, second):
        """When all networks stopped, within one second of each other; none if they have not (MODEL §11.6)."""
        stopped, streams = [], 0
        for subject in set(self.sums) | set(self.silence):
            if subject[1]:
                continue
            together, ago, active = self.stopped_together(subject)
            if together and 10 * together >= 9 * active:
                stopped.append(second - ago)
                streams += together
            elif self.sums.get(subject, {}).get(ALL, Counter())["from.expected"] > 0:
                return None
        is_all = len(stopped) >= 2 and streams >= 4 and max(stopped) <= min(stopped) + 1
        return min(stopped) if is_all else None


class Window:
    """The sums of a contract's window that ends with a second."""

    def __init__(self, seconds, second, length, gaps, seen_since, tap_gaps, share):
        self.first = second - length + 1
        touching = [gap for gap in gaps if gap.first <= second and gap.last >= self.first]
        is_new = self.first < seen_since
        self.whole = not touching and not is_new
        is_known = not is_new and all(gap.frames is not None for gap in touching)
        self.frames = sum(gap.frames for gap in touching) if is_known else None
        self.sums, self.outage, self.transit = {}, set(), {}
        nothing = Second()
        for time in sorted(time for time in seconds if self.first <= time <= second):
            unseen = sum(gap.frames or 0 for gap in touching if gap.first <= time <= gap.last)
            of_second = seconds[time]
            for subject, paths in of_second.sums.items():
                for path, counted in paths.items():
                    total = self.sums.setdefault(subject, {}).setdefault(path, Counter())
                    total.update(counted)
                    # of the numbers lost as many as frames were not seen are maybe lost (MODEL §8.2)
                    for side in ("from", "to"):
                        total[side + ".unseen"] += min(max(counted[side + ".lost"], 0), unseen)
                    # the tap may have failed, up to the second in which streams go on (MODEL §11.6)
                    if path is ALL and any(begin <= time <= end + 1 for begin, end in tap_gaps):
                        total["from.tap"] += max(counted["from.lost"], 0)
                self.transit.setdefault(subject, set()).update(of_second.transit[subject])
            for subject, paths in of_second.silence.items():
                if was_open(seconds, subject, time, length, share):
                    self.maybe_lost(subject, paths, "ended")
                if of_second.is_outage(subject):
                    self.outage.add(subject)
        last = seconds.get(second, nothing)
        for subject, paths in last.silence.items():
            if last.is_open(subject, share):
                self.maybe_lost(subject, paths, "open")

    def maybe_lost(self, subject, paths, key):
        for path, silence in paths.items():
            total = self.sums.setdefault(subject, {}).setdefault(path, Counter())
            total["from.maybe_lost"] += silence.get(key, 0)


def was_open(seconds, subject, time, length, share):
    """Whether what was open counted in this second or the three before it, and no window since was empty."""
    for second in range(time, time - 4, -1):
        if second in seconds and seconds[second].is_open(subject, share):
            return True
        # the window of the second before
        if not any(subject in seconds[one].sums for one in range(second - length, second) if one in seconds):
            return False
    return False


class Contract:
    """One commitment: what was counted under it, and how long each ASN is out of SLA."""

    def __init__(self, terms, second):
        self.seconds, self.over, self.seen_since, self.tap_gaps = {}, {}, second, []
        self.share = 100_000  # of an ASN's streams, that have to be silent
        self.refused = {}  # the last second in which one found no room, by role
        self.take(terms)

    def revise(self, terms, second):
        """A changed contract from this second on: the times out of SLA that end with the old one (MODEL §6.4)."""
        old, judges = self.terms, terms["transit"] == "judge"
        counted = ("window", "layer", "classes", "scope")
        is_counted_alike = all(old[key] == terms[key] for key in counted) and (not judges or old["transit"] == "judge")
        held = ("committed_rate", "threshold", "direction", "count")
        is_held_alike = is_counted_alike and all(old.get(key) == terms.get(key) for key in held)
        if not is_counted_alike:
            self.seconds, self.seen_since = {}, second
        for measure in ("latency", "jitter"):
            now, before = (of["guarantee"].get(measure, {}) for of in (terms, old))
            if any(now.get(key) != before.get(key) for key in ("limit", "methods")):
                self.forget(measure)
        self.take(terms)
        ended = [key for key in self.over if not is_held_alike or key[1] and not judges]
        return [(terms["name"], key, self.over.pop(key)) for key in ended]

    def take(self, terms):
        self.terms, self.window = terms, terms["window"]
        self.limit = terms["committed_rate"] * terms["threshold"] * self.window

    def add(self, second, entries):
        self.seconds.setdefault(second, Second()).add(entries)

    def forget(self, measure):
        """Samples are over a limit that does not hold any more."""
        for second in self.seconds.values():
            for paths in second.sums.values():
                for counted in paths.values():
                    for key in ("samples", "over", "maybe_over"):
                        del counted[f"{measure}.{key}"]

    def forget_before(self, second):
        """No window reaches further back than an hour, and three seconds more for what was open."""
        if second % 60 == 0:
            self.seconds = {time: one for time, one in self.seconds.items() if time > second - 3604}

    def without_room(self, second):
        """Who finds no room in this second: no window of them is kept (MODEL §11.8)."""
        of_second = self.seconds.get(second, Second())
        refused = {subject for subject, paths in of_second.sums.items() if paths[ALL]["refused"] > 0}
        self.refused.update({role: second for _, role in refused})
        return refused

    def forget_subjects(self, subjects):
        for one in self.seconds.values() if subjects else ():
            for subject in subjects:
                one.sums.pop(subject, None), one.silence.pop(subject, None), one.transit.pop(subject, None)

    def exceeds(self, octets):
        return 8 * 10**6 * octets > self.limit

    def shares(self, total, kind=""):
        """The octets of a window in the directions that are judged (MODEL §6.3); `kind`: those confirmed."""
        sides = {side: total[f"{side}.{kind}bytes"] for side in ("from", "to")}
        rule = self.terms["direction"]
        if rule == "sum":
            return {"sum": sides["from"] + sides["to"] - total[kind + "both_bytes"]}
        return {side: octets for side, octets in sides.items() if rule in ("either", side)}

    def judge(self, second, gaps):
        """Verdicts on each ASN, and octets of all that is out of SLA with the transit ASNs crossed."""
        since = self.seconds.get(second, Second()).all_stopped(second)
        if since is not None and self.tap_gaps and self.tap_gaps[-1][1] + 1 >= since:
            self.tap_gaps[-1] = self.tap_gaps[-1][0], second
        elif since is not None:
            self.tap_gaps.append((since, second))
        refused = self.without_room(second)
        window = Window(self.seconds, second, self.window, gaps, self.seen_since, self.tap_gaps, self.share)
        judges_transit = self.terms["transit"] == "judge"
        more = None if window.frames is None else window.frames * LARGEST[self.terms["layer"]]
        count = self.terms.get("count", "all")
        held = "" if count == "all" else "confirmed_"
        # what nobody answered may count after all, or what was not seen may have answered it (MODEL §6.5)
        possible = held if count == "confirmed" and window.whole else ""
        over, may_be_over, verdicts = {}, set(), {}
        in_doubt = {subject for subject, paths in window.sums.items() if paths[ALL]["refused"] + paths[ALL]["begun_late"] > 0}
        known_transit = {asn for (asn, role), paths in window.sums.items()
                         if role and any(paths[ALL].values()) and (asn, role) not in in_doubt}
        lacks_transit = judges_transit and self.refused.get("transit", -1) >= window.first
        for (asn, role), paths in window.sums.items():
            if role and not judges_transit:
                continue
            for direction, octets in self.shares(paths[ALL], held).items():
                if self.exceeds(octets) and (asn, role) not in refused:
                    over[asn, role, direction] = octets, sorted(window.transit.get((asn, role), set()))
            if more is None or (asn, role) in in_doubt or any(self.exceeds(octets + more) for octets in self.shares(paths[ALL], possible).values()):
                may_be_over.add((asn, role))
        transit_over = {asn for asn, role, _ in over if role}
        transit_may = {asn for asn, role in may_be_over if role}
        for (asn, role), paths in window.sums.items():
            if role or paths[ALL]["packets"] <= 0:
                continue
            crossed, void_by, may = Counter(), set(), (asn, role) in may_be_over
            for path, counted in paths.items():
                if path is ALL or not judges_transit:
                    continue
                if set(path) & transit_over:
                    void_by |= set(path) & transit_over if counted["packets"] else set()
                    crossed.update(counted)
                elif set(path) & transit_may:
                    may = True
                if lacks_transit and any(counted.values()) and set(path) - known_transit:
                    may = True
            rest = Counter(paths[ALL])
            rest.subtract(crossed)
            is_over = any((asn, role, direction) in over for direction in ("from", "to", "sum"))
            is_outage = (asn, role) in window.outage
            has_doubt = (asn, role) in in_doubt
            verdicts[asn] = self.verdict(paths[ALL], rest, is_over, void_by, (may, has_doubt), is_outage, window)
        self.forget_subjects(refused)
        return verdicts, over

    def verdict(self, total, rest, is_over, void_by, doubts, is_outage, window):
        words, reasons, by, (may, has_doubt) = [], [], None, doubts
        no_room = total["unfollowed"] > 0
        frames = window.frames or 0
        for measure in MEASURES:
            promised = self.terms["guarantee"].get(measure)
            word, reason = "indeterminate", ""
            if promised is None:
                word = "none"
            elif is_over:
                word = "void"
            elif void_by and rest["packets"] == 0 and window.whole and not has_doubt:
                word, by = "void", min(void_by)
            else:
                judged = loss(promised, rest, frames) if measure == "loss" else share_over(measure, promised, rest, frames)
                worse, may_be_worse, few, doubt = judged
                if measure != "loss" and no_room:
                    worse, may_be_worse, doubt = False, True, True
                if measure == "loss" and is_outage:
                    may_be_worse, doubt = True, doubt or not worse
                if not may and worse and not few:
                    word = "missed"
                elif not may and not may_be_worse and not few and not no_room:
                    word = "met"
                else:
                    unseen = not window.whole or no_room or has_doubt
                    reason = "unseen" if unseen else "in_doubt" if doubt or may else "few_samples"
            words.append(word)
            reasons.append(reason)
        return words, reasons if any(reasons) else [], by


def loss(promised, rest, frames):
    """Certainly worse; worse with what may be; too few; only the latter is worse (MODEL §11.2)."""
    both = promised["direction"] == "both"
    worse = may_be = few = doubt = False
    for side in ("from", "to") if both else (promised["direction"],):
        unseen = rest[side + ".unseen"]
        lost, expected = rest[side + ".lost"] - unseen, rest[side + ".expected"] - unseen
        maybe = rest[side + ".maybe_lost"] + frames
        if side == "from":
            lost, expected, maybe = lost - rest["from.tap"], expected - rest["from.tap"], maybe + rest["from.tap"]
        lost, expected, maybe = max(lost, 0), max(expected, 0), max(maybe, 0)
        enough = expected >= promised["min_packets"]
        certain = 10**6 * lost > promised["limit"] * (expected + rest["unfollowed"] + frames)
        possible = 10**6 * (lost + maybe) > promised["limit"] * (expected + maybe)
        worse |= certain and enough
        doubt |= possible and not certain
        may_be |= possible
        few |= not enough
    return worse, may_be, few and not worse, doubt


def share_over(measure, promised, rest, frames):
    """The same of samples over a limit (MODEL §11.3, §11.4)."""
    samples, over, maybe = (rest[f"{measure}.{key}"] for key in ("samples", "over", "maybe_over"))
    allowed = (100 - promised["percentile"]) * (samples + frames)
    few = samples < promised["min_round_trips" if measure == "latency" else "min_stream_seconds"]
    worse, may_be = 100 * over > allowed, 100 * (over + maybe + frames) > allowed
    return worse, may_be, few, may_be and not worse
