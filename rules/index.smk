# Which recordings there are: simulated subjects as real files, then one table per dataset from headers.


rule simulate_subject:
    output:
        WORK / "simulated/{recipe}/sub-{subject}_rest.{suffix}",
        WORK / "simulated/{recipe}/sub-{subject}_arithmetic.{suffix}",
    log:
        "logs/simulate_subject/{recipe}/sub-{subject}_{suffix}.log",
    benchmark:
        "logs/benchmarks/simulate_subject/{recipe}/sub-{subject}_{suffix}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        values=lambda wildcards: values_param(recipe(wildcards.recipe), "index", ["simulation.subjects"]),
        code=code("simulate"),
        folder=lambda wildcards, output: Path(output[0]).parent,
    message:
        "Simulate subject {wildcards.subject} of {wildcards.recipe}"
    conda:
        "../envs/preprocessing.yaml"
    shell:
        "exec python scripts/simulate.py --recipe {wildcards.recipe} --subject {wildcards.subject}"
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
        "logs/index/demo-{recipe}.log",
    benchmark:
        "logs/benchmarks/index/demo-{recipe}.tsv"
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
