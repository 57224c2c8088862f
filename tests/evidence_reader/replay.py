"""Goes through the leaves second by second and holds intervals and verdicts to what follows from the others."""
import hashlib
from collections import Counter, namedtuple

from forms import ANY, COMMITMENT, ENTERED, ORDER, at, canonical, need, say
from judge import NONE, Contract

DAY = 86400
# Seconds that a contract keeps beside its window: what was open counts for three more (MODEL §11.5).
BESIDE = 3
Gap = namedtuple("Gap", "first last frames contract")
Open = namedtuple("Open", "first last peak transit")


def seconds_of(leaves):
    """The leaves of one second after the other. A start and a stop are each at the end of one."""
    second, group = None, []
    for number, leaf in leaves:
        if leaf["kind"] == "day" or leaf["kind"] in ENTERED:
            continue
        time = at(leaf["time"] if leaf["kind"] in ("start", "key", "stop") else leaf["second"])
        ended = group and (group[-1][1]["kind"] == "stop" or leaf["kind"] == "start" or time != second)
        if ended or not group:
            if group:
                yield second, group
            second, group = time, []
        elif group:
            last = group[-1][1]["kind"]
            need(ORDER.index(last) <= ORDER.index(leaf["kind"]), "leaf", number, "stands behind a leaf of kind", last)
        group.append((number, leaf))
    if group:
        yield second, group


class Replay:
    """What is known from second to second."""

    def __init__(self):
        self.contracts, self.gaps, self.previous, self.day = {}, [], None, None
        self.standing, self.ended = {}, []
        # Until this second nothing is compared: what windows held is not in the ledger (EVIDENCE §6).
        self.unsure_until = None
        self.counts = Counter()

    def run(self, leaves):
        for second, group in seconds_of(leaves):
            self.take(second, group)

    def longest(self):
        return max([contract.window for contract in self.contracts.values()] or [0])

    def take(self, second, group):
        kinds = {kind: [] for kind in ORDER}
        for number, leaf in group:
            kinds[leaf["kind"]].append((number, leaf))
            self.counts[leaf["kind"]] += 1
        where = f"{say(second)} (leaf {group[0][0]})"
        self.counts["leaves"] += len(group)
        if all(not of_kind for kind, of_kind in kinds.items() if kind not in ("gap", "stop")):
            need(self.previous is None or second >= self.previous, where, "stops before the last second")
            return self.take_gaps(kinds["gap"], second)
        clock = [leaf for _, leaf in kinds["gap"] if leaf["why"] == "clock"]
        anew = any(leaf["why"] == "start" for _, leaf in kinds["gap"])
        self.check_gaps(kinds, second, where)
        if self.previous is None and not anew:
            self.unsure_until = second + 3600  # its first days are gone, and with them what windows held
        for leaf in clock:
            self.tick(at(leaf["judged"]) + 1, kinds["gap"], where)
            self.step_back(second)
        if not clock and self.previous is not None and second <= self.previous and any(leaf["why"] == "disk" for _, leaf in kinds["gap"]):
            self.step_back(second)  # what was said of it was not written
        if anew:
            self.contracts, self.gaps, self.previous, self.standing, self.ended = {}, [], None, {}, []
        need(self.previous is None or second > self.previous, where, "goes back without a gap of the clock")
        stopped = [one for one in kinds["gap"] if one[1]["why"] == "stop"]
        if stopped and self.previous is not None:
            self.previous = max(self.previous, second - 1)  # nobody judged the seconds between
        self.take_gaps(stopped, second)
        self.tick(second, kinds["gap"], where)
        for number, leaf in kinds["policy"]:
            self.take_policy(number, leaf, second)
        self.take_gaps([one for one in kinds["gap"] if one[1]["why"] != "stop"], second)
        self.take_counts(kinds, second, where)
        self.judge(second, kinds["interval"], kinds["verdict"], where)

    def check_gaps(self, kinds, second, where):
        """A meter begins anew only with a start, and a clock goes back only to a second that was judged."""
        begun = []
        for number, leaf in kinds["gap"]:
            why = leaf["why"]
            need(why != "start" or kinds["start"], "leaf", number, "is a gap of a start, and nothing starts")
            need((why == "clock") == ("judged" in leaf), "leaf", number, "is a gap of", why, "with other keys")
            need(why != "clock" or at(leaf["judged"]) >= second, "leaf", number, "goes back to what was not judged")
            begun += [leaf] if why in ("start", "clock") else []
        need(not begun or at(begun[-1]["until"]) < second, where, "is in the gap that it stands behind")

    def step_back(self, second):
        """Seconds run again: what is out of SLA ends with the last one that was judged (MODEL §6.4)."""
        is_unsure = self.unsure_until is not None and self.previous is not None and self.previous <= self.unsure_until
        self.unsure_until = second + self.longest() + BESIDE if is_unsure else None
        self.previous = None
        for name, contract in self.contracts.items():
            self.ended += [(name, key, interval) for key, interval in contract.over.items()]
            contract.over = {}
            contract.seconds, contract.seen_since, contract.tap_gaps, contract.refused = {}, second, [], {}
        self.gaps = []

    def tick(self, until, coming, where):
        """Judges the seconds without a leaf before `until`: nothing may change in them."""
        if self.previous is None:
            return
        first = self.previous + 1
        unwritten = [(at(leaf["from"]), at(leaf["until"])) for _, leaf in coming if leaf["why"] == "disk"]
        for second in range(first, until):
            if any(begin <= second <= end for begin, end in unwritten):
                continue  # what was said in it is not in the ledger
            is_missing = second % 60 == 59 and until - first < DAY and self.contracts
            need(not is_missing, where, "the end of a minute is missing:", say(second))
            # once no window holds anything and nothing stands, nothing can change
            if second - first <= self.longest() + BESIDE or self.standing or any(one.over for one in self.contracts.values()):
                self.judge(second, [], [], where)
        self.previous = max(self.previous, until - 1)

    def take_policy(self, number, leaf, second):
        body = canonical(leaf["commitments"], COMMITMENT) + "," + canonical(leaf["counting"], ANY)
        need(hashlib.sha256(body.encode()).hexdigest() == leaf["sha256"], "leaf", number, "is of another sha256")
        old, self.contracts = self.contracts, {}
        for terms in leaf["commitments"]:
            name = terms["name"]
            contract = self.contracts[name] = old.pop(name, None) or Contract(terms, second)
            self.ended += contract.revise(terms, second)
            contract.share = leaf["counting"].get("silence_share", 100_000)
        for name, contract in old.items():
            self.ended += [(name, key, interval) for key, interval in contract.over.items()]

    def take_gaps(self, gaps, second):
        for number, leaf in gaps:
            name, why = leaf.get("commitment"), leaf["why"]
            gap = Gap(at(leaf["from"]), at(leaf["until"]), leaf.get("frames"), name)
            need(gap.first <= gap.last, "leaf", number, "ends before it begins")
            if why in ("start", "clock"):
                self.gaps = []
            for contract in self.contracts.values():
                if why in ("start", "clock"):
                    contract.seconds, contract.seen_since, contract.tap_gaps = {}, second, []
                    contract.refused = {}
            if why == "disk":
                self.standing = {}
                self.unsure_until = max(self.unsure_until or 0, second + self.longest())
            self.gaps.append(gap)
            self.counts[f"gaps of {why}"] += 1

    def take_counts(self, kinds, second, where):
        order = list(self.contracts)
        for kind in ("amendment", "second"):
            places, before = [], None
            for number, leaf in kinds[kind]:
                need(leaf["commitment"] in self.contracts, "leaf", number, "is about a commitment that no policy has")
                subjects = [(entry["asn"], entry.get("role", "")) for entry in leaf["asns"]]
                need(subjects == sorted(set(subjects)) and len(subjects) <= 200, "leaf", number, "has its ASNs not in order")
                counted = second if kind == "second" else at(leaf["for"])
                need(kind == "second" or counted < second, "leaf", number, "amends a second that was not judged")
                first = subjects[0] if subjects else (0, "")
                about = order.index(leaf["commitment"]), counted
                places.append((*about, leaf.get("part", 0), first))
                part, goes_on = 0, before is not None and before[0] == about
                if goes_on:
                    need(len(before[1]) == 200 and before[1][-1] < first, "leaf", number, "goes on behind one that is not full")
                    part = before[2] + 1
                need(kind == "amendment" or leaf.get("part", 0) == part, "leaf", number, "is another part than", part)
                before = about, subjects, part
                self.contracts[leaf["commitment"]].add(counted, leaf["asns"])
            need(places == sorted(set(places)), where, "has leaves of kind", kind, "not in order")

    def judge(self, second, intervals, verdicts, where):
        where = where if intervals or verdicts else f"{where}, in {say(second)}"
        if self.day != second // DAY:
            self.day, self.standing = second // DAY, {}  # all that stand are written again
        sure = self.unsure_until is None or second > self.unsure_until
        want_intervals, want_verdicts, judged = [], [], {}
        ended, self.ended = self.ended, []
        for place, (name, contract) in enumerate(self.contracts.items()):
            mine = [gap for gap in self.gaps if gap.contract in (None, name)]
            given, over = contract.judge(second, mine)
            is_apart = {key: one.last + 1 < second and one.last <= second - contract.window for key, one in contract.over.items()}
            ended += [(name, key, contract.over.pop(key)) for key, apart in is_apart.items() if apart or key not in over]
            for key, (octets, transit) in over.items():
                begun = contract.over.get(key) or Open(second if sure else None, second, 0, set())
                contract.over[key] = Open(begun.first, second, max(begun.peak, octets), begun.transit | set(transit))
            judged.update({(name, asn): verdict for asn, verdict in given.items()})
            contract.forget_before(second)
        order = list(self.contracts)
        for name, (asn, role, direction), interval in ended:
            place = order.index(name) if name in order else len(order)
            want_intervals.append((place, role, asn, direction, name, interval))
        want_intervals.sort(key=lambda one: one[:4])
        for subject in set(judged) | set(self.standing):
            verdict = judged.get(subject, NONE)
            if verdict[0] == NONE[0]:
                verdict = NONE
            if self.standing.get(subject, NONE) != verdict:
                place = order.index(subject[0]) if subject[0] in order else len(order)
                want_verdicts.append((place, subject[0], subject[1], verdict))
        want_verdicts = [one[1:] for one in sorted(want_verdicts, key=lambda one: one[:3])]
        self.counts["seconds judged"] += 1
        if sure:
            self.compare(want_intervals, intervals, want_verdicts, verdicts, where)
        else:
            self.counts["seconds not compared"] += 1
        for _, leaf in verdicts:
            verdict = leaf["verdicts"], leaf.get("reasons", []), leaf.get("void_by_transit")
            self.standing[leaf["commitment"], leaf["asn"]] = verdict
        self.standing = {subject: verdict for subject, verdict in self.standing.items() if verdict[0] != NONE[0]}
        self.gaps = [gap for gap in self.gaps if gap.last > second - 3600]
        self.previous = second

    def compare(self, want_intervals, intervals, want_verdicts, verdicts, where):
        have = [(leaf["commitment"], leaf["asn"], (leaf["verdicts"], leaf.get("reasons", []), leaf.get("void_by_transit"))) for _, leaf in verdicts]
        need(have == want_verdicts, where, "verdicts that change are", want_verdicts, "and the ledger has", have)
        need(len(want_intervals) == len(intervals), where, "intervals that end are", want_intervals, "and the ledger has", intervals)
        for (_, role, asn, direction, name, interval), (number, leaf) in zip(want_intervals, intervals):
            need(at(leaf["from"]) <= at(leaf["until"]), "leaf", number, "ends before it begins")
            said = {"commitment": name, "asn": asn, "direction": direction, "until": say(interval.last)}
            if interval.first is not None:
                said.update({"from": say(interval.first), "peak_bytes": interval.peak})
                need(sorted(interval.transit) == leaf.get("transit", []), "leaf", number, "has other transit ASNs than", sorted(interval.transit))
            for key, value in dict(said, role=role).items():
                need(leaf.get(key, "") == value, "leaf", number, key, "should be", value)
        self.counts["verdicts compared"] += len(have)
        self.counts["intervals compared"] += len(intervals)
