"""The papers of a firm that lets and looks after flats and houses, and exact questions about them:
python3 tools/make_letting.py FOLDER --seed N
"""
import calendar
import html
import json
import random
from collections import Counter, defaultdict
from datetime import date, timedelta

from made_papers import main
from make_plant import document, text_csv, workbook

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December"]
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

FIRMS = ["Corrib Quay Lettings", "Westport Road Property Management", "Spanish Arch Lettings",
         "Tideway Property Care", "Lough Atalia Residential"]
BUILDINGS = [("Millrace House", "MH"), ("Quay Court", "QC"), ("Abbey Terrace", "AT"), ("Canal View", "CV"),
             ("Linen Hall", "LH"), ("Weaver's Row", "WR"), ("Old Distillery", "OD"), ("Sarsfield House", "SH"),
             ("Claddagh Lodge", "CL"), ("Fairgreen Court", "FC"), ("Bishop's Gate", "BG"), ("Nun's Island House", "NI"),
             ("Presentation Place", "PP"), ("Eyre Mews", "EM"), ("Rope Walk", "RW"), ("Taylor's Hill Cottages", "TH")]
ROWS = {"Abbey Terrace", "Weaver's Row", "Eyre Mews", "Rope Walk", "Taylor's Hill Cottages"}   # houses, not flats
STREETS = ["Mill Street", "Dock Road", "Bohermore", "College Road", "Canal Road Lower", "Prospect Hill",
           "Father Griffin Road", "Newcastle Road", "Sea Road", "Henry Street", "Raleigh Row", "Forster Street"]
OWNERS = ["Castlegar Holdings Ltd", "Eileen Fahy", "Ballinfoile Trust", "Padraig Heneghan", "Merlin Park Estates",
          "Noreen Lydon", "Kilcolgan Pension Fund", "Desmond Furey"]
CONTRACTORS = [("Brennan Plumbing", "plumbing"), ("Shantalla Pipework", "plumbing"), ("Atlantic Electrical", "electrical"),
               ("Keane Roofing", "roofing"), ("Silverstrand Joinery", "carpentry"), ("Moycullen Drains", "drains"),
               ("Burke & Sons Locksmiths", "locks"), ("Inagh Heating", "heating"), ("Nolan Decorators", "painting"),
               ("Maam Glass", "glazing"), ("Cleggan Pest Control", "pest control")]
TOWNS = ["Oranmore", "Athenry", "Moycullen", "Loughrea", "Galway"]
FIRST = ["Aoife", "Ciaran", "Marta", "Piotr", "Sinead", "Declan", "Fatima", "Joao", "Grainne", "Oisin", "Helen", "Tomas",
         "Yusuf", "Brid", "Niamh", "Colm", "Ewa", "Hugh", "Ines", "Liam", "Maeve", "Rory", "Saoirse", "Viktor", "Orla",
         "Kevin", "Chiara", "Donal", "Emer", "Farid", "Rachel", "Stephen", "Anita", "Peadar", "Lucia", "Mark"]
LAST = ["Kelleher", "Nowak", "Moran", "Conneely", "Adeyemi", "Walsh", "Silva", "Geraghty", "Tierney", "Horan", "Mannion",
        "Kowalska", "Joyce", "Rahman", "Coyne", "Ferreira", "Duffy", "Lally", "Petrov", "Cusack", "Hynes", "Okafor",
        "Spellman", "Flaherty", "Grealish", "Haddad", "McHugh", "Naughton", "Rossi", "Tully", "Varga", "Costello",
        "Quirke", "Gannon", "Ruane", "Banerjee", "Scully", "Melia", "Dolan", "Corless"]
STAFF = ["Bernadette Kyne", "Fergal Mulry", "Sheila Cafferkey", "Donnacha Reidy", "Imelda Glynn", "Conor Staunton",
         "Therese Hanley", "Eamon Noone", "Una Divilly", "Kieran Lawless"]
SUBJECTS = ["noise", "heating", "damp", "parking", "refuse", "internet"]
INSURERS = ["Clarin Mutual", "Shannonside Insurance", "Hibernia General"]


def dmy(d):
    return f"{d.day:02d}/{d.month:02d}/{d.year}"


def dash(d):
    return f"{d.day:02d}-{MONTHS[d.month - 1][:3]}-{d.year}"


def short(d):
    return f"{d.day} {MONTHS[d.month - 1][:3]} {d.year}"


def long(d):
    return f"{d.day} {MONTHS[d.month - 1]} {d.year}"


def maildate(d, clock):
    return f"{WEEKDAYS[d.weekday()]}, {d.day:02d} {MONTHS[d.month - 1][:3]} {d.year} {clock} +0000"


def money(x):
    return f"{x:,.2f}"


def month_on(d, n):
    m = d.year * 12 + d.month - 1 + n
    return date(m // 12, m % 12 + 1, 1)


def best(scores):
    """The name with the largest score, a sorted list where several tie."""
    top = max(scores.values())
    names = sorted(k for k, v in scores.items() if v == top)
    return names[0] if len(names) == 1 else names


def way(series):
    """rising or falling where the series goes one way all along, else None."""
    pairs = list(zip(series, series[1:]))
    if all(a < b for a, b in pairs):
        return "rising"
    if all(a > b for a, b in pairs):
        return "falling"
    return None


def mean(xs):
    xs = list(xs)
    return round(sum(xs) / len(xs), 2)


def table_md(rows):
    head, *rest = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in r) + " |" for r in rest]) + "\n"


def table_html(rows):
    head, *rest = rows
    out = ["<table>", "<tr>" + "".join(f"<th>{html.escape(c)}</th>" for c in head) + "</tr>"]
    out += ["<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in r) + "</tr>" for r in rest]
    return "\n".join(out + ["</table>"])


def page(title, body):
    return (f"<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{html.escape(title)}</title></head>\n"
            f"<body>\n<h1>{html.escape(title)}</h1>\n{body}\n</body>\n</html>\n").encode()


def make_world(rng):
    w = type("World", (), {})()
    w.firm = rng.choice(FIRMS)
    y1 = rng.choice([2018, 2019, 2020])
    w.years = years = [y1 + i for i in range(5)]
    y2, y3, y4, y5 = years[1:]

    # people of the office
    names = rng.sample(STAFF, 8)
    roles = ["director", "property manager", "property manager", "property manager", "inspector", "inspector", "inspector",
             "accounts"]
    exts = rng.sample(range(201, 260), 8)
    w.staff = []
    for i, (n, r) in enumerate(zip(names, roles)):
        since = date(rng.randint(y1 - 9, y1 - 1), rng.randint(1, 12), rng.choice([1, 15]))
        if i == 6:
            since = date(y3, rng.randint(1, 2), 1)           # the inspector who came later
        w.staff.append(dict(name=n, role=r, ext=exts[i], since=since))
    managers = [s["name"] for s in w.staff if s["role"] == "property manager"]
    inspectors = [s for s in w.staff if s["role"] == "inspector"]
    w.late_inspector = inspectors[-1]["name"]

    # buildings and units
    houses = [b for b in BUILDINGS if b[0] in ROWS]
    flats = [b for b in BUILDINGS if b[0] not in ROWS]
    chosen = rng.sample(houses, 2) + rng.sample(flats, 7)
    rng.shuffle(chosen)
    owners = rng.sample(OWNERS, 5)
    built = rng.sample(range(1896, 2012), 9)
    w.buildings, w.units = [], []
    for i, (name, code) in enumerate(chosen):
        owner = owners[i] if i < 5 else rng.choice(owners)
        w.buildings.append(dict(code=code, name=name, address=f"{rng.randint(2, 88)} {rng.choice(STREETS)}, Galway",
                                built=built[i], owner=owner, manager=managers[i] if i < 3 else rng.choice(managers),
                                house=name in ROWS))
        used = {u["area"] for u in w.units}
        for k in range(rng.randint(3, 5)):
            kind = "house" if name in ROWS else "flat"
            beds = rng.choice([2, 3, 3, 4]) if kind == "house" else rng.choice([1, 1, 2, 2, 3])
            while True:
                area = round(rng.uniform(16, 21) + beds * rng.uniform(17, 22), 1)
                if area not in used:
                    break
            used.add(area)
            w.units.append(dict(code=f"{code}-{k + 1:02d}", building=name, kind=kind, floor=0 if kind == "house" else k // 2,
                                beds=beds, area=area))
    w.unit = {u["code"]: u for u in w.units}
    w.building = {b["name"]: b for b in w.buildings}

    # leases and tenants
    people = [f"{a} {b}" for a in FIRST for b in LAST]
    rng.shuffle(people)
    phones = rng.sample(range(1000000, 9999999), 400)
    w.tenants, raw = [], []
    for u in w.units:
        start = month_on(date(y1 - 1, 2, 1), rng.randint(0, 15))
        rate = rng.uniform(15.5, 19.5)
        tenant = None
        while start <= date(y5, 12, 1):
            months = rng.choice([12, 24, 24, 24, 36, 36])
            renewal = tenant is not None and rng.random() < 0.35
            if not renewal:
                if tenant is not None:
                    start = month_on(start, rng.choice([0, 0, 1, 1, 2]))
                    if start > date(y5, 12, 1):
                        break
                tenant = people.pop()
            end = month_on(start, months) - timedelta(days=1)
            rent = 5 * round(u["area"] * rate * 1.06 ** (start.year + start.month / 12 - y1) / 5)
            raw.append(dict(unit=u["code"], tenant=tenant, start=start, end=end, rent=rent, deposit=rent,
                            type="renewal" if renewal else "new"))
            start = end + timedelta(days=1)
    raw.sort(key=lambda r: (r["start"], r["unit"]))
    first = rng.randint(1040, 1400)
    for i, r in enumerate(raw):
        r["lease"] = f"L-{first + i}"
    w.leases = raw
    number = rng.randint(2100, 2500)
    for r in w.leases:
        if r["type"] == "new":
            p = phones.pop()
            w.tenants.append(dict(number=f"T{number}", name=r["tenant"], phone=f"08{5 + p % 3} {p // 10000:03d} {p % 10000:04d}",
                                  since=r["start"]))
            number += rng.choice([1, 1, 1, 2])
    w.tenant = {t["name"]: t for t in w.tenants}

    def lease_at(unit, day):
        return next((r for r in w.leases if r["unit"] == unit and r["start"] <= day <= r["end"]), None)
    w.lease_at = lease_at

    # contractors
    chosen = rng.sample(CONTRACTORS, 9)
    w.contractors = []
    fees = rng.sample(range(45, 120, 5), 9)
    for i, (n, t) in enumerate(chosen):
        fee = fees[i]
        w.contractors.append(dict(name=n, trade=t, town=TOWNS[i] if i < 4 else rng.choice(TOWNS), old_fee=fee,
                                  fee=fee + rng.choice([5, 10, 15]) if i in (0, 2, 3, 6) else fee,
                                  phone=f"091 {rng.randint(500000, 799999)}", late=i == 8, weight=[6, 5, 5, 4, 3, 3, 3, 1, 4][i]))
    w.contractor = {c["name"]: c for c in w.contractors}
    w.late_contractor = w.contractors[8]["name"]

    # repairs
    w.repairs = []
    n = rng.randint(26, 29)
    for y in years:
        days = sorted(rng.sample(range(1, 360), n))
        who = [c for c in w.contractors if not (c["late"] and y < y4)]
        rows = []
        for i, d in enumerate(days):
            day = date(y, 1, 1) + timedelta(days=d - 1)
            c = rng.choices(who, [x["weight"] for x in who])[0]
            call = rng.choices(["STD", "OOH", "WTY"], [76, 17, 7])[0]
            low, high = {"roofing": (180, 1900), "heating": (120, 1500), "locks": (60, 260)}.get(c["trade"], (70, 880))
            cost = 0.0 if call == "WTY" else round(rng.uniform(low, high) * (1.3 if call == "OOH" else 1), 1)
            rows.append(dict(job=f"R{y % 100}-{i + 1:03d}", date=day, unit=rng.choice(w.units)["code"], trade=c["trade"],
                             contractor=c["name"], call=call, cost=cost, days=0 if call == "OOH" and rng.random() < .4
                             else rng.randint(1, 24), booked=cost))
        w.repairs += rows
        n += rng.randint(3, 6)
    # one bill typed in wrongly (two figures swapped), put right by mail
    wrong = rng.choice([r for r in w.repairs if r["date"].year == y3 and r["call"] == "STD" and r["date"].month < 12])
    a, b = rng.sample(range(1, 10), 2)
    a, b = min(a, b), max(a, b)
    wrong["cost"], wrong["booked"] = 1000.0 + 100 * a + 10 * b, 1000.0 + 100 * b + 10 * a
    w.wrong = wrong
    # the last jobs of the last year have no bill yet
    for r in [r for r in w.repairs if r["date"].year == y5 and r["call"] == "STD"][-3:]:
        r["cost"] = r["booked"] = None

    # inspections
    rows = []
    for i, r in enumerate(w.leases):
        nxt = next((s for s in w.leases if s["unit"] == r["unit"] and s["start"] > r["end"]), None)
        if r["type"] == "new":
            rows.append((r["start"] + timedelta(days=rng.randint(0, 2)), r["unit"], "CI"))
        if rng.random() < .8:
            rows.append((r["start"] + (r["end"] - r["start"]) // 2 + timedelta(days=rng.randint(-25, 25)), r["unit"], "MTI"))
        if not (nxt and nxt["type"] == "renewal"):
            rows.append((r["end"] - timedelta(days=rng.randint(0, 2)), r["unit"], "CO"))
    rows = sorted(r for r in rows if r[0].year in years)
    w.inspections, seq = [], Counter()
    for day, unit, kind in rows:
        seq[day.year] += 1
        who = rng.choice([s["name"] for s in inspectors if s["since"] <= day])
        w.inspections.append(dict(ref=f"I{day.year}-{seq[day.year]:02d}", date=day, unit=unit, kind=kind, inspector=who,
                                  score=rng.choices([2, 3, 4, 5], [1, 3, 5, 3])[0],
                                  minutes=5 * rng.randint(4, 7) + 10 * w.unit[unit]["beds"] + (10 if kind == "CO" else 0)))

    # complaints
    w.complaints = []
    n = rng.randint(17, 19)
    for k, y in enumerate(years):
        rows = []
        while len(rows) < n:
            day = date(y, 1, 1) + timedelta(days=rng.randint(0, 357))
            unit = rng.choice(w.units)["code"]
            lease = lease_at(unit, day)
            subject = rng.choices(SUBJECTS, [6, 4, 4, 2, 3, 1])[0]
            if lease is None or (subject == "parking" and y == y5) or any(r["date"] == day for r in rows):
                continue
            outcome = rng.choices(["upheld", "partly upheld", "not upheld"], [5, 2, 3])[0]
            goodwill = 0 if outcome == "not upheld" else rng.choice([0, 25, 40, 50, 75, 100])
            rows.append(dict(date=day, unit=unit, tenant=lease["tenant"], subject=subject, outcome=outcome,
                             goodwill=goodwill, days=rng.randint(14 - 2 * k, 32 - 4 * k)))
        rows.sort(key=lambda r: r["date"])
        for i, r in enumerate(rows):
            r["ref"] = f"C{y % 100}-{i + 1:02d}"
        w.complaints += rows
        n -= rng.randint(2, 3)

    # rent received: what the leases ask, less what some quarter fell short
    w.rent = {}
    for y in years:
        for b in w.buildings:
            for q in range(4):
                due = 0
                for m in range(3 * q + 1, 3 * q + 4):
                    due += sum(r["rent"] for r in w.leases if w.unit[r["unit"]]["building"] == b["name"]
                               and r["start"] <= date(y, m, 1) <= r["end"])
                if rng.random() < .15 and due:
                    due -= 5 * rng.randint(20, 90)
                w.rent[y, b["name"], q] = due

    # insurance
    w.policies = []
    for b in w.buildings:
        w.policies.append(dict(building=b["name"], insurer=rng.choice(INSURERS), number=f"PB-{rng.randint(300000, 799999)}",
                               insured=rng.randint(12, 48) * 100000, renewal=date(y4, rng.randint(2, 11), 1)))
    moved = rng.choice(w.policies)
    w.moved = dict(building=moved["building"], old=moved["number"], insurer=next(x for x in INSURERS if x != moved["insurer"]),
                   number=f"PB-{rng.randint(800000, 899999)}", since=date(y5, moved["renewal"].month, 1))

    # what the meeting notes tell
    blocks = rng.sample([b["name"] for b in w.buildings if not b["house"]], 4)
    w.boiler = dict(building=blocks[0], date=date(y2, rng.randint(3, 10), rng.randint(2, 27)), price=rng.randint(70, 130) * 100)
    w.lift = dict(building=blocks[1], date=date(y4, rng.randint(3, 10), rng.randint(2, 27)))
    chairs = [r["tenant"] for r in w.leases if w.unit[r["unit"]]["building"] == blocks[2]
              and r["start"] <= date(y3, 1, 15) and r["end"] >= date(y3, 4, 1)]
    w.assoc = dict(building=blocks[2], name=rng.choice(chairs or [people.pop()]))
    w.painted = dict(building=blocks[3], month=rng.randint(4, 9))
    return w


def make_papers(w, rng):
    y1, y2, y3, y4, y5 = w.years
    files = {}

    def by(rows, *ys):
        return [r for r in rows if r["date"].year in ys]

    # registers
    files["registers/buildings.xlsx"] = workbook({
        "Buildings": [[f"{w.firm} - building register"], [f"as at 1 January {y5 + 1}"], [],
                      ["Code", "Building", "Address", "Built", "Owner", "Property manager"]]
        + [[b["code"], b["name"], b["address"], b["built"], b["owner"], b["manager"]] for b in w.buildings]})
    files["registers/units.csv"] = text_csv(
        [["Unit", "Building", "Type", "Floor", "Bedrooms", "Area m2"]]
        + [[u["code"], u["building"], u["kind"], u["floor"], u["beds"], f"{u['area']:.1f}"] for u in w.units], ";")
    files["registers/tenants.csv"] = text_csv(
        [["Tenant no", "Name", "Phone", "Tenant since"]]
        + [[t["number"], t["name"], t["phone"], dmy(t["since"])] for t in sorted(w.tenants, key=lambda t: t["number"])], ",")
    files[f"registers/approved contractors {y3}.docx"] = document(
        [f"Approved contractors {y3}", f"List of the firms we call, as agreed in January {y3}. Call-out fees are in euros, "
         "before any work is done."],
        [[["Contractor", "Trade", "Town", "Phone", "Call-out fee"]]
         + [[c["name"], c["trade"], c["town"], c["phone"], f"€{c['old_fee']}"] for c in w.contractors if not c["late"]]])
    files[f"registers/approved contractors {y5}.docx"] = document(
        [f"Approved contractors {y5}", f"This list replaces the one of {y3}. It holds from 1 January {y5}; {w.late_contractor} "
         f"was taken on at the start of {y4} and is listed here for the first time. Call-out fees are in euros."],
        [[["Contractor", "Trade", "Based in", "Phone", "Call-out fee"]]
         + [[c["name"], c["trade"], c["town"], c["phone"], f"€{c['fee']}"] for c in sorted(w.contractors, key=lambda c: c["name"])]])

    # leases
    files[f"leases/lease book to {y3}.xlsx"] = workbook({
        "Leases": [["Lease no", "Unit", "Tenant", "New or renewal", "Start", "End", "Monthly rent", "Deposit"]]
        + [[r["lease"], r["unit"], r["tenant"], r["type"], r["start"], r["end"], r["rent"], r["deposit"]]
           for r in w.leases if r["start"].year <= y3]})
    files[f"leases/lease_book_{y4}_{y5}.csv"] = text_csv(
        [["Lease no", "Unit", "Tenant name", "Kind", "Start date", "End date", "Rent per month (EUR)", "Deposit (EUR)"]]
        + [[r["lease"], r["unit"], r["tenant"], r["type"], dmy(r["start"]), dmy(r["end"]), money(r["rent"]), money(r["deposit"])]
           for r in w.leases if r["start"].year >= y4], ";")

    # repairs
    def old_book(rows):
        return text_csv([["Job no", "Reported", "Unit", "Trade", "Contractor", "Call", "Cost EUR", "Days open"]]
                        + [[r["job"], dmy(r["date"]), r["unit"], r["trade"], r["contractor"], r["call"], money(r["booked"]),
                            r["days"]] for r in rows], ";")
    files[f"repairs/repairs_{y1}.csv"] = old_book(by(w.repairs, y1))
    files[f"repairs/repairs_{y2}.csv"] = old_book(by(w.repairs, y2))
    files[f"repairs/old/repairs_{y2} to September.csv"] = old_book([r for r in by(w.repairs, y2) if r["date"].month <= 9])
    for y in (y3, y4):
        rows = by(w.repairs, y)
        files[f"repairs/repairs {y}.xlsx"] = workbook({
            f"Repairs {y}": [[f"Repair book {y}"], ["One line a job, in the order reported; amounts in euros, VAT included"], [],
                             ["Job no", "Date reported", "Unit", "Trade", "Done by", "Call type", "Invoice amount",
                              "Days to finish"]]
            + [[r["job"], r["date"], r["unit"], r["trade"], r["contractor"], r["call"], r["booked"], r["days"]] for r in rows]
            + [["Total", "", "", "", "", "", round(sum(r["booked"] for r in rows), 2), ""]]})
    files[f"repairs/repairs {y3} - Copy.xlsx"] = files[f"repairs/repairs {y3}.xlsx"]
    files[f"repairs/repairs_{y5}.csv"] = text_csv(
        [["job_no", "reported_on", "unit", "trade", "contractor", "call_type", "invoice_eur", "days_to_finish"]]
        + [[r["job"], r["date"].isoformat(), r["unit"], r["trade"], r["contractor"], r["call"],
            "" if r["booked"] is None else f"{r['booked']:.2f}", r["days"]] for r in by(w.repairs, y5)], ",")

    # inspections
    files[f"inspections/inspections {y1}-{y2}.csv"] = text_csv(
        [["Ref", "Date", "Unit", "Type", "Inspector", "Condition (1-5)", "Duration (min)"]]
        + [[r["ref"], dash(r["date"]), r["unit"], r["kind"], r["inspector"], r["score"], r["minutes"]]
           for r in by(w.inspections, y1, y2)], ",")
    files[f"inspections/inspections_{y3}.jsonl"] = "".join(
        json.dumps(dict(ref=r["ref"], date=r["date"].isoformat(), unit=r["unit"], type=r["kind"], inspector=r["inspector"],
                        condition=r["score"], minutes=r["minutes"])) + "\n" for r in by(w.inspections, y3)).encode()
    files[f"inspections/inspections_{y4}.jsonl"] = "".join(
        json.dumps(dict(ref=r["ref"], inspected_on=r["date"].isoformat(), unit=r["unit"], type=r["kind"],
                        inspected_by=r["inspector"], condition=r["score"], duration_min=r["minutes"])) + "\n"
        for r in by(w.inspections, y4)).encode()
    files[f"inspections/backup/inspections_{y4} (1).jsonl"] = files[f"inspections/inspections_{y4}.jsonl"]
    files[f"inspections/inspections {y5}.html"] = page(
        f"Inspections {y5}", f"<p>Printed from the inspection app on 8 January {y5 + 1}. Condition runs from 1 (poor) to 5 "
        "(as new).</p>\n" + table_html(
            [["Ref", "Date", "Unit", "Type", "Inspected by", "Condition", "Minutes"]]
            + [[r["ref"], long(r["date"]), r["unit"], r["kind"], r["inspector"], r["score"], r["minutes"]]
               for r in by(w.inspections, y5)]))

    # complaints
    files[f"complaints/complaints_{y1}_{y2}.csv"] = text_csv(
        [["Ref", "Received", "Tenant", "Unit", "Subject", "Outcome", "Days to resolve"]]
        + [[r["ref"], dmy(r["date"]), r["tenant"], r["unit"], r["subject"], r["outcome"], r["days"]]
           for r in by(w.complaints, y1, y2)], ",")
    files[f"complaints/complaints {y3}-{y4}.xlsx"] = workbook({
        str(y): [["Ref", "Date received", "Tenant", "Unit", "Subject", "Outcome", "Resolved in (days)", "Goodwill paid (EUR)"]]
        + [[r["ref"], r["date"], r["tenant"], r["unit"], r["subject"], r["outcome"], r["days"], r["goodwill"]]
           for r in by(w.complaints, y)] for y in (y3, y4)})
    files[f"complaints/complaints log {y5}.md"] = (
        f"# Complaints log {y5}\n\nOne line for each complaint, as received. Goodwill is what we paid the tenant, in euros.\n\n"
        + table_md([["Ref", "Received", "Tenant", "Unit", "About", "Outcome", "Days to resolve", "Goodwill (EUR)"]]
                   + [[r["ref"], short(r["date"]), r["tenant"], r["unit"], r["subject"], r["outcome"], r["days"], r["goodwill"]]
                      for r in by(w.complaints, y5)])).encode()

    # rent received
    sheets = {}
    for y in w.years:
        heads = ["Building", "Q1", "Q2", "Q3", "Q4", "Year"] if y < y4 else ["Building", "Jan-Mar", "Apr-Jun", "Jul-Sep", "Oct-Dec",
                                                                           "Whole year"]
        rows = [[b["name"]] + [w.rent[y, b["name"], q] for q in range(4)] for b in w.buildings]
        rows = [r + [sum(r[1:])] for r in rows]
        sheets[str(y)] = [[f"Rent received per building in {y}, euros"], [], heads] + rows + [
            ["Total"] + [sum(r[i] for r in rows) for i in range(1, 6)]]
    files["rent/rent received.xlsx"] = workbook(sheets)

    # insurance
    files["insurance/policies.md"] = (
        f"# Building insurance\n\nPolicies in force, as put together by the broker in December {y4 - 1}.\n\n"
        + table_md([["Building", "Insurer", "Policy no", "Sum insured (EUR)", "Renewal"]]
                   + [[p["building"], p["insurer"], p["number"], f"{p['insured']:,}", long(p["renewal"])]
                      for p in w.policies])).encode()

    # mail
    domain = w.firm.lower().replace(" ", "") + ".example"
    accounts = next(s["name"] for s in w.staff if s["role"] == "accounts")
    director = next(s["name"] for s in w.staff if s["role"] == "director")
    addr = {n: n.lower().replace(" ", ".") + "@" + domain for n in (accounts, director)}

    def mail(sender, to, day, clock, subject, body, n):
        return (f"From: {sender}\nTo: {to}\nDate: {maildate(day, clock)}\nSubject: {subject}\nMessage-ID: <{n}@{domain}>\n"
                f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{body}").encode()
    r = w.wrong
    files[f"mail/{y4}-01-18 correction {r['job']}.eml"] = mail(
        f"{accounts} <{addr[accounts]}>", f"{director} <{addr[director]}>", date(y4, 1, 18), "10:42:00",
        f"Correction: job {r['job']} in the {y3} repair book",
        f"Hello {director.split()[0]},\n\nWhen I went through the invoices for the auditor I found one slip. Job {r['job']} "
        f"({r['contractor']}, unit {r['unit']}, reported {long(r['date'])}) stands in the {y3} repair book at "
        f"{money(r['booked'])} euros. The invoice says {money(r['cost'])} euros, and that is what we paid; I swapped two digits "
        f"when typing.\n\nPlease use {money(r['cost'])} from now on, also in any total for {y3}. The book is closed, so I have "
        f"left the file as it was; its total is {money(r['booked'] - r['cost'])} euros too high.\n\nRegards\n"
        f"{accounts.split()[0]}\n", f"{y4}0118.1042")
    m = w.moved
    files[f"mail/{y5} insurance {m['building']}.eml"] = mail(
        "Ardilaun Brokers <desk@ardilaun.example>", f"{director} <{addr[director]}>", m["since"] - timedelta(days=9), "15:05:00",
        f"{m['building']}: new building insurance policy",
        f"Dear {director},\n\nAs agreed by phone, the building insurance of {m['building']} moves to {m['insurer']} from "
        f"{long(m['since'])}. The new policy number is {m['number']}; it replaces {m['old']}, which ends the day before. The sum "
        "insured stays as it was. The other buildings are not affected.\n\nKind regards\nArdilaun Brokers\n",
        f"{y5}.ardilaun")

    # the office
    files["office/glossary.md"] = (
        f"# Words and letters we use\n\n"
        "- **CI** - check-in inspection, done when a new tenant gets the keys\n"
        "- **CO** - check-out inspection, done when a tenant leaves\n"
        "- **MTI** - mid-tenancy inspection, about half way through a lease\n"
        "- **OOH** - out-of-hours call-out: the contractor came in the evening, at night or at the weekend\n"
        "- **STD** - standard job, done in working hours\n"
        "- **WTY** - warranty job: the contractor came back to put right earlier work, at no charge\n"
        "- **Goodwill** - a small sum paid to a tenant after a complaint\n\n"
        "Unit codes are the building's two letters and a number.\n").encode()
    files["office/staff.html"] = page(f"{w.firm}: who is who", "<p>Ring the office, then the extension.</p>\n" + table_html(
        [["Name", "Role", "Extension", "With us since"]]
        + [[s["name"], s["role"], s["ext"], long(s["since"])] for s in w.staff]))
    mgr = w.building[w.assoc["building"]]["manager"]
    files["office/meeting notes.txt"] = (
        f"MEETING NOTES (typed up by {accounts})\n\n"
        f"{long(date(y1, 2, 6))}\n"
        f"- The repair books from before {y1} got wet in the old cellar and were thrown out. Nothing is left of them; we start "
        f"afresh with {y1}.\n"
        f"- {director} asks everyone to write the unit code on every job sheet.\n\n"
        f"{long(w.boiler['date'] + timedelta(days=12))}\n"
        f"- The common boiler at {w.boiler['building']} was replaced on {long(w.boiler['date'])}. The owner paid the installer "
        f"directly ({money(w.boiler['price'])} euros), so it is not in our repair book.\n"
        "- Two sets of keys missing from the cabinet, found again the same afternoon.\n\n"
        f"{long(date(y3, 3, 10))}\n"
        f"- {w.late_inspector} has joined us as inspector. Welcome!\n"
        f"- Residents of {w.assoc['building']} have formed an association; {w.assoc['name']} chairs it. {mgr} will go to their "
        "meetings.\n\n"
        f"{long(w.lift['date'] + timedelta(days=8))}\n"
        f"- The lift at {w.lift['building']} passed its safety test on {long(w.lift['date'])}.\n"
        f"- Stairs at {w.painted['building']} to be painted in {MONTHS[w.painted['month'] - 1]} {y5}, the owner agrees.\n"
        ).encode()
    reps, comps, insp = by(w.repairs, y4), by(w.complaints, y4), by(w.inspections, y4)
    files[f"office/letter to owners {y4}.docx"] = document(
        [f"{w.firm}", f"Galway, 30 January {y5}", "Dear owner,",
         f"In {y4} we looked after {len(w.units)} flats and houses in {len(w.buildings)} buildings. {len(reps)} repair jobs were "
         f"reported to us and {len(comps)} complaints came in, and our inspectors made {len(insp)} visits.",
         f"Together the buildings brought in {sum(w.rent[y4, b['name'], q] for b in w.buildings for q in range(4)):,} euros of rent.",
         "The number of homes per building is in the table below.", f"Yours sincerely, {director}"],
        [[["Building", "Homes"]] + [[b["name"], str(sum(u["building"] == b["name"] for u in w.units))] for b in w.buildings]])
    return files


def make_questions(w, rng):
    y1, y2, y3, y4, y5 = w.years
    asked = []

    def ask(kind, question, value):
        if isinstance(value, float):
            value = round(value, 2)
            value = int(value) if value == int(value) else value
        if isinstance(value, date):
            value = value.isoformat()
        if isinstance(value, (list, set)):
            value = sorted(value)
            assert value, question
        asked.append(dict(id=f"q{len(asked) + 1:02d}", kind=kind, question=question, status="answered", value=value))

    def cannot(question):
        asked.append(dict(id=f"q{len(asked) + 1:02d}", kind="unanswerable", question=question, status="no_answer"))

    def of(rows, y):
        return [r for r in rows if r["date"].year == y]

    def house(unit):
        return w.unit[unit]["building"]

    def some(options):
        """One of the options in a random order that passes its own test; options are (test, thing)."""
        options = [thing for good, thing in options if good]
        assert options
        return rng.choice(options)

    def started(y):
        return [r for r in w.leases if r["start"].year == y]
    R, I, C = w.repairs, w.inspections, w.complaints
    names = [b["name"] for b in w.buildings]
    once = [t for t in w.tenants if sum(r["tenant"] == t["name"] for r in w.leases) == 1]
    one_lease = {t["name"]: next(r for r in w.leases if r["tenant"] == t["name"]) for t in once}
    usual = [c["name"] for c in w.contractors if not c["late"] and c["weight"] >= 3]

    # count
    ask("count", f"How many repair jobs were reported in {y2}?", len(of(R, y2)))
    c = rng.choice(usual)
    ask("count", f"How many jobs did {c} do for us in {y4}, going by the date reported?", sum(r["contractor"] == c for r in of(R, y4)))
    ask("count", f"How many complaints did we receive in {y3}?", len(of(C, y3)))
    p = rng.choice([s["name"] for s in w.staff if s["role"] == "inspector"])
    ask("count", f"How many inspections did {p} carry out in {y5}?", sum(r["inspector"] == p for r in of(I, y5)))
    ask("count", f"How many leases started in {y4}, renewals included?", len(started(y4)))
    ask("count", f"How many jobs reported in {y1} cost more than 500 euros?", sum(r["cost"] > 500 for r in of(R, y1)))
    ask("count", "How many of our units have two bedrooms?", sum(u["beds"] == 2 for u in w.units))

    # top
    def top_of(kind, options):
        """options: (question, scores); takes one whose winner stands alone, or at most two share."""
        options = [(q, s) for q, s in options if not isinstance(best(s), list) or len(best(s)) <= 2]
        assert options
        q, s = rng.choice(options)
        ask(kind, q, best(s))
    top_of("top", [(f"Which contractor did the most jobs in {y}?", Counter(r["contractor"] for r in of(R, y))) for y in (y1, y2, y3, y4)])
    top_of("top", [(f"What subject did we get the most complaints about in {y1} to {y5} taken together?",
                    Counter(r["subject"] for r in C)),
                   (f"What subject did we get the most complaints about in {y1}?", Counter(r["subject"] for r in of(C, y1)))])
    ask("top", f"Which job reported in {y4} had the highest invoice?", best({r["job"]: r["cost"] for r in of(R, y4)}))
    top_of("top", [(f"Which inspector carried out the most inspections in {y}?", Counter(r["inspector"] for r in of(I, y)))
                   for y in w.years])
    y = rng.choice([y3, y4, y5])
    ask("top", f"Which building brought in the most rent in {y}?", best({b: sum(w.rent[y, b, q] for q in range(4)) for b in names}))

    # trend
    trends = [("Was the number of repair jobs reported per year rising or falling", [len(of(R, y)) for y in w.years]),
              ("Was the number of complaints per year rising or falling", [len(of(C, y)) for y in w.years]),
              ("Was the average number of days we took to resolve a complaint rising or falling",
               [mean(r["days"] for r in of(C, y)) for y in w.years]),
              ("Was the total rent received per year rising or falling",
               [sum(v for k, v in w.rent.items() if k[0] == y) for y in w.years])]
    clear = [(q, way(series)) for q, series in trends if way(series)]
    for q, told in rng.sample(clear, min(3, len(clear))):
        ask("trend", f"{q} from {y1} to {y5}?", told)

    # mean
    ask("mean", f"What was the average number of days a job reported in {y2} took?", mean(r["days"] for r in of(R, y2)))
    y = rng.choice([y3, y4, y5])
    ask("mean", f"How many days did it take on average to resolve the complaints received in {y}?", mean(r["days"] for r in of(C, y)))
    b = rng.choice(names)
    ask("mean", f"What is the average area of the units in {b}, in m²?", mean(u["area"] for u in w.units if u["building"] == b))
    ask("mean", f"What was the average monthly rent, in euros, of the leases that started in {y5}, renewals included?",
        mean(r["rent"] for r in started(y5)))
    y = rng.choice([y1, y3, y4])
    ask("mean", f"How many minutes did an inspection take on average in {y}?", mean(r["minutes"] for r in of(I, y)))

    # sum
    ask("sum", f"What was the total cost, in euros, of the jobs reported in {y2}?", sum(r["cost"] for r in of(R, y2)))
    c = rng.choice([x for x in usual if any(r["contractor"] == x for r in of(R, y4))])
    ask("sum", f"What was the total cost, in euros, of the jobs {c} did in {y4}, going by the date reported?",
        sum(r["cost"] for r in of(R, y4) if r["contractor"] == c))
    y = rng.choice([y4, y5])
    ask("sum", f"How much goodwill did we pay in all, in euros, on the complaints received in {y}?", sum(r["goodwill"] for r in of(C, y)))
    q = rng.randint(1, 4)
    ask("sum", f"How much rent, in euros, did all buildings together bring in in the {['first', 'second', 'third', 'fourth'][q - 1]} "
        f"quarter of {y2}?", sum(w.rent[y2, x, q - 1] for x in names))

    # lookup
    r = rng.choice(of(R, y2))
    ask("lookup", f"When was job {r['job']} reported?", r["date"])
    t = rng.choice([x for x in once if one_lease[x["name"]]["end"] > date(y5, 12, 31)])
    ask("lookup", f"What is the monthly rent of {t['name']}, in euros?", one_lease[t["name"]]["rent"])
    ask("lookup", f"When was the common boiler at {w.boiler['building']} replaced?", w.boiler["date"])
    ask("lookup", f"Who chairs the residents' association of {w.assoc['building']}?", w.assoc["name"])
    day = date(rng.choice([y2, y3, y4]), rng.randint(2, 11), 15)
    u = some([(w.lease_at(x["code"], day), x["code"]) for x in w.units])
    ask("lookup", f"Who was the tenant of unit {u} on {long(day)}?", w.lease_at(u, day)["tenant"])

    # identifier
    t = rng.choice(once)
    ask("identifier", f"What is the lease number of {t['name']}?", one_lease[t["name"]]["lease"])
    p = rng.choice([x for x in w.policies if x["building"] != w.moved["building"]])
    ask("identifier", f"What is the number of the building insurance policy of {p['building']}?", p["number"])

    # two documents
    busy = Counter(house(r["unit"]) for r in of(R, y3))
    b = rng.choice(sorted(busy))
    ask("two documents", f"How many repair jobs were reported at {b} in {y3}?", busy[b])
    o = some([(any(w.building[house(r["unit"])]["owner"] == x for r in of(R, y4)), x) for x in sorted({b["owner"] for b in w.buildings})])
    ask("two documents", f"What was the total cost, in euros, of the jobs reported in {y4} at buildings owned by {o}?",
        sum(r["cost"] for r in of(R, y4) if w.building[house(r["unit"])]["owner"] == o))
    town = some([(any(w.contractor[r["contractor"]]["town"] == x for r in of(R, y2)), x) for x in TOWNS])
    ask("two documents", f"How many jobs reported in {y2} were done by contractors based in {town}?",
        sum(w.contractor[r["contractor"]]["town"] == town for r in of(R, y2)))
    b = rng.choice(w.buildings)
    ask("two documents", f"What is the phone extension of the property manager of {b['name']}?",
        next(s["ext"] for s in w.staff if s["name"] == b["manager"]))
    top_of("two documents", [(f"Which property manager's buildings had the most complaints in {y}?",
                              Counter(w.building[house(r["unit"])]["manager"] for r in of(C, y))) for y in w.years])
    r = rng.choice(of(C, y4))
    ask("two documents", f"What is the phone number of the tenant who made complaint {r['ref']}?", w.tenant[r["tenant"]]["phone"])

    # set
    options = [(y, [b for b in names if not any(house(r["unit"]) == b for r in of(C, y))]) for y in w.years]
    y, none = some([(1 <= len(x[1]) <= 5, x) for x in options])
    ask("set", f"Which buildings had no complaints in {y}?", none)
    owners = Counter(b["owner"] for b in w.buildings)
    o = some([(n >= 2, x) for x, n in sorted(owners.items())])
    ask("set", f"Which buildings does {o} own?", [b["name"] for b in w.buildings if b["owner"] == o])
    ask("set", f"Which jobs reported in {y5} have no invoice amount yet?", [r["job"] for r in of(R, y5) if r["cost"] is None])

    # zero
    ask("zero", f"How many jobs did {w.late_contractor} do for us in {y2}?", 0)
    ask("zero", f"How many complaints about parking did we receive in {y5}?", 0)
    ask("zero", f"How many inspections did {w.late_inspector} carry out in {y1}?", 0)

    # jargon
    y = rng.choice([y2, y3, y4])
    ask("jargon", f"How many out-of-hours call-outs were there in {y}?", sum(r["call"] == "OOH" for r in of(R, y)))
    y = rng.choice([y2, y3, y4, y5])
    ask("jargon", f"How many mid-tenancy inspections were carried out in {y}?", sum(r["kind"] == "MTI" for r in of(I, y)))
    y = some([(any(r["call"] == "OOH" for r in of(R, x)), x) for x in (y1, y2, y4)])
    ask("jargon", f"What was the average cost, in euros, of an out-of-hours call-out in {y}?",
        mean(r["cost"] for r in of(R, y) if r["call"] == "OOH"))

    # conflict
    ask("conflict", f"What did job {w.wrong['job']} cost, in euros?", w.wrong["cost"])
    ask("conflict", f"What was the total cost, in euros, of the jobs reported in {y3}?", sum(r["cost"] for r in of(R, y3)))
    c = rng.choice([x for x in w.contractors if x["fee"] != x["old_fee"]])
    ask("conflict", f"What call-out fee does {c['name']} charge now, in euros?", c["fee"])
    ask("conflict", f"What is the current insurance policy number of {w.moved['building']}?", w.moved["number"])

    # unanswerable
    cannot(f"What is the date of birth of {rng.choice(w.tenants)['name']}?")
    cannot(f"What was the total cost, in euros, of the repair jobs reported in {y1 - 2}?")
    cannot(f"How many parking spaces does {rng.choice(names)} have?")
    cannot(f"What is the energy rating of unit {rng.choice(w.units)['code']}?")
    cannot(f"What did job R{y4 % 100}-{len(of(R, y4)) + rng.randint(30, 60):03d} cost, in euros?")
    cannot(f"What management fee do we charge {rng.choice(w.buildings)['owner']}?")
    cannot(f"What is the salary of {rng.choice(w.staff)['name']}?")
    cannot(f"Which bank does {rng.choice(w.contractors)['name']} use?")

    # none of the zeros may be untrue
    assert not any(r["contractor"] == w.late_contractor for r in of(R, y2))
    assert not any(r["subject"] == "parking" for r in of(C, y5)) and any(r["subject"] == "parking" for r in C)
    assert not any(r["inspector"] == w.late_inspector for r in of(I, y1))
    return asked


def make(seed):
    rng = random.Random(seed)
    w = make_world(rng)
    return make_papers(w, rng), make_questions(w, rng)


if __name__ == "__main__":
    main(__doc__, make)
