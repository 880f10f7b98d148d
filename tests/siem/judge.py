"""What a receiver has, against what the log gives."""

import json
import re


def uid_of(text, format="ocsf"):
    """The uid of an event, by its format."""
    if format in ("ocsf", "ocsf-1.8"):
        return json.loads(text)["metadata"]["uid"]
    if format == "ecs":
        return json.loads(text)["event"]["id"]
    if format == "cloudevents":
        return json.loads(text)["id"]
    if format == "json":
        return json.loads(text)["uid"]
    found = re.search(r"[ |]externalId=(\S+)" if format == "cef" else r"[\t|]uid=([^\t]+)", text)
    return found[1]


def log_of(text, format="ocsf"):
    """Which of the two logs an event is of."""
    if format in ("ocsf", "ocsf-1.8"):
        return json.loads(text)["metadata"]["log_name"]
    if format == "ecs":
        return json.loads(text)["event"]["provider"]
    if format == "cloudevents":
        return json.loads(text)["source"]
    if format == "json":
        return json.loads(text)["origin"]
    key = r" deviceExternalId=(\S+)" if format == "cef" else r"\tidentHostName=([^\t]+)"
    return re.search(key, text)[1]


def judge(report, name, received, expected, format="ocsf", again=True,
          ordered=True):
    """Counts whether everything arrived, duplicates are equal byte for byte, nothing else came, and
    the order is that of each log. `again`: this receiver may get an event more than once. `ordered`:
    it keeps an order; one that refuses single events of a batch gets those later.
    """
    want = {uid_of(text, format): text for text in expected}
    assert len(want) == len(expected), "uids of a log differ"
    seen, order, strange, altered, twice = set(), {}, [], [], 0
    for text in received:
        try:
            uid = uid_of(text, format)
        except (ValueError, KeyError, TypeError):
            strange.append(text)
            continue
        if uid not in want:
            strange.append(text)
        elif text != want[uid]:
            altered.append(f"{text}\n     {want[uid]}")
        if uid in seen:
            twice += 1
        else:
            seen.add(uid)
            order.setdefault(log_of(text, format), []).append(uid)
    missing = [text for uid, text in want.items() if uid not in seen]
    report.check(f"{name}: no event is missing of {len(want)}", not missing,
                 f"{len(missing)} missing, the first: {missing[:1]}")
    report.check(f"{name}: every copy is the log's event, byte for byte ({twice} came again)",
                 not altered, f"{len(altered)} altered: {altered[:1]}")
    report.check(f"{name}: nothing else came", not strange, f"{len(strange)}: {strange[:2]}")
    if ordered:
        report.check(f"{name}: each log is in its order", order == in_order(expected, format),
                     first_difference(order, in_order(expected, format)))
    if not again:
        report.check(f"{name}: nothing came twice", twice == 0, f"{twice} did")
    return not missing and not altered and not strange


def in_order(texts, format):
    order = {}
    for text in texts:
        order.setdefault(log_of(text, format), []).append(uid_of(text, format))
    return order


def first_difference(one, other):
    for log in sorted(set(one) | set(other)):
        left, right = one.get(log, []), other.get(log, [])
        for at, pair in enumerate(zip(left, right)):
            if pair[0] != pair[1]:
                return f"{log}: differs at {at}: {pair}"
        if len(left) != len(right):
            return f"{log}: {len(left)} and {len(right)} events"
    return ""
