"""What each rule does, in words for people who do not know this project, and the way from files to results."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from signal_diffusion.progress import clock
from signal_diffusion.records import Job, links, raw_files
from signal_diffusion.report.style import INK, MUTED, PAIR, REAL, new_figure, styled

RAW = "raw files"

# Rule -> (what the stage is called, what it does). A rule that is not here is shown by its own name.
WORDS = {
    "simulate": (
        "Simulation",
        "Recordings of made-up people are written as real EDF and CNT files. Their spectra depend on the simulated "
        "labels by known amounts, so that a model can be held to them. No person stands behind them.",
    ),
    "index": (
        "Index",
        "The header of every raw file and the dataset's own tables are read: who was recorded, when, for how long, "
        "at which rate, with which electrodes. A file whose header is damaged is refused here, with its reason.",
    ),
    "shards": (
        "Preprocessing",
        "Each recording is read on its own. Its channels are picked by name and checked for faults, re-referenced, "
        "filtered and resampled, and cut into overlapping windows. A window becomes one spectrogram per channel "
        "(short-time Fourier transform, in decibels) or stays a time series. A recording that cannot be used is "
        "refused, with its reason; the others go on.",
    ),
    "dataset": (
        "Dataset",
        "The windows of all recordings are brought together. People, not windows, are split into training, "
        "validation and test. The range of the values and the sampling weights come from the training part alone. "
        "Labels and captions are written beside the windows.",
    ),
    "support": (
        "Support models",
        "Small models that others need: text encoders for captions, an encoder whose features are compared, or an "
        "autoencoder for images. They are trained on the training part of the dataset.",
    ),
    "encode_captions": ("Captions", "Every caption of the dataset goes once through the text encoders."),
    "encode_latents": ("Latents", "Every window of the dataset goes once through the image autoencoder."),
    "train_diffusion": (
        "Training",
        "The diffusion model learns to turn noise into windows, given their labels. It sees training people only; "
        "the validation part decides which weights are kept, and nothing else.",
    ),
    "select_classifier": (
        "Choice",
        "Of the configurations that the run names, folds within the training people choose one. Whoever is held out "
        "later has no part in it, and every score is told.",
    ),
    "train_classifier": (
        "Training",
        "The classifier learns to tell the labels of a window. It sees training people only; others decide when "
        "to stop. The same is done with labels that were shuffled between people, to know what chance reaches.",
    ),
    "predict_classifier": (
        "Prediction",
        "The trained classifier judges windows of people that it has not seen.",
    ),
    "generate": (
        "Generation",
        "The trained model makes windows with the labels of the real ones; an untrained copy of it does the same, "
        "as a baseline.",
    ),
    "evaluate_diffusion": (
        "Evaluation",
        "Generated windows are compared with real windows of people that the model has never seen: distances in "
        "feature space, mean spectra, what each label changes, and whether training windows were copied. Beside "
        "each number stands what real training windows and simple baselines reach.",
    ),
    "fit_baselines": (
        "Baselines",
        "Regressions learn the labels from what a classifier must beat: from gender, age and health, from the "
        "dataset's name, and from the power of the classical frequency bands. They see the people that it saw.",
    ),
    "occlude_classification": (
        "Occlusion",
        "Channels and frequency bands are hidden one after the other: what the classifier then gets wrong tells "
        "what it looks at.",
    ),
    "evaluate_classification": (
        "Evaluation",
        "Predictions are scored per window and per person, with intervals over people, beside shuffled labels and "
        "the baselines.",
    ),
    "build_images": (
        "Images",
        "Images from a folder or the hub, which are no EEG, are brought to one size and split by groups.",
    ),
    "generate_synthetic_dataset": (
        "Synthetic dataset",
        "A published model draws windows for chosen labels. They stand in the training part, with real windows in the "
        "others where asked for; no person stands behind them.",
    ),
    "summarise_classification": ("Summary", "All classification runs are set side by side."),
    "summarise_diffusion": ("Summary", "All diffusion runs are set side by side."),
    "plot_diffusion": ("Figures", "The figures of the run are drawn."),
    "plot_classification": ("Figures", "The figures of the run are drawn."),
    "publish_diffusion": ("Published run", "Model, samples, metrics, figures and card go into one folder."),
    "publish_classifier": ("Published run", "Model, metrics, figures and card go into one folder."),
}
WORDS["index_simulated"] = WORDS["index"]


@dataclass(frozen=True)
class Stage:
    """A rule's share in a result. depth: 0 for what reads raw files alone, one more than what it reads else.

    A rule that works anew on what came from its own work, as where a run learns from windows that another one drew,
    has a stage for each turn: `train_diffusion`, then `train_diffusion 2`.
    """

    rule: str
    jobs: Sequence[Job]
    depth: int

    @property
    def title(self) -> str:
        rule, _, turn = self.rule.partition(" ")
        return f"{WORDS.get(rule, (rule.replace('_', ' ').capitalize(),))[0]} {turn}".rstrip()

    @property
    def words(self) -> str:
        return WORDS.get(self.rule.partition(" ")[0], ("", ""))[1]

    @property
    def seconds(self) -> float:
        """Of all its jobs together."""
        return sum(job.ended - job.began for job in self.jobs)


def stages(jobs: Sequence[Job]) -> list[Stage]:
    """The rules of these jobs, in the order of the way from raw files to the result."""
    jobs = _in_turns(jobs)
    pairs = links(jobs)
    counts = Counter(job.rule for job in jobs)
    depths = _depths(counts, pairs)
    found = [Stage(rule, [job for job in jobs if job.rule == rule], depths[rule]) for rule in counts]
    return sorted(found, key=lambda stage: (stage.depth, min(job.began for job in stage.jobs)))


def _in_turns(jobs: Sequence[Job]) -> list[Job]:
    """The jobs with their turn behind the rule's name, from the second on: links between stages never go round."""
    maker = {path: job for job in jobs for path in job.outputs}
    behind: dict[int, Counter[str]] = {}

    def rules_behind(job: Job) -> Counter[str]:
        """How often each rule works on the longest way to what this job makes, its own work included."""
        if id(job) not in behind:
            makers = {id(maker[path]): maker[path] for path in job.inputs if path in maker}
            most: Counter[str] = Counter()
            for each in makers.values():
                most |= rules_behind(each)
            behind[id(job)] = most + Counter([job.rule])
        return behind[id(job)]

    turns = [(job, rules_behind(job)[job.rule]) for job in jobs]
    return [replace(job, rule=f"{job.rule} {turn}") if turn > 1 else job for job, turn in turns]


def _depths(rules: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Length of the longest way to each rule."""
    depths = dict.fromkeys(rules, 0)
    for _ in depths:
        for before, after in pairs:
            depths[after] = max(depths[after], depths[before] + 1)
    return depths


def direct(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Without the links that others imply: what is read from a stage by way of another (transitive reduction)."""
    after: dict[str, set[str]] = {}
    for one, other in pairs:
        after.setdefault(one, set()).add(other)
    return {
        (one, other)
        for one, others in after.items()
        for other in others
        if not any(_reaches(between, other, after) for between in others - {other})
    }


def _reaches(start: str, end: str, after: Mapping[str, set[str]]) -> bool:
    return end in after.get(start, ()) or any(_reaches(each, end, after) for each in after.get(start, ()))


@styled
def stages_figure(jobs: Sequence[Job]) -> Figure:
    """Boxes from top to bottom, one per stage, with the number of its jobs and their time; raw files on top."""
    found = stages(jobs)
    jobs = [job for stage in found for job in stage.jobs]
    raw = raw_files(jobs)
    rows: dict[int, list[str]] = {}
    for stage in found:
        rows.setdefault(stage.depth, []).append(stage.rule)
    places = _places(rows)
    if raw:
        places[RAW] = (0.0, 1.0)
    figure = new_figure(9, 0.95 * (len(rows) + bool(raw)))
    axes = figure.subplots()
    for one, other in direct(links(jobs)) | {(RAW, rule) for rule in raw if not _depth(found, rule)}:
        _arrow(axes, places[one], places[other])
    for stage in found:
        jobs_said = f"{len(stage.jobs)} job{'s' if len(stage.jobs) > 1 else ''}, {clock(stage.seconds)}"
        _box(axes, places[stage.rule], stage.title, f"{stage.rule}: {jobs_said}", REAL)
    if raw:
        files = {path for paths in raw.values() for path in paths}
        _box(axes, places[RAW], "Raw files", f"{len(files)} files", PAIR[0])
    wide = max(abs(x) for x, _ in places.values()) + 0.75
    axes.set(xlim=(-wide, wide), ylim=(-len(rows) + 0.5, 1.5 if raw else 0.5))
    axes.set_axis_off()
    return figure


def _depth(found: Sequence[Stage], rule: str) -> int:
    return next(stage.depth for stage in found if stage.rule == rule)


def _places(rows: Mapping[int, Sequence[str]]) -> dict[str, tuple[float, float]]:
    """The middle of each box: rows downwards, each row around the middle."""
    return {
        rule: (1.4 * (number - (len(row) - 1) / 2), -float(depth))
        for depth, row in rows.items()
        for number, rule in enumerate(row)
    }


def _box(axes, place: tuple[float, float], title: str, words: str, colour: str) -> None:
    (x, y), wide, high = place, 1.24, 0.58
    shape = FancyBboxPatch(
        (x - wide / 2, y - high / 2), wide, high, boxstyle="round,pad=0,rounding_size=0.06", facecolor="white",
        edgecolor=colour, linewidth=1.4, zorder=2,
    )  # fmt: skip
    axes.add_patch(shape)
    axes.text(x, y + 0.1, title, ha="center", va="center", weight="bold", color=INK, fontsize=9.5, zorder=3)
    axes.text(x, y - 0.14, words, ha="center", va="center", color=MUTED, fontsize=7.5, zorder=3)


def _arrow(axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    far = start[1] - end[1] > 1 and start[0] == end[0]  # around the boxes that lie between
    axes.add_patch(
        FancyArrowPatch(
            (start[0], start[1] - 0.29),
            (end[0], end[1] + 0.29),
            arrowstyle="-|>",
            mutation_scale=11,
            color=MUTED,
            linewidth=1.0,
            connectionstyle=f"arc3,rad={0.45 if far else 0}",
            zorder=1,
        )  # fmt: skip
    )
