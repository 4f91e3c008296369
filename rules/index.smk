# Which recordings there are: simulated subjects as real files, then one table per dataset from headers.


rule simulate:
    output:
        [WORK / "simulated/{recipe}" / name for name in names_together("{tens}")],
    log:
        "logs/simulate/{recipe}/sub-{tens}.log",
    benchmark:
        "logs/benchmarks/simulate/{recipe}/sub-{tens}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        values=lambda wildcards: values_param(recipe(wildcards.recipe), "index", ["simulation.subjects"]),
        code=lambda wildcards: code("simulate"),
        subjects=lambda wildcards: list(subjects_together(wildcards.tens)),
        folder=lambda wildcards, output: Path(output[0]).parent,
    message:
        "Simulate the subjects {wildcards.tens}0 to {wildcards.tens}9 of {wildcards.recipe}"
    conda:
        "../envs/preprocessing.yaml"
    shell:
        "exec python scripts/simulate.py --recipe {wildcards.recipe} --subjects {params.subjects}"
        " --out {params.folder:q} > {log:q} 2>&1"


rule index:
    input:
        lambda wildcards: paths_of(wildcards.dataset, None),
    output:
        WORK / "recordings/{dataset}.csv",
    log:
        "logs/index/{dataset}.log",
    benchmark:
        "logs/benchmarks/index/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        listing=lambda wildcards: listing_of(wildcards.dataset),
        code=lambda wildcards: index_code(wildcards.dataset, None),
        root=lambda wildcards: root_of(wildcards.dataset),
    message:
        "Index the headers of {wildcards.dataset}"
    conda:
        "../envs/preprocessing.yaml"
    shell:
        "exec python scripts/index.py --dataset {wildcards.dataset} --root {params.root:q}"
        " --out {output:q} > {log:q} 2>&1"


rule index_simulated:
    input:
        lambda wildcards: paths_of("demo", wildcards.recipe),
    output:
        WORK / "recordings/demo-{recipe}.csv",
    log:
        "logs/index_simulated/{recipe}.log",
    benchmark:
        "logs/benchmarks/index_simulated/{recipe}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        values=lambda wildcards: values_param(recipe(wildcards.recipe), "index"),
        code=lambda wildcards: index_code("demo", wildcards.recipe),
        root=lambda wildcards: root_of("demo", wildcards.recipe),
    message:
        "Index the headers of the simulated recordings of {wildcards.recipe}"
    conda:
        "../envs/preprocessing.yaml"
    shell:
        "exec python scripts/index.py --dataset demo --recipe {wildcards.recipe} --root {params.root:q}"
        " --out {output:q} > {log:q} 2>&1"
