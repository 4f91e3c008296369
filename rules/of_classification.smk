# What the rules ask of classification runs: their folds, and the tables that these make.


def check_tasks(loaded):
    """A classification run asks for labels that its datasets have."""
    try:
        labels.check_tasks(loaded.dataset.tasks, recipe(source(loaded.dataset.name)).recipe.datasets)
    except UserError as error:
        raise configuration.located(loaded.path, "dataset.tasks", str(error)) from None


def backbone_modules(name):
    """Those of a run and of all that it chooses from."""
    wanted = run("classification", name)
    backbones = {wanted.model.backbone} | {each.model.backbone for each in candidate_runs(wanted)}
    return tuple(sorted(map(module_of, backbones)))


@once
def folds_of(name):
    """What a classification run is trained on: the recipe's split, and folds over all listed subjects."""
    wanted = run("classification", name)
    base = source(wanted.dataset.name)
    subjects = {(entry.dataset, entry.subject) for entry in entries_of(base)}
    planning.check_folds(wanted, len(subjects))
    return ["split", *wanted.evaluation.fold_names(len(subjects))]


def predictions_of(name, labels="true"):
    """The tables of all folds of a classification run; labels: true or shuffled."""
    folder = WORK / f"classification/{name}/{labels}"
    return [folder / fold / "predictions.csv" for fold in folds_of(name)]


def selection_of(name, fold):
    """What inner folds chose for a fold of a classification run that has candidates; else nothing."""
    wanted = run("classification", name).selection.candidates
    return [WORK / f"classification/{name}/true/{fold}/selection.json"] if wanted else []


def selections_of(name):
    return [path for fold in folds_of(name) for path in selection_of(name, fold)]


def beside(name):
    """The tables of the runs whose scores stand beside a run's."""
    return [
        table for other in run("classification", name).evaluation.beside for table in predictions_of(other)
    ]


def models_of(name):
    return [table.with_name("model.safetensors") for table in predictions_of(name)]


def stats_of(name):
    return [table.with_name("stats.jsonl") for table in predictions_of(name)]


def shuffled_of(name):
    return predictions_of(name, "shuffled") if run("classification", name).evaluation.shuffled else []


def occlusion_of(name):
    wanted = run("classification", name).evaluation.occlusion
    return [WORK / f"classification/{name}/occlusion.json"] if wanted else []
