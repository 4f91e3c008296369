# Published datasets, each into the folder that the settings name, by targets that no other rule needs.
# Snakemake empties a folder that a rule owns before its job starts, and a download must go on where it
# stopped: so the output is the record beside the files, written when all of them are there.

for name, root in [(name, section.root) for name, section in settings().datasets.items()]:

    rule:
        name:
            f"download_{name}"
        input:
            lambda wildcards, name=name: none_if_published(name),
        output:
            f"{root}/{download.RECORD}",
        log:
            f"logs/download/{name}.log",
        benchmark:
            f"logs/benchmarks/download/{name}.tsv"
        localrule: True
        threads: 1
        resources:
            mem_mb=500,
        params:
            name=name,
            address=lambda wildcards, name=name: address_of(name),
            root=lambda wildcards, output: Path(output[0]).parent,
        message:
            "Download {params.name} into {params.root}"
        conda:
            "../envs/preprocessing.yaml"
        # Its progress stays on the terminal, where someone waits for it.
        shell:
            "exec python scripts/download.py {params.name} --from {params.address:q} --out {params.root:q}"
            " > {log:q}"

    # With a slash too, as shells complete the name of a folder: a rule's name is taken literally.
    for target in (f"data/{name}", f"data/{name}/"):

        rule:
            name:
                target
            # Its own rule's: another dataset may be the same folder, read otherwise.
            input:
                getattr(rules, f"download_{name}").output,
