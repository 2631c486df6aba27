"""The report of a run, as one HTML page that needs no network and as Markdown with its plots beside it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isnan
from pathlib import Path
from string import Template

from evals.datasets import shipped
from evals.measures import Measure, impact_ratios
from evals.plots import (
    STYLE,
    plot_agreement,
    plot_confusion,
    plot_differences,
    plot_distributions,
    plot_interval,
    plot_levels,
    plot_ranges,
    plot_shares,
)
from evals.results import Results, hash_file, tabulate_rows
from evals.scorers import PASS_MARK, Facts
from evals.statistics import Interval, Table, mean
from evals.tasks import TASKS

PAGE = Path(__file__).with_name("report.html")
WORST = 10
BANDS = ("0–2", "3–4", "5–6", "7–8", "9–10")
LONGEST = 1_500  # characters of a text in a card
NO_AUDIT = (
    "This is no statutory bias audit: the answers were written for this test, nobody was selected by them, "
    "and the groups are those of the pairs, not of applicants. A ratio below 0.8 is the usual sign to look "
    "closer."
)


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text; a warning stands out."""

    text: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; a cell may be a drawing that HTML alone shows."""

    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    drawings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot, what it shows, and a name for its file."""

    name: str
    plot: str
    caption: str


@dataclass(frozen=True, slots=True)
class Card:
    """A sample to look into."""

    title: str
    texts: tuple[tuple[str, str], ...]


Block = Heading | Paragraph | Grid | Figure | Card


def write_report(results: Results, folder: Path) -> Path:
    """Write `report.html`, `report.md` and its plots into the folder; the path of the page."""
    blocks = list_blocks(results)
    page = folder / "report.html"
    page.write_text(render_html(title_of(results), blocks), "utf-8")
    (folder / "report.md").write_text(render_markdown(title_of(results), blocks), "utf-8")
    for block in blocks:
        if isinstance(block, Figure):
            (folder / "plots").mkdir(exist_ok=True)
            styled = block.plot.replace(">", f"><style>{STYLE}</style>", 1)
            (folder / "plots" / f"{block.name}.svg").write_text(styled, "utf-8")
    return page


def title_of(results: Results) -> str:
    """What was measured, of what."""
    return f"{results.task}: {results.versions.get('model', '')}"


def list_blocks(results: Results) -> list[Block]:
    """Everything that a report says, in its order."""
    task = TASKS[results.task]
    blocks: list[Block] = [Paragraph(task.says), Paragraph(_count(results)), *_tell_whose_scores(results)]
    blocks += _warn(results)
    blocks += [Heading("Figures"), _figures(results, task.measures), Paragraph(_explain_intervals(results))]
    blocks += SECTIONS[results.task](results.rows) if results.rows else []
    return [*blocks, Heading("Versions"), _versions(results), *_spent(results)]


def _count(results: Results) -> str:
    times = f", each {results.repeats} times" if results.repeats > 1 else ""
    return f"{results.samples} samples{times}; {results.made_at}"


def _tell_whose_scores(results: Results) -> list[Block]:
    """The scores in our own answers are not people's ratings, and must not be taken for them."""
    if results.task != "agreement" or results.versions.get("dataset_sha256") != hash_file(shipped("answers")):
        return []
    text = "The scores called people's are those that the authors of these answers meant them to earn."
    return [Paragraph(f"{text} Nobody else has rated them.", warns=True)]


def _warn(results: Results) -> list[Block]:
    if not results.ungraded:
        return []
    text = (
        f"{results.ungraded} of {results.samples * results.repeats} trials ({results.ungraded_share:.0%}) "
        "have no grade and are in no figure below. A failure never counts as a score of 0."
    )
    rows = [(str(count), error) for error, count in results.failures.items()]
    return [Paragraph(text, warns=True), Grid(("trials", "why"), rows)]


def _figures(results: Results, measures: Sequence[Measure]) -> Grid:
    found = [
        (measure, results.figures[measure.name])
        for measure in measures
        if measure.name in results.figures and not isnan(results.figures[measure.name].value)
    ]
    rows = [(m.name, show_value(m, f.value), show_interval(m, f), m.says) for m, f in found]
    drawings = [plot_interval(f, *_scale(m, f)) for m, f in found]
    return Grid(("measure", "value", "95 % interval", "what it says"), rows, drawings)


def show_value(measure: Measure, value: float) -> str:
    """A figure as people read it."""
    if isnan(value):
        return "–"
    return f"{value:.1%}" if measure.is_share else f"{value:.3f}"


def show_interval(measure: Measure, interval: Interval) -> str:
    """The bounds of a figure, or that there are none."""
    if isnan(interval.low):
        return "–"
    return f"{show_value(measure, interval.low)} to {show_value(measure, interval.high)}"


def _scale(measure: Measure, interval: Interval) -> tuple[float, float]:
    """From where to where the small plot of a figure goes."""
    if measure.is_share:
        return 0.0, 1.0
    edges = [abs(value) for value in (interval.value, interval.low, interval.high) if not isnan(value)]
    most = next(bound for bound in (1.0, 2.0, 5.0, 10.0, 100.0) if bound >= max(edges) or bound == 100.0)
    lowest = min((v for v in (interval.value, interval.low) if not isnan(v)), default=0.0)
    return (-most if lowest < 0 else 0.0), most


def _explain_intervals(results: Results) -> str:
    return (
        "An interval holds the middle 95 % of what the figure comes to when the groups (the questions) are "
        f"drawn anew: {results.versions.get('interval', 'bootstrap')}. Where it is missing, there are too "
        "few groups."
    )


def _show_agreement(rows: Sequence[Facts]) -> list[Block]:
    known = [row for row in rows if row["human"] is not None]
    human, engine = [float(row["human"]) for row in known], [float(row["score"]) for row in known]
    blocks: list[Block] = [
        Heading("Agreement"),
        Figure(
            "agreement",
            plot_agreement(human, engine),
            "Each dot is an answer: the score by people to the right, by the engine upwards; on the dashed "
            "line both are the same.",
        ),
        Figure(
            "distributions",
            plot_distributions({"people": [10 * h for h in human], "engine": engine}),
            "How many answers got each score.",
        ),
        Figure(
            "confusion",
            plot_confusion(_confuse(human, engine), BANDS, "people", "engine"),
            "How often each level of people's scores met each level of the engine's.",
        ),
    ]
    levels = _group(known, "level", "score")
    if len(levels) > 1:
        ordered = dict(sorted(levels.items(), key=lambda each: -sum(each[1]) / len(each[1])))
        caption = "The engine's scores by the level that the author of the answer meant."
        blocks.append(Figure("levels", plot_levels(ordered), caption))
    blocks += _show_spread(rows)
    blocks.append(Heading("The ten worst disagreements"))
    worst = sorted(known, key=lambda row: -abs(10 * row["human"] - row["score"]))[:WORST]
    return blocks + [_card_of_answer(row) for row in worst]


def _confuse(human: Sequence[float], engine: Sequence[float]) -> list[list[int]]:
    pairs = Counter((_band(10 * h), _band(e)) for h, e in zip(human, engine, strict=True))
    return [[pairs[y, x] for x in range(len(BANDS))] for y in range(len(BANDS))]


def _band(score: float) -> int:
    return max(0, (min(int(score + 0.5), 10) - 1) // 2)


def _card_of_answer(row: Facts) -> Card:
    details = row["details"]
    quotes = "; ".join(f"“{quote['quote']}”" for quote in details["evidence"]) or "none"
    return Card(
        f"{row['id']}: people {10 * row['human']:.1f}, engine {row['score']:.1f}",
        (
            ("Question", details["question"]),
            ("Answer", details["answer"]),
            ("Evidence", quotes),
            ("Feedback", details["feedback"]),
            ("Why people scored it so", details.get("why", "")),
        ),
    )


def _show_stability(rows: Sequence[Facts]) -> list[Block]:
    return [Heading("Spread per answer"), *_show_spread(rows, always=True)]


def _show_spread(rows: Sequence[Facts], *, always: bool = False) -> list[Block]:
    ranges = [
        scores
        for row in rows
        if len(scores := [row[name] for name in row if _is_repeat(name) and row[name] is not None]) > 1
    ]
    if not ranges:
        return [Paragraph("Run it with --repeat to see the spread of an answer's scores.")] if always else []
    caption = "Each column is an answer, each dot one of its scores; at most 60 answers are drawn."
    blocks: list[Block] = [Figure("spread", plot_ranges(ranges), caption)]
    widest = sorted(rows, key=lambda row: -(row.get("spread_of_scores") or 0.0))[:WORST]
    table = [
        (
            row["id"],
            f"{row['spread_of_scores']:.2f}",
            ", ".join(f"{row[n]:.1f}" for n in row if _is_repeat(n) and row[n] is not None),
        )
        for row in widest
        if row.get("spread_of_scores")
    ]
    if table:
        blocks.append(Grid(("answer", "spread", "scores"), table))
    return [*blocks] if table else [*blocks, Paragraph("Every answer got the same score each time.")]


def _is_repeat(name: str) -> bool:
    return name.startswith("score_") and name[6:].isdigit()


def _show_attacks(rows: Sequence[Facts]) -> list[Block]:
    kinds = _group(rows, "kind", "broken")
    shares = {kind: (sum(broken) / len(broken), len(broken)) for kind, broken in kinds.items()}
    ordered = dict(sorted(shares.items(), key=lambda each: -each[1][0]))
    scores = {kind: mean(tabulate_rows([r for r in rows if r["kind"] == kind])["score"]) for kind in ordered}
    rules = {row["kind"]: row["rule"] for row in rows}
    table = [
        (kind, rules[kind], f"{share:.0%}", str(n), f"{scores[kind]:.1f}")
        for kind, (share, n) in ordered.items()
    ]
    worst = sorted((row for row in rows if row["broken"]), key=_overstep, reverse=True)[:WORST]
    return [
        Heading("Kinds of attacks"),
        Figure("attacks", plot_shares(ordered), "The share of the attacks of a kind that break their rule."),
        Grid(("kind", "rule", "succeed", "attacks", "mean score"), table),
        Heading("Attacks that went furthest"),
        *(_card_of_attack(row) for row in worst),
    ]


def _overstep(row: Facts) -> float:
    return float(row["score"] if row["gain"] is None else abs(row["gain"]))


def _card_of_attack(row: Facts) -> Card:
    details = row["details"]
    other = f", before {row['other']:.1f}" if row["other"] is not None else ""
    return Card(
        f"{row['id']} ({row['kind']}, rule {row['rule']}): {row['score']:.1f}{other}",
        (("Question", details["question"]), ("Answer", details["answer"]), ("Feedback", details["feedback"])),
    )


def _show_fairness(rows: Sequence[Facts]) -> list[Block]:
    groups: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        groups[f"{row['attribute']}: {row['speaks_as']}"].append(row["difference"])
    most = max(1.0, *(abs(row["difference"]) for row in rows))
    apart = sorted((row for row in rows if row["apart"]), key=lambda row: -abs(row["difference"]))
    return [
        Heading("Pairs"),
        Figure(
            "pairs",
            plot_differences(dict(sorted(groups.items())), most),
            "Each dot is a pair: right of the middle, the answer of the named group got more points than the "
            "one it is paired with.",
        ),
        Heading(f"Who passes, at {PASS_MARK:g} points"),
        _who_passes(tabulate_rows(rows)),
        Paragraph(NO_AUDIT),
        Heading("The pairs furthest apart"),
        *_or_none([_card_of_pair(row) for row in apart]),
    ]


def _who_passes(table: Table) -> Grid:
    rows = []
    for group, ratio in impact_ratios(table).items():
        here = table["speaks_as"] == group
        rates = [_percent(mean(table[side][here] >= PASS_MARK)) for side in ("a", "b")]
        rows.append((group, *rates, "–" if isnan(ratio) else f"{ratio:.2f}"))
    return Grid(("group", "paired answers pass", "the group's pass", "impact ratio"), rows)


def _card_of_pair(row: Facts) -> Card:
    details = row["details"]
    second = f"Second, {row['speaks_as']}"
    texts = (("Question", details["question"]), ("First", details["a"]), (second, details["b"]))
    return Card(f"{row['id']}: {row['a']:.1f} and {row['b']:.1f}", texts)


def _show_evidence(rows: Sequence[Facts]) -> list[Block]:
    faults = [
        row for row in rows if row["verified"] < row["quotes"] or row["shown"] == 0 or not row["consistent"]
    ]
    poor = [row for row in rows if row["found_in_poor"]]
    return [
        Heading("Answers whose evidence does not hold"),
        *_or_none([_card_of_evidence(row) for row in faults]),
        Heading("Points found in answers that hold nothing"),
        *_or_none([_card_of_evidence(row) for row in poor]),
    ]


def _card_of_evidence(row: Facts) -> Card:
    details = row["details"]
    quotes = "; ".join(f"“{quote['quote']}” for {quote['shows']}" for quote in details["evidence"]) or "none"
    texts = (("Question", details["question"]), ("Answer", details["answer"]), ("Evidence", quotes))
    return Card(f"{row['id']}: {row['score']:.1f}", texts)


def _show_follow_ups(rows: Sequence[Facts]) -> list[Block]:
    kinds = ("asked_when_due", "silent_when_complete", "about_the_gap", "new_each_time", "untelling")
    faults = [(row, [kind.replace("_", " ") for kind in kinds if row[kind] == 0]) for row in rows]
    cards = [_card_of_follow_up(row, found) for row, found in faults if found]
    return [Heading("Follow-ups that are not as they should be"),
            *_or_none(cards)]  # fmt: skip


def _card_of_follow_up(row: Facts, found: Sequence[str]) -> Card:
    details = row["details"]
    return Card(
        f"{row['id']}: not {', '.join(found)}; {row['score']:.1f}",
        (
            ("Question", details["question"]),
            ("Answer", details["answer"]),
            ("Left out", "; ".join(details["missing"])),
            ("Follow-up", details["follow_up"] or "none"),
            ("After that", details["then"] or "none"),
        ),
    )


def _show_parts(rows: Sequence[Facts]) -> list[Block]:
    names = ("found", "invented", "inside", "dropped", "undisturbed")
    frameworks = sorted({row["framework"] for row in rows})
    tables = {f: tabulate_rows([row for row in rows if row["framework"] == f]) for f in frameworks}
    shares = [(f, *(_percent(mean(tables[f][name])) for name in names)) for f in frameworks]
    missed = [row for row in rows if (row["found"] is not None and row["found"] < 1) or row["dropped"] == 0]
    return [
        Heading("By framework"),
        Grid(("framework", *names), shares),
        Heading("Stories with a part that is not found, or not missed"),
        *_or_none([_card_of_story(row) for row in missed]),
    ]


def _card_of_story(row: Facts) -> Card:
    texts = tuple((name.title(), row["details"][name]) for name in ("question", "answer", "feedback"))
    return Card(row["id"], texts)


def _show_interviewer(rows: Sequence[Facts]) -> list[Block]:
    seen: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        for name, truth in row["details"]["observations"].items():
            seen[name].append(truth)
    ordered = dict(sorted(seen.items(), key=lambda each: sum(each[1]) / len(each[1])))
    table = [(name, f"{sum(truths)} of {len(truths)}") for name, truths in ordered.items()]
    overall = {
        kind: [score / 10 for score in each] for kind, each in _group(rows, "candidate", "overall").items()
    }
    return [
        Heading("Scores of the simulated candidates"),
        Figure(
            "candidates",
            plot_levels(overall),
            "The overall score of each interview, on a scale from 0 to 10.",
        ),
        Heading("Observations"),
        Grid(("the interviewer …", "interviews in which it holds"), table),
        Heading("Interviews with a fault"),
        *_or_none(_cards_of_interviews(rows)),
    ]


def _cards_of_interviews(rows: Sequence[Facts]) -> list[Card]:
    cards: list[Card] = []
    for row in rows:
        faults = [name for name, truth in row["details"]["observations"].items() if not truth]
        if faults:
            told = [(f"{t['kind']}, {t['score']}", f"{t['question']}\n— {t['answer']}\n— {t['feedback']}")
                    for t in row["details"]["turns"]]  # fmt: skip
            cards.append(Card(f"{row['id']}: not “{'”, “'.join(faults)}”", tuple(told)))
    return cards


def _show_replay(rows: Sequence[Facts]) -> list[Block]:
    changed = [(row["id"], line) for row in rows for line in row["details"]["diff"]]
    told: Block = Grid(("interview", "what changed"), changed) if changed else Paragraph("Nothing changed.")
    return [Heading("What goes otherwise than it was recorded"), told]


SECTIONS: Mapping[str, Callable[[Sequence[Facts]], list[Block]]] = {
    "agreement": _show_agreement,
    "stability": _show_stability,
    "attacks": _show_attacks,
    "fairness": _show_fairness,
    "evidence": _show_evidence,
    "follow-ups": _show_follow_ups,
    "parts": _show_parts,
    "interviewer": _show_interviewer,
    "replay": _show_replay,
}


def _or_none(cards: Sequence[Card]) -> list[Block]:
    """The first few cards, or that there are none."""
    return [*cards[:WORST]] if cards else [Paragraph("There is none.")]


def _group(rows: Sequence[Facts], by: str, value: str) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row[by] not in (None, "") and row[value] is not None:
            groups[str(row[by])].append(float(row[value]))
    return dict(groups)


def _percent(share: float) -> str:
    return "–" if isnan(share) else f"{share:.0%}"


def _versions(results: Results) -> Grid:
    shown = {"task": f"{results.task}, version {results.task_version}", "repeats": results.repeats}
    rows = [
        (name, _plain(value)) for name, value in (shown | results.versions).items() if value not in ("", {})
    ]
    return Grid(("what", "version"), rows)


def _spent(results: Results) -> list[Block]:
    if not results.spent:
        return []
    spent = results.spent
    at_least = "at least " if spent["unpriced"] else ""
    cost = f"; {at_least}{spent['cost_usd']:.4f} USD" if spent["cost_usd"] or spent["unpriced"] else ""
    tokens = f"{spent['input_tokens']} tokens in and {spent['output_tokens']} out"
    asked = f"{spent['asked']} replies were asked for and {spent['kept']} were kept from earlier runs"
    return [Paragraph(f"{asked}, in {spent['seconds']} seconds; {tokens}{cost}.")]


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def render_html(title: str, blocks: Sequence[Block]) -> str:
    """The page; every text from outside is escaped."""
    body = "\n".join([f"<h1>{escape(title)}</h1>", *(_to_html(block) for block in blocks)])
    return Template(PAGE.read_text("utf-8")).substitute(title=escape(title), style=STYLE, body=body)


def _to_html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h2>{escape(block.text)}</h2>"
    if isinstance(block, Paragraph):
        return f"<p{' class=warn' if block.warns else ''}>{escape(block.text)}</p>"
    if isinstance(block, Figure):
        return f"<figure>{block.plot}<figcaption>{escape(block.caption)}</figcaption></figure>"
    if isinstance(block, Card):
        texts = "".join(
            f"<p><b>{escape(name)}:</b> {escape(_clip(text))}</p>" for name, text in block.texts if text
        )
        return f"<article><h3>{escape(block.title)}</h3>{texts}</article>"
    return _grid_to_html(block)


def _grid_to_html(grid: Grid) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in grid.head)
    rows = []
    for place, row in enumerate(grid.rows):
        cells = [f"<td{_kind(cell)}>{escape(cell)}</td>" for cell in row]
        if grid.drawings:
            cells.insert(3, f"<td>{grid.drawings[place]}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    if grid.drawings:
        names = [f"<th>{escape(name)}</th>" for name in grid.head]
        head = "".join([*names[:3], "<th></th>", *names[3:]])
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _kind(cell: str) -> str:
    return ' class="number"' if cell[:1].isdigit() or cell[:1] in "+-–" else ""


def render_markdown(title: str, blocks: Sequence[Block]) -> str:
    """The same as Markdown; plots are files in `plots/`."""
    return "\n\n".join([f"# {title}", *(_to_markdown(block) for block in blocks)]) + "\n"


def _to_markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"## {block.text}"
    if isinstance(block, Paragraph):
        return f"**{block.text}**" if block.warns else block.text
    if isinstance(block, Figure):
        return f"![{block.caption}](plots/{block.name}.svg)\n\n{block.caption}"
    if isinstance(block, Card):
        texts = [f"- **{name}:** {_in_line(_clip(text))}" for name, text in block.texts if text]
        return "\n".join([f"### {_in_line(block.title)}", "", *texts])
    lines = [block.head, tuple("---" for _ in block.head), *block.rows]
    return "\n".join("| " + " | ".join(_in_line(cell) for cell in line) + " |" for line in lines)


def _in_line(text: str) -> str:
    """A text that ends neither a cell nor a line, and is not taken for markup."""
    plain = " ".join(text.split())
    return (
        escape(plain, quote=False)
        .replace("|", "\\|")
        .replace("`", "\\`")
        .replace("*", "\\*")
        .replace("[", "\\[")
    )
