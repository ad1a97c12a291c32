"""A growers' cooperative's papers and exact questions about them: python3 tools/make_cooperative.py FOLDER --seed N"""
import datetime as dt
import json
import random
from collections import Counter, defaultdict
from email.message import EmailMessage
from html import escape

from made_papers import main
from make_plant import document, text_csv, workbook

YEARS = [2019, 2020, 2021, 2022, 2023]
FIRMS = ["Hollin Vale Growers", "Teme Bank Growers", "Wyre Side Growers", "Marl Hill Growers"]
FARMS = ["Birchwood Farm", "Lower Tinsley Orchards", "Copthorne Farm", "Oakhanger Fruit", "Brook End Farm",
         "Sallowfield", "Pound Lane Growers", "Hatchet Green Farm", "Upper Wick Orchards", "Stanway Farm",
         "Thornbury Holdings", "Fallow Hill Farm", "Quarry Cottage Produce", "Marsh Gate Farm", "Netherby Orchards",
         "Kingsmead Farm", "Rushcombe", "Wheelers Yard", "Dunnock Farm", "Ashlar Growers", "Perry Court Farm",
         "Little Hay Farm", "Vineyard Bank", "Cropthorne Barn"]
FIRST = ["Alison", "Martin", "Ruth", "Graham", "Helen", "Tom", "Sian", "Peter", "Judith", "Colin", "Megan", "Derek",
         "Fiona", "Robert", "Ellen", "Huw", "Janet", "Simon", "Clare", "Nigel", "Bethan", "Owen", "Lucy", "Frank"]
LAST = ["Pritchard", "Langley", "Hobday", "Weaver", "Checketts", "Tranter", "Bayliss", "Powell", "Gittins", "Morris",
        "Skyrme", "Haines", "Lloyd", "Bufton", "Averill", "Marston", "Yapp", "Cartwright", "Dallow", "Everall",
        "Farr", "Hodges", "Ingram", "Jukes", "Kendrick", "Lewis", "Nott", "Preece", "Rudge", "Whiting"]
PARISHES = ["Ashmere", "Bredley", "Cold Norton", "Eastham", "Knightwick", "Suckley"]
CROPS = [  # code, name, kind, months, storage, crate, price
    ("BRM", "Bramley apples", "fruit", [9, 10, 11], 3.5, "300 kg bin", .46),
    ("COX", "Cox apples", "fruit", [9, 10], 3.0, "300 kg bin", .62),
    ("CNF", "Conference pears", "fruit", [9, 10], -0.5, "250 kg bin", .58),
    ("VIC", "Victoria plums", "fruit", [8, 9], 1.0, "6 kg tray", 1.12),
    ("CRT", "Carrots", "vegetable", [1, 2, 7, 8, 9, 10, 11], 0.5, "500 kg box", .21),
    ("LEE", "Leeks", "vegetable", [1, 2, 3, 10, 11, 12], 0.0, "10 kg crate", .74),
    ("SAV", "Savoy cabbage", "vegetable", [1, 2, 3, 11, 12], 0.0, "12 kg crate", .33),
    ("BTR", "Beetroot", "vegetable", [6, 7, 8, 9, 10], 1.5, "500 kg box", .25),
    ("PSN", "Parsnips", "vegetable", [1, 2, 3, 10, 11, 12], 0.5, "500 kg box", .41)]
BUYERS = ["Dalton Fresh", "Harker Wholesale", "Severn Street Market", "Greenlea Stores", "Corvedale Catering",
          "Mercer & Pike", "The Pantry Group", "Bell Lane Foods", "Orchard Direct", "Tolley Produce"]
TOWNS = ["Worcester", "Ludlow", "Hereford", "Kidderminster", "Birmingham", "Gloucester"]
MACHINES = ["Orchard sprayer", "Leek harvester", "Topper", "Subsoiler", "Hedge cutter", "Steam weeder", "Bed former",
            "Plum shaker"]
CAUSES = ["bruising", "rot", "short weight", "wrong label", "late delivery"]
REMARKS = {
    "IPM": ["Codling moth traps read, below threshold", "Aphids on the headland, no spraying yet", "Scab on lower leaves",
            "Carrot fly trap count up, covers kept on", "Ladybird numbers good"],
    "SSC": ["Compaction at 25 cm in the gateway", "Good crumb, worms plentiful", "Pan under the wheelings, loosen in autumn"],
    "NMP": ["Plan signed", "Potash low on the top field", "Manure dates agreed"],
    "certification": ["Spray store in order", "Two records to be completed", "Ready for the inspector"],
    "harvest timing": ["Starch test 6, pick next week", "Wait ten days", "Start on the south side"]}
PURPOSES = list(REMARKS)


def long_date(d):
    return f"{d.day} {d:%B %Y}"


def generate(rng):
    people = [f"{a} {b}" for a, b in zip(rng.sample(FIRST, 24) + rng.sample(FIRST, 6), rng.sample(LAST, 30))]
    take = iter(people)
    D = {"firm": rng.choice(FIRMS) + "' Cooperative"}
    farms = rng.sample(FARMS, 17)
    D["stranger"] = next(f for f in rng.sample(FARMS, len(FARMS)) if f not in farms)
    parishes = rng.sample(PARISHES, 5)
    growers = []
    joined = set()
    for i, f in enumerate(sorted(farms)):
        j = dt.date(rng.randint(1992, 2017), rng.randint(1, 12), rng.randint(1, 28))
        while j in joined:
            j += dt.timedelta(days=1)
        joined.add(j)
        growers.append(dict(name=f, contact=next(take), parish=parishes[i % 5] if i < 5 else rng.choice(parishes),
                            ha=rng.randint(60, 640) / 10, joined=j,
                            status=rng.choice(["conventional", "conventional", "organic"]),
                            crops=rng.sample([c[0] for c in CROPS], rng.randint(2, 4)), w=rng.uniform(.5, 2)))
    growers[3]["status"] = "organic"
    for i, g in enumerate(sorted(growers, key=lambda g: g["joined"])):
        g["no"] = f"M{104 + 3 * i}"
    growers.sort(key=lambda g: g["no"])
    for g in growers:
        g["old_contact"], g["old_ha"] = g["contact"], g["ha"]
    changed = rng.sample(growers, 4)
    for g in changed[:3]:
        g["old_contact"] = next(take)
    changed[3]["old_ha"] = round(changed[3]["ha"] + rng.choice([-4.2, 3.6, 5.5]), 1)
    D["changed"] = changed
    D["growers"], D["G"] = growers, {g["no"]: g for g in growers}
    D["C"] = {c[0]: dict(code=c[0], name=c[1], kind=c[2], months=c[3], temp=c[4], crate=c[5], price=c[6]) for c in CROPS}
    staff_names = [next(take) for _ in range(8)]
    roles = ["field adviser"] * 4 + ["intake clerk", "quality officer", "quality officer", "keeper of the machinery pool"]
    D["staff"] = [dict(name=n, role=r, since=rng.randint(2004, 2018)) for n, r in zip(staff_names, roles)]
    advisers, quality = staff_names[:4], staff_names[5:7]
    D["advisers"], D["clerk"], D["pool"] = advisers, staff_names[4], staff_names[7]
    D["quality"] = quality
    D["buyers"] = [dict(acc=f"B{11 + i}", name=n, town=rng.choice(TOWNS),
                        type=["wholesaler", "shop chain", "caterer"][i % 3],
                        manager=rng.choice(quality + [D["clerk"]])) for i, n in enumerate(rng.sample(BUYERS, 8))]
    D["B"] = {b["acc"]: b for b in D["buyers"]}
    D["machines"] = [dict(no=f"P{i + 1}", name=n, bought=rng.randint(2006, 2017), day=rng.choice([18, 22, 25, 30, 35, 40, 48]))
                     for i, n in enumerate(rng.sample(MACHINES, 7))]
    D["P"] = {m["no"]: m for m in D["machines"]}

    # deliveries
    dels, used = [], set()
    holds = {2019: 7, 2020: 6, 2021: 4, 2022: 3, 2023: 2}
    for y in YEARS:
        n = rng.randint(40, 52)
        rows = []
        while len(rows) < n:
            g = rng.choices(growers, [g["w"] for g in growers])[0]
            c = D["C"][rng.choice(g["crops"])]
            d = dt.date(y, rng.choice(c["months"]), rng.randint(1, 28))
            if d.weekday() == 6 or (g["no"], d) in used:
                continue
            used.add((g["no"], d))
            kg = rng.randint(80, 1240) * 5 if c["code"] != "VIC" else rng.randint(20, 180) * 5
            cls = rng.choices(["I", "II", "process"], [6, 3, 2])[0]
            rows.append(dict(date=d, m=g["no"], crop=c["code"], kg=kg, cls=cls, out="AC", store=rng.randint(1, 5)))
        picks = rng.sample(rows, holds[y] + rng.randint(4, 8))
        for r in picks[:holds[y]]:
            r["out"] = "HR"
        for r in picks[holds[y]:]:
            r["out"], r["cls"] = "DG", "II"
        for r in rows:
            p = D["C"][r["crop"]]["price"] * (1 + .03 * (y - 2019)) * {"I": 1, "II": .75, "process": .5}[r["cls"]]
            r["price"] = round(p, 3)
            r["paid"] = round(r["kg"] * r["price"], 2)
        dels += sorted(rows, key=lambda r: (r["date"], r["m"]))
    no = rng.randint(20100, 20900)
    for r in dels:
        no += rng.choice([1, 1, 1, 2, 3])
        r["no"] = f"DN{no}"
        r["w_kg"], r["w_paid"] = r["kg"], r["paid"]
    D["dels"] = dels
    # the corrected delivery: two digits of the weight were swapped in the export
    cands = [r for r in dels if r["date"].year == 2021 and r["kg"] >= 1000 and str(r["kg"])[0] != str(r["kg"])[1] != "0"
             and r["crop"] != "VIC"]
    fix = rng.choice(cands)
    s = str(fix["kg"])
    fix["w_kg"] = int(s[1] + s[0] + s[2:])
    fix["w_paid"] = round(fix["w_kg"] * fix["price"], 2)
    D["fix"] = fix
    D["DN"] = {r["no"]: r for r in dels}

    # advisory visits
    visits, seen = [], set()
    D["unvisited"] = [g["no"] for g in rng.sample(growers, 3)]
    for y, n in zip(YEARS, [15, 18, 21, 25, 29]):
        pool = [g["no"] for g in growers if not (y == 2022 and g["no"] in D["unvisited"])]
        must = list(pool) if y == 2022 else []
        rows = []
        while len(rows) < n:
            m = must.pop() if must else rng.choice(pool)
            while True:
                d = dt.date(y, rng.randint(1, 12), rng.randint(1, 28))
                if d.weekday() < 5 and (m, d) not in seen:
                    break
            seen.add((m, d))
            p = rng.choices(PURPOSES, [5, 3, 3, 2, 3])[0]
            rows.append(dict(date=d, m=m, adv=rng.choices(advisers, [4, 3, 2, 2])[0], purpose=p, min=15 * rng.randint(2, 12),
                             remark=rng.choice(REMARKS[p])))
        rows.sort(key=lambda r: (r["date"], r["m"]))
        for i, r in enumerate(rows):
            r["no"] = f"V{y % 100}{i + 1:03d}"
        visits += rows
    D["visits"] = visits

    # complaints
    comps = []
    D["quiet"] = (rng.choice(D["buyers"])["acc"], 2022)
    for y, n in zip(YEARS, [18, 15, 12, 10, 7]):
        src = [r for r in dels if r["date"].year == y and r["date"] < dt.date(y, 12, 1)]
        rows = []
        for r in rng.sample(src, n):
            accs = [b["acc"] for b in D["buyers"] if (b["acc"], y) != D["quiet"]]
            d = r["date"] + dt.timedelta(days=rng.randint(3, 20))
            rows.append(dict(date=d, b=rng.choice(accs), crop=r["crop"], dn=r["no"], cause=rng.choices(CAUSES, [5, 4, 2, 2, 2])[0],
                             credit=float(rng.choice([0, 0] + list(range(25, 420, 5)))), by=rng.choice(quality),
                             closed=d + dt.timedelta(days=rng.randint(2, 25))))
        rows.sort(key=lambda r: (r["date"], r["dn"]))
        for i, r in enumerate(rows):
            r["no"] = f"C{y % 100}-{i + 1:02d}"
            r["w_credit"] = r["credit"]
        comps += rows
    c = rng.choice([c for c in comps if c["date"].year == 2022 and c["credit"] > 0])
    c["credit"] = c["w_credit"] + rng.choice([40.0, 65.0, 90.0])
    D["cfix"], D["comps"] = c, comps

    # machinery loans
    loans, busy = [], set()
    D["idle"] = [m["no"] for m in rng.sample(D["machines"], 2)]
    for y, n in zip(YEARS, [13, 17, 20, 24, 28]):
        ms = [m for m in D["machines"] if not (y == 2020 and m["no"] in D["idle"])]
        must, rows = (list(ms) if y == 2020 else []), []
        while len(rows) < n:
            m = must[-1] if must else rng.choice(ms)
            d = dt.date(y, rng.randint(1, 11), rng.randint(1, 28))
            days = rng.randint(1, 8)
            span = {(m["no"], d + dt.timedelta(days=k)) for k in range(days)}
            if span & busy:
                continue
            if must:
                must.pop()
            busy |= span
            rows.append(dict(date=d, p=m["no"], m=rng.choice(growers)["no"], days=days, back=d + dt.timedelta(days=days - 1),
                             charge=float(days * m["day"])))
        loans += sorted(rows, key=lambda r: (r["date"], r["p"]))
    D["loans"] = loans

    D["agm"] = dt.date(2022, 3, rng.randint(14, 25))
    D["chair"] = rng.choice(growers)["contact"]
    D["chair_farm"] = next(g["name"] for g in growers if g["contact"] == D["chair"])
    D["levy"] = rng.choice([2.4, 2.6, 2.8, 3.1])
    return D


def papers(D):
    G, C, B, P = D["G"], D["C"], D["B"], D["P"]
    firm, F = D["firm"], {}
    of = lambda rows, y: [r for r in rows if r["date"].year == y]

    # registers
    F["registers/Growers register 31-12-2023.xlsx"] = workbook({"Growers": [
        [firm], ["Register of growers as of 31 December 2023"], [],
        ["Member no.", "Farm", "Contact person", "Parish", "Hectares", "Status", "Member since"]] +
        [[g["no"], g["name"], g["contact"], g["parish"], g["ha"], g["status"], g["joined"]] for g in D["growers"]]})
    F["registers/growers_register_2020.csv"] = text_csv(
        [["Register of growers as of 1 January 2020"],
         ["Member no.", "Farm name", "Contact", "Parish", "Area (ha)", "Status", "Joined"]] +
        [[g["no"], g["name"], g["old_contact"], g["parish"], f"{g['old_ha']:.1f}", g["status"], f"{g['joined']:%d/%m/%Y}"]
         for g in D["growers"]], ";", "utf-8")
    F["registers/crops.csv"] = text_csv(
        [["Crop code", "Crop", "Kind", "Storage temp (°C)", "Packed in"]] +
        [[c["code"], c["name"], c["kind"], f"{c['temp']:.1f}", c["crate"]] for c in C.values()], ",", "utf-8")
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(str(b[k]))}</td>" for k in ("acc", "name", "type", "town", "manager")) +
                     "</tr>" for b in D["buyers"])
    F["registers/buyers.html"] = f"""<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Buyers</title></head><body>
<h1>Buyers and their account managers</h1>
<p>{escape(firm)}, sales office. Complaints go to the quality officers, everything else to the account manager.</p>
<table border="1">
<tr><th>Account</th><th>Buyer</th><th>Type</th><th>Town</th><th>Account manager</th></tr>
{rows}
</table></body></html>
""".encode()
    F["registers/Machinery pool.docx"] = document(
        [f"{firm} - machinery pool", "The machines below are lent to members by the day. The day of collection and the day "
         f"of return are both charged. Bookings: {D['pool']}."],
        [[["Asset", "Machine", "Bought", "Charge per day (£)"]] +
         [[m["no"], m["name"], str(m["bought"]), f"{m['day']:.2f}"] for m in D["machines"]]])
    F["registers/staff.md"] = ("# Staff at the office and in the field\n\n| Name | Role | With us since |\n|---|---|---|\n" +
                               "".join(f"| {s['name']} | {s['role']} | {s['since']} |\n" for s in D["staff"])).encode()

    # intake
    d = of(D["dels"], 2019)
    F["intake/Intake 2019.csv"] = text_csv(
        [[firm], ["Intake 2019, exported 07-Jan-2020"], [],
         ["Note", "Date", "Member", "Farm", "Crop", "Net kg", "Class", "Outcome", "Chamber", "Paid (£)"]] +
        [[r["no"], f"{r['date']:%d-%b-%Y}", r["m"], G[r["m"]]["name"], C[r["crop"]]["name"], f"{r['w_kg']:,}", r["cls"],
          r["out"], r["store"], f"{r['w_paid']:,.2f}"] for r in d] +
        [["Total", "", "", "", "", f"{sum(r['w_kg'] for r in d):,}", "", "", "", f"{sum(r['w_paid'] for r in d):,.2f}"]],
        ";", "cp1252")
    d = of(D["dels"], 2020)
    F["intake/Intake 2020.csv"] = text_csv(
        [["Delivery note", "Received", "Member no.", "Crop code", "Net weight (t)", "Class", "Outcome", "Chamber", "Amount GBP"]] +
        [[r["no"], f"{r['date']:%d/%m/%Y}", r["m"], r["crop"], f"{r['w_kg'] / 1000:.3f}", r["cls"], r["out"], r["store"],
          f"{r['w_paid']:.2f}"] for r in d], ",", "utf-8")
    d = of(D["dels"], 2021)
    F["intake/Intake 2021.csv"] = F["intake/old/Copy of Intake 2021.csv"] = text_csv(
        [["Delivery note", "Received", "Farm", "Crop", "Weight (kg)", "Class", "Intake code", "Store", "Payment"]] +
        [[r["no"], r["date"].isoformat(), G[r["m"]]["name"], C[r["crop"]]["name"], r["w_kg"], r["cls"], r["out"],
          f"Chamber {r['store']}", f"£{r['w_paid']:,.2f}"] for r in d] +
        [["Sum", "", "", "", sum(r["w_kg"] for r in d), "", "", "", f"£{sum(r['w_paid'] for r in d):,.2f}"]], ";", "utf-8-sig")
    d = of(D["dels"], 2022)
    per = defaultdict(lambda: [0, 0, 0.0])
    for r in d:
        p = per[C[r["crop"]]["name"]]
        p[0] += 1
        p[1] += r["w_kg"]
        p[2] += r["w_paid"]
    F["intake/Intake 2022.xlsx"] = workbook({
        "Intake": [["Intake 2022"], ["Printed 9 January 2023"], [],
                   ["Delivery note", "Received", "Member no.", "Farm", "Crop", "Weight (kg)", "Class", "Intake code", "Chamber",
                    "Payment (£)"]] +
                  [[r["no"], r["date"], r["m"], G[r["m"]]["name"], C[r["crop"]]["name"], r["w_kg"], r["cls"], r["out"],
                    r["store"], r["w_paid"]] for r in d] +
                  [["Total", "", "", "", "", sum(r["w_kg"] for r in d), "", "", "", round(sum(r["w_paid"] for r in d), 2)]],
        "Per crop": [["Crop", "Deliveries", "kg", "£"]] + [[k, v[0], v[1], round(v[2], 2)] for k, v in sorted(per.items())]})
    d = of(D["dels"], 2023)
    head = ["note_no", "received_on", "member_no", "crop_code", "net_kg", "class", "intake_code", "chamber", "paid_gbp"]
    for name, part in (("H1", [r for r in d if r["date"].month < 7]), ("H2", [r for r in d if r["date"].month > 6])):
        F[f"intake/intake_2023_{name}.csv"] = text_csv(
            [head] + [[r["no"], r["date"].isoformat(), r["m"], r["crop"], r["w_kg"], r["cls"], r["out"], r["store"],
                       f"{r['w_paid']:.2f}"] for r in part], ",", "utf-8")
    F["accounts/Intake Q1 2023 for the auditor.xlsx"] = workbook({"Q1": [
        ["Delivery note", "Date", "Farm", "Crop", "kg", "Paid £"]] +
        [[r["no"], r["date"], G[r["m"]]["name"], C[r["crop"]]["name"], r["w_kg"], r["w_paid"]] for r in d if r["date"].month < 4]})

    # advisory visits
    F["advice/Field visits 2019-2020.xlsx"] = workbook({str(y): [
        ["Visit", "Date", "Farm", "Adviser", "Purpose", "Duration (min)", "Remark"]] +
        [[r["no"], r["date"], G[r["m"]]["name"], r["adv"], r["purpose"], r["min"], r["remark"]] for r in of(D["visits"], y)]
        for y in (2019, 2020)})
    F["advice/field_visits_2021.csv"] = text_csv(
        [["Visit no.", "Visited on", "Member no.", "Adviser", "Purpose", "Hours", "Remarks"]] +
        [[r["no"], f"{r['date']:%d/%m/%Y}", r["m"], r["adv"], r["purpose"], f"{r['min'] / 60:.2f}", r["remark"]]
         for r in of(D["visits"], 2021)], ",", "utf-8")
    line = lambda r: json.dumps(dict(
        visit=r["no"], date=r["date"].isoformat(), member_no=r["m"], farm=G[r["m"]]["name"], adviser=r["adv"],
        purpose=r["purpose"], duration_min=r["min"], remark=r["remark"])) + "\n"
    F["advice/backup/visits (copy Jan 2023).jsonl"] = "".join(map(line, of(D["visits"], 2022))).encode()
    F["advice/visits_2022_2023.jsonl"] = "".join(map(line, of(D["visits"], 2022) + of(D["visits"], 2023))).encode()

    # complaints
    F["quality/Complaints 2019-2021.xlsx"] = workbook({str(y): [[f"Complaints {y}"],
        ["Complaint", "Received", "Buyer", "Crop", "Delivery note", "Cause", "Credit (£)", "Handled by", "Closed"]] +
        [[r["no"], r["date"], B[r["b"]]["name"], C[r["crop"]]["name"], r["dn"], r["cause"], r["w_credit"], r["by"], r["closed"]]
         for r in of(D["comps"], y)] for y in (2019, 2020, 2021)})
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(str(v))}</td>" for v in (
        r["no"], f"{r['date']:%d/%m/%Y}", B[r["b"]]["name"], C[r["crop"]]["name"], r["dn"], r["cause"], f"£{r['w_credit']:.2f}",
        r["by"], f"{r['closed']:%d/%m/%Y}")) + "</tr>" for r in of(D["comps"], 2022))
    F["quality/complaints_2022.html"] = f"""<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Complaints 2022</title></head><body>
<h2>Complaints received in 2022</h2>
<table>
<tr><th>No.</th><th>Received</th><th>Buyer</th><th>Crop</th><th>Delivery note</th><th>Cause</th><th>Credit note</th><th>Officer</th><th>Closed on</th></tr>
{rows}
</table></body></html>
""".encode()
    F["quality/complaints_2023.csv"] = text_csv(
        [["complaint_no", "received", "buyer_account", "crop", "delivery_note", "cause", "credit_gbp", "officer", "closed"]] +
        [[r["no"], r["date"].isoformat(), r["b"], C[r["crop"]]["name"], r["dn"], r["cause"], f"{r['w_credit']:.2f}", r["by"],
          r["closed"].isoformat()] for r in of(D["comps"], 2023)], ";", "utf-8")
    cf = D["cfix"]
    noted = cf["closed"] + dt.timedelta(days=12)
    F["quality/note on a credit.txt"] = f"""Note for the complaints file, {long_date(noted)}

Complaint {cf['no']} ({B[cf['b']]['name']}, {C[cf['crop']]['name']}): after a second look at the photographs we
raised the credit from £{cf['w_credit']:.2f} to £{cf['credit']:.2f}. The list for 2022 still shows the old sum,
please take this note as the right one.

{cf['by']}
""".encode()

    # machinery loans
    d = [r for r in D["loans"] if r["date"].year < 2022]
    F["machinery/loans 2019-2021.csv"] = text_csv(
        [["Machinery pool, loans 2019 to 2021"], ["Out", "Back", "Machine", "Farm", "Days", "Charge"]] +
        [[f"{r['date']:%d.%m.%Y}", f"{r['back']:%d.%m.%Y}", P[r["p"]]["name"], G[r["m"]]["name"], r["days"],
          f"{r['charge']:.2f}"] for r in d] +
        [["Total", "", "", "", sum(r["days"] for r in d), f"{sum(r['charge'] for r in d):.2f}"]], ";", "utf-8")
    F["machinery/Loans 2022-2023.xlsx"] = workbook({str(y): [
        ["Asset", "Machine", "Member no.", "Collected", "Returned", "Days charged", "Charge (£)"]] +
        [[r["p"], P[r["p"]]["name"], r["m"], r["date"], r["back"], r["days"], r["charge"]] for r in of(D["loans"], y)]
        for y in (2022, 2023)})

    # words
    F["Glossary.md"] = b"""# Words and abbreviations we use

- **AC** - accepted at intake as offered.
- **DG** - downgraded at intake: the load came as class I but was taken, and paid, as class II.
- **HR** - held for a residue test. The load stays in the chamber until the result is in; all loads held so far were released afterwards.
- **IPM** - integrated pest management round, a visit to look at pests and traps.
- **SSC** - soil structure check, done with the spade.
- **NMP** - nutrient management plan, a visit to draw up or go over the plan.
- **Chamber** - one of the five cold chambers of the store.
"""
    F["About this folder.txt"] = f"""{firm} - office drive

intake      every load a member brings has one delivery note; weights are net
advice      the field advisers' visits
quality     complaints from buyers
machinery   loans from the machinery pool
registers   growers, crops, buyers, machines, staff
accounts    what the auditor asked for

Before 2019 the intake, the visits and the complaints were kept on paper. Those books are in the cellar, not here.

{D['clerk']}
""".encode()
    fx = D["fix"]

    def mail(frm, to, when, subject, text):
        m = EmailMessage()
        dom = firm.split("'")[0].lower().replace(" ", "") + ".example"
        addr = lambda n: f"{n} <{n.split()[0].lower()}@{dom}>"
        m["From"], m["To"], m["Subject"] = addr(frm), addr(to), subject
        m["Date"] = when.strftime("%a, %d %b %Y 09:14:00 +0000")
        m.set_content(text)
        return m.as_bytes()
    F["mail/weight of a load 2021.eml"] = mail(D["clerk"], D["quality"][0], dt.date(2022, 1, 18), f"Correction to {fx['no']}", (
        f"Hello {D['quality'][0].split()[0]},\n\n"
        f"the weighbridge slip for delivery note {fx['no']} ({G[fx['m']]['name']}, {C[fx['crop']]['name']},\n"
        f"{long_date(fx['date'])}) was typed in wrongly. The 2021 list says {fx['w_kg']:,} kg,\n"
        f"the right net weight is {fx['kg']:,} kg. The payment is therefore £{fx['paid']:,.2f}\n"
        f"and not £{fx['w_paid']:,.2f}; the bank has been told.\n\n"
        "I cannot change the closed year in the export, so please keep this mail.\n\n"
        f"Regards\n{D['clerk'].split()[0]}\n"))
    F["mail/spring meeting.eml"] = mail(D["pool"], D["clerk"], dt.date(2023, 2, 6), "Room for the spring meeting",
        "Morning,\n\ncould you book the village hall again for the spring meeting? Thirty chairs will do,\n"
        "and tea for the break.\n\nThanks\n")
    F["meetings/AGM 2022 minutes.docx"] = document([
        f"{firm}", f"Minutes of the annual general meeting held on {long_date(D['agm'])} in the packhouse canteen",
        f"1. {D['chair']} ({D['chair_farm']}) was elected chair of the committee for three years.",
        f"2. The members set the marketing levy at £{D['levy']:.2f} per tonne from 1 January 2023.",
        "3. The machinery pool stays open to all members. Machines come back clean.",
        f"Minutes taken by {D['clerk']}."], [])
    d19, d20 = of(D["dels"], 2019), of(D["dels"], 2020)
    F["meetings/Report for members 2020.md"] = f"""# Report for members, 2020

We took in {len(d20)} loads in 2020 (2019: {len(d19)}), together {sum(r['kg'] for r in d20) / 1000:.3f} t.
The field advisers made {len(of(D['visits'], 2020))} visits and buyers sent {len(of(D['comps'], 2020))} complaints.
The machinery pool was used {len(of(D['loans'], 2020))} times.

The committee thanks everybody who stood in at the packhouse in spring.
""".encode()
    return F


def ask(D, rng):
    G, C, B, P = D["G"], D["C"], D["B"], D["P"]
    dels, visits, comps, loans = D["dels"], D["visits"], D["comps"], D["loans"]
    fx, cf = D["fix"], D["cfix"]
    Q = []

    def q(kind, text, value=None):
        e = dict(id=f"q{len(Q) + 1:02d}", kind=kind, question=text, status="no_answer")
        if value is not None:
            if isinstance(value, float):
                value = round(value, 2)
            e.update(status="answered", value=value)
        Q.append(e)

    def top(pairs):
        t = Counter()
        for k, v in pairs:
            t[k] += v
        best = max(round(v, 6) for v in t.values())
        names = sorted(k for k, v in t.items() if round(v, 6) == best)
        return names[0] if len(names) == 1 else names

    def w(rows, *years, **kw):
        return [r for r in rows if (not years or r["date"].year in years) and all(r[k] == v for k, v in kw.items())]
    mean = lambda xs: sum(xs) / len(xs)
    gname = lambda r: G[r["m"]]["name"]
    cname = lambda r: C[r["crop"]]["name"]
    some = lambda rows: rng.choice(rows)

    # count
    q("count", "How many deliveries did we take in during 2021?", len(w(dels, 2021)))
    c = some(w(dels, 2020))["crop"]
    q("count", f"How many deliveries of {C[c]['name']} did we receive in 2020?", len(w(dels, 2020, crop=c)))
    a = some(D["advisers"][:3])
    q("count", f"How many field visits did {a} make in 2022?", len(w(visits, 2022, adv=a)))
    m = some(w(dels, 2022))["m"]
    q("count", f"How many deliveries did {G[m]['name']} bring in from 2021 to 2023?", len(w(dels, 2021, 2022, 2023, m=m)))
    q("count", "How many complaints about bruising did we get from 2019 to 2023?", len(w(comps, cause="bruising")))
    p = some(w(loans, 2023))["p"]
    q("count", f"How many times was the {P[p]['name']} lent out in 2023?", len(w(loans, 2023, p=p)))
    # top
    q("top", "Which grower brought in the most deliveries in 2020?", top((gname(r), 1) for r in w(dels, 2020)))
    q("top", "Which crop had the most complaints from 2019 to 2023?", top((cname(r), 1) for r in comps))
    q("top", "Which buyer complained most often in 2019?", top((B[r["b"]]["name"], 1) for r in w(comps, 2019)))
    q("top", "Which adviser spent the most time on field visits in 2021?", top((r["adv"], r["min"]) for r in w(visits, 2021)))
    q("top", "Which grower was paid the most for deliveries in 2023?", top((gname(r), r["paid"]) for r in w(dels, 2023)))
    # trend
    q("trend", "Has the yearly number of complaints been rising or falling from 2019 to 2023?", "falling")
    q("trend", "Has the number of machinery loans per year been rising or falling between 2019 and 2023?", "rising")
    q("trend", "Were field visits per year rising or falling from 2019 to 2023?", "rising")
    # mean
    q("mean", "How long was a field visit on average in 2022, in minutes (two decimals)?", float(mean([r["min"] for r in w(visits, 2022)])))
    c = some(w(dels, 2019))["crop"]
    q("mean", f"What was the average weight in kg of a delivery of {C[c]['name']} in 2019 (two decimals)?",
      float(mean([r["kg"] for r in w(dels, 2019, crop=c)])))
    q("mean", "What was the average credit in pounds per complaint in 2020 (two decimals)?", float(mean([r["credit"] for r in w(comps, 2020)])))
    # sum
    c = some(w(dels, 2022))["crop"]
    q("sum", f"What was the total weight in kg of {C[c]['name']} delivered in 2022?", sum(r["kg"] for r in w(dels, 2022, crop=c)))
    m = some(w(dels, 2020))["m"]
    q("sum", f"How much did we pay {G[m]['name']} for deliveries in 2020, in pounds?", float(sum(r["paid"] for r in w(dels, 2020, m=m))))
    b = some([r for r in comps if r["credit"] and r["b"] != cf["b"]])["b"]
    q("sum", f"What was the total of the credits given to {B[b]['name']} from 2019 to 2023, in pounds?", float(sum(r["credit"] for r in w(comps, b=b))))
    p = some(w(loans, 2021))["p"]
    q("sum", f"For how many days in total was the {P[p]['name']} charged in 2021?", sum(r["days"] for r in w(loans, 2021, p=p)))
    m = some(w(visits, 2021))["m"]
    q("sum", f"How many minutes of field visits did {G[m]['name']} get in 2020 and 2021 together?", sum(r["min"] for r in w(visits, 2020, 2021, m=m)))
    # lookup
    g = some(D["growers"])
    q("lookup", f"When did {g['name']} become a member?", g["joined"].isoformat())
    c = some(list(C.values()))
    q("lookup", f"At what temperature in °C do we store {c['name']}?", c["temp"])
    b = some(D["buyers"])
    q("lookup", f"Who is the account manager for {b['name']}?", b["manager"])
    q("lookup", "When was the annual general meeting in 2022 held?", D["agm"].isoformat())
    q("lookup", "What marketing levy per tonne in pounds did the members set from 2023?", D["levy"])
    q("lookup", "Who looks after the machinery pool?", D["pool"])
    m = some(w(visits, 2023))["m"]
    q("lookup", f"When was the last field visit to {G[m]['name']} in 2023?", max(r["date"] for r in w(visits, 2023, m=m)).isoformat())
    # identifier
    r = some([r for r in dels if r is not fx])
    q("identifier", f"What is the number of the delivery note for the load {gname(r)} brought on {long_date(r['date'])}?", r["no"])
    r = some([r for r in w(dels, 2020)])
    q("identifier", f"How many kg did delivery {r['no']} weigh?", r["kg"])
    r = some(comps)
    q("identifier", f"Who handled complaint {r['no']}?", r["by"])
    # two documents
    q("two documents", "How many deliveries in 2022 came from organic growers?",
      sum(G[r["m"]]["status"] == "organic" for r in w(dels, 2022)))
    par = G[some(w(dels, 2019))["m"]]["parish"]
    q("two documents", f"What was the total weight in kg delivered in 2019 by growers from the parish of {par}?",
      sum(r["kg"] for r in w(dels, 2019) if G[r["m"]]["parish"] == par))
    r = some(w(comps, 2020, 2023))
    q("two documents", f"Which grower delivered the load that complaint {r['no']} was about?", gname(D["DN"][r["dn"]]))
    par = G[some(w(visits, 2023))["m"]]["parish"]
    q("two documents", f"How many field visits were made to growers in {par} in 2023?",
      sum(G[r["m"]]["parish"] == par for r in w(visits, 2023)))
    q("two documents", "How many complaints did we get from wholesalers in 2019?",
      sum(B[r["b"]]["type"] == "wholesaler" for r in w(comps, 2019)))
    q("two documents", "How many kg of fruit did we take in in 2023?",
      sum(r["kg"] for r in w(dels, 2023) if C[r["crop"]]["kind"] == "fruit"))
    # set
    m = max(sorted(G), key=lambda m: (len({r["crop"] for r in w(dels, 2021, m=m)}), m))
    q("set", f"Which crops did {G[m]['name']} deliver in 2021?", sorted({cname(r) for r in w(dels, 2021, m=m)}))
    q("set", "Which growers had no field visit in 2022?",
      sorted(g["name"] for g in D["growers"] if not w(visits, 2022, m=g["no"])))
    q("set", "Which machines were not lent out at all in 2020?",
      sorted(p["name"] for p in D["machines"] if not w(loans, 2020, p=p["no"])))
    q("set", "Which buyers complained in 2023?", sorted({B[r["b"]]["name"] for r in w(comps, 2023)}))
    # zero
    b, y = D["quiet"]
    q("zero", f"How many complaints did {B[b]['name']} send us in {y}?", len(w(comps, y, b=b)))
    gaps = [(m, c, y) for m in sorted(G) for c in G[m]["crops"] for y in (2021, 2022, 2023)
            if not w(dels, y, m=m, crop=c) and w(dels, m=m, crop=c)]
    m, c, y = some(gaps)
    q("zero", f"How many deliveries of {C[c]['name']} did {G[m]['name']} bring in {y}?", 0)
    # jargon
    q("jargon", "How many loads were downgraded at intake in 2022?", len(w(dels, 2022, out="DG")))
    q("jargon", "How many deliveries were HR in 2020?", len(w(dels, 2020, out="HR")))
    q("jargon", "How many integrated pest management visits were there in 2021?", len(w(visits, 2021, purpose="IPM")))
    q("jargon", "How many minutes did the advisers spend on NMP visits in 2023?", sum(r["min"] for r in w(visits, 2023, purpose="NMP")))
    # conflict
    q("conflict", f"What is the net weight in kg of delivery {fx['no']}?", fx["kg"])
    q("conflict", f"How many kg did {gname(fx)} deliver in 2021 in total?", sum(r["kg"] for r in w(dels, 2021, m=fx["m"])))
    g = D["changed"][0]
    q("conflict", f"Who is the contact person at {g['name']}?", g["contact"])
    q("conflict", f"How much credit in pounds was given for complaint {cf['no']}?", cf["credit"])
    # unanswerable
    g = some(D["growers"])
    q("unanswerable", f"What is the telephone number of {g['name']}?")
    q("unanswerable", "How many deliveries did we take in during 2016?")
    q("unanswerable", f"When did {D['stranger']} become a member?")
    q("unanswerable", "How much did the electricity for the cold store cost in 2022?")
    q("unanswerable", f"What does {some(D['advisers'])} earn per month?")
    q("unanswerable", f"Which crop came in on delivery note DN{int(dels[-1]['no'][2:]) + 4000}?")
    q("unanswerable", f"What price per kg did {some(D['buyers'])['name']} pay us for Leeks in 2021?")
    q("unanswerable", f"Who is the manufacturer of the {some(D['machines'])['name']}?")
    return Q


def make(seed):
    rng = random.Random(seed)
    D = generate(rng)
    for rows, up in ((D["comps"], False), (D["loans"], True), (D["visits"], True)):
        n = [sum(r["date"].year == y for r in rows) for y in YEARS]
        assert n == sorted(n, reverse=not up) and len(set(n)) == 5
    asked = ask(D, rng)
    return papers(D), asked


if __name__ == "__main__":
    main(__doc__, make)
