# How a published run was made, for those who were not there: stages, settings, resources, its cards.


rule overview:
    input:
        run="results/{family}/{run}",
        dataset=lambda wildcards: dataset_folder(wildcards.family, wildcards.run),
    output:
        report(
            directory("results/report/{family}/{run}"),
            patterns=["{page}.html"],
            caption="report/overview.rst",
            category="1. How runs were made",
            subcategory="{family} {run}",
            labels={"run": "{family} {run}", "page": "{page}"},
        ),
    log:
        "logs/overview/{family}-{run}.log",
    benchmark:
        "logs/benchmarks/overview/{family}-{run}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=lambda wildcards: code("overview", heard=("report",)),
    message:
        "Tell how results/{wildcards.family}/{wildcards.run} was made"
    conda:
        "../envs/training.yaml"
    # It reads Snakemake's records and the jobs' benchmarks too: they change when the run does, and only then.
    shell:
        "exec python scripts/overview.py --run {input.run:q} --dataset {input.dataset:q}"
        " --out {output:q} > {log:q} 2>&1"
