"""Five wordings (formal, terse, typos, jargon, long) of up to 40 of a made plant's questions: python3 tools/make_paraphrases.py questions.jsonl OUT.jsonl

The kind of each line is its wording; value and status are those of the question it rewords.
"""
import json
import random
import re
import sys

FORMS = [  # pattern, formal, terse, jargon, long
    (r"How many failures did (\S+) have in (\d+)\?", r"Please state the number of failures recorded for \1 in the year \2.", r"failures \1 \2", r"How often did \1 pack up in \2?", r"I am preparing the yearly review and would like to know how many failures our machine \1 had over the whole of \2, please."),
    (r"How many times did (\S+) break down since (\d+)\?", r"Kindly indicate how many breakdowns of \1 have been recorded since \2.", r"breakdowns \1 since \2", r"How many times has \1 conked out since \2?", r"Looking at everything written down since \2, how many breakdowns were there altogether on the machine \1?"),
    (r"How many breakdowns were there in (Q\d) (\d+)\?", r"What was the total number of breakdowns in \1 \2?", r"breakdowns \1 \2", r"How many stoppages did we have in \1 \2?", r"For the meeting on Monday I need to know how many breakdowns there were in the whole plant in \1 \2."),
    (r"Which machine had the most failures in (\d+)\?", r"Please identify the machine with the highest number of failures in \1.", r"machine most failures \1", r"What was our worst machine for failures in \1?", r"When you look at all machines that we have, which machine was the one that had the most failures during \1?"),
    (r"What was the most frequent point of failure in (\d+)\?", r"Please state the most frequent point of failure in the year \1.", r"most common failure point \1", r"What broke most often in \1?", r"If you go through all the records of \1, what would you say was the most frequent point of failure in that year?"),
    (r"What fails most often on (\S+)\?", r"Which component fails most frequently on \1?", r"\1 most common failure point", r"What goes wrong most on \1?", r"We want to stock spare parts for \1, so please tell me what is the point of failure that comes up most often there."),
    (r"How many minutes of downtime did (\S+) have in (\d+)\?", r"Please provide the total downtime of \1 in \2, in minutes.", r"downtime \1 \2 minutes", r"How many minutes was \1 down in \2?", r"For the cost report I would like to have the sum of all minutes of downtime that \1 had in \2."),
    (r"When was (\S+) installed\?", r"On what date was \1 installed?", r"\1 install date", r"When did \1 go in?", r"Somebody asked me about the age of \1, so could you please tell me when \1 was installed?"),
    (r"When was (\S+) commissioned\?", r"On what date was \1 commissioned?", r"\1 commissioning date", r"When was \1 put into service?", r"Could you look up for me in the registers when the machine \1 was commissioned?"),
    (r"What model is (\S+)\?", r"Please state the model of \1.", r"\1 model", r"What model is that \1?", r"I have to order parts and need to know what model the machine \1 is."),
    (r"Who supplies (QX\S*( \S+ \S)?)\?", r"Which supplier provides the part \1?", r"\1 supplier", r"Who do we get \1 from?", r"We have run out of \1 in the store; who is the supplier of that part?"),
    (r"Which machine was (WO-\d+) about\?", r"To which machine does work order \1 refer?", r"\1 machine", r"What machine was \1 for?", r"I found a sheet of paper with the number \1 on it; which machine was that work order about?"),
    (r"How many failures were there in (Hall \d) in (\d+)\?", r"Please state the number of failures in \1 in the year \2.", r"failures \1 \2", r"How many times did things break in \1 in \2?", r"The foreman of \1 would like to know how many failures there were in \1 in \2."),
    (r"Which machines had a (.+) failure in (\d+)\?", r"Please list the machines with a \1 failure in \2.", r"machines with \1 failure \2", r"Which machines had the \1 go in \2?", r"Please go through the logs of \2 and list all the machines that had a \1 failure in that year."),
]


def mistyped(text, r):
    """Two letters of one or two long words changed places."""
    words = text.split(" ")
    long = [i for i, w in enumerate(words) if w.isalpha() and len(w) >= 6]
    for i in r.sample(long, min(2, len(long))):
        at = r.randint(1, len(words[i]) - 3)
        words[i] = words[i][:at] + words[i][at + 1] + words[i][at] + words[i][at + 2:]
    return " ".join(words)


def main():
    r, out, taken = random.Random(7), [], 0
    for line in open(sys.argv[1], encoding="utf-8"):
        question = json.loads(line)
        for pattern, *forms in FORMS:
            found = re.fullmatch(pattern, question["question"])
            if not found or taken == 40 or question["status"] != "answered":
                continue
            taken += 1
            wordings = dict(zip(("formal", "terse", "jargon", "long"), (found.expand(form) for form in forms)))
            wordings["typos"] = mistyped(question["question"], r)
            out += [{**question, "id": f"{question['id']}-{kind}", "kind": kind, "question": text} for kind, text in wordings.items()]
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("".join(json.dumps({k: q[k] for k in ("id", "kind", "question", "status", "value")}) + "\n" for q in out))


if __name__ == "__main__":
    main()
