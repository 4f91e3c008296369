# What the rules ask of recordings: which there are, their files, tables, batches and shards.


@once
def datasets_of(name):
    """The datasets of a recipe whose recordings are there; absent ones end the planning unless skipped."""
    wanted = recipe(name).recipe
    absent = [each for each in wanted.datasets if not (recipe(name).simulated or is_there(root_of(each)))]
    if absent and (wanted.missing == "refuse" or len(absent) == len(wanted.datasets)):
        raise UserError("\n".join(map(why_absent, absent)))
    return [each for each in wanted.datasets if each not in absent]


def is_there(folder):
    return folder.is_dir() and any(folder.iterdir()) and not download.unfinished(folder)


def why_absent(name):
    if download.unfinished(root_of(name)):
        command = configuration.download_command(settings(), name)
        return download.unfinished_message(name, root_of(name), command)
    return configuration.missing_dataset_message(settings(), name)


@once
def address_of(name):
    return configuration.dataset_address(settings(), name)


def none_if_published(name):
    """No input; that the dataset cannot be downloaded ends the planning in one line."""
    return [] if address_of(name) else None


def root_of(dataset, recipe_name=None):
    return WORK / "simulated" / recipe_name if dataset == "demo" else Path(settings().datasets[dataset].root)


@once
def recordings_of(dataset, recipe_name):
    """Recording id -> entry; known from names and tables, or from the recipe for simulated ones."""
    simulation = recipe(recipe_name).simulation if dataset == "demo" else None
    source = datasets.get(dataset, settings().datasets.get(dataset))
    entries = source.list_recordings(root_of(dataset, recipe_name), simulation)
    return {entry.recording: entry for entry in entries}


@once
def listing_of(dataset):
    """So that a table or a setting which says something else makes the index stale, however it was found."""
    return listing(recordings_of(dataset, None).values(), root_of(dataset))


def usable(dataset, recipe_name):
    """Those recordings that names and tables alone do not refuse."""
    found = recordings_of(dataset, recipe_name if dataset == "demo" else None)
    return [entry for entry in found.values() if not entry.refused]


def files_of(entries):
    """Files of recordings, of which several may lie in one, and one in several."""
    return list(dict.fromkeys(file for entry in entries for file in formats.files(entry.path)))


def entries_of(name):
    """Those of all datasets of a recipe."""
    return [entry for dataset in datasets_of(name) for entry in usable(dataset, name)]


def paths_of(dataset, recipe_name):
    return files_of(usable(dataset, recipe_name))


@once
def batches_of(dataset, recipe_name):
    """As many before simulated recordings are there as after."""
    entries = usable(dataset, recipe_name)
    stored = 0 if dataset == "demo" else stored_bytes(files_of(entries))
    return batches(entries, settings().data.recordings_per_job, stored)


def batch_of(wildcards):
    return batches_of(wildcards.dataset, wildcards.recipe).get(wildcards.batch, [])


def verified(dataset):
    """Whether its files are held against the checksums that it publishes."""
    return dataset in settings().datasets and settings().datasets[dataset].verify


def table_of(dataset, recipe_name):
    """An index's name: a simulated dataset is a recipe's own."""
    return f"demo-{recipe_name}" if dataset == "demo" else dataset


def tables_of(wildcards):
    return indexes_of(wildcards.recipe)


def indexes_of(name):
    return [WORK / f"recordings/{table_of(dataset, name)}.csv" for dataset in datasets_of(name)]


@once
def pinned_of(name):
    """The earlier splits that a recipe keeps, if any; its recordings have the labels that it splits and weighs by."""
    planning.check_recipe(recipe(name), entries_of(name))
    return recipe(name).splits.splits_file or []


def shards_of(wildcards, representation=None):
    folder = WORK / f"shards/{wildcards.recipe}-{representation or wildcards.representation}"
    return [
        folder / dataset / f"batch-{batch}.json"
        for dataset in datasets_of(wildcards.recipe)
        for batch in batches_of(dataset, wildcards.recipe)
    ]


def readers(paths):
    """The reader module of each suffix, for only these are run."""
    names = sorted(
        {formats.READERS[suffix] for path in paths if (suffix := path.suffix.lower()) in formats.READERS}
    )
    return tuple(f"signal_diffusion.recordings.formats.{name}" for name in names)


def index_code(dataset, recipe_name):
    listing = datasets.module_name(dataset, settings().datasets.get(dataset))
    return code("index", (listing, *readers(paths_of(dataset, recipe_name))))
