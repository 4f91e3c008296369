# What was read for a dataset, what was refused and why, with a picture of every recording.


rule data_page:
    input:
        dataset="results/dataset/{recipe}-{representation}",
        shards=shards_of,
    output:
        report(
            directory("results/recordings/{recipe}-{representation}"),
            patterns=["{page}.html", "{page}.png"],
            caption="report/data_page.rst",
            category="Recordings",
            subcategory="{recipe}-{representation}",
            labels={"dataset": "{recipe}-{representation}", "what": "{page}"},
        ),
    log:
        "logs/data_page/{recipe}-{representation}.log",
    benchmark:
        "logs/benchmarks/data_page/{recipe}-{representation}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=lambda wildcards: code("data_page", heard=("report",)),
        shards=lambda wildcards: WORK / f"shards/{wildcards.recipe}-{wildcards.representation}",
    message:
        "Show the recordings of {wildcards.recipe}-{wildcards.representation}"
    conda:
        "../envs/training.yaml"
    shell:
        "exec python scripts/data_page.py --dataset {input.dataset:q} --shards {params.shards:q}"
        " --out {output:q} > {log:q} 2>&1"
