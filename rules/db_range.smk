# Which decibels a recipe's recordings fill, which range to clip them to, and what other ranges would cost.


rule measure_db_range:
    input:
        tables=tables_of,
        shards=lambda wildcards: shards_of(wildcards, "db-only"),
        pinned=lambda wildcards: pinned_of(wildcards.recipe),
    output:
        report(
            directory("results/db-range/{recipe}"),
            patterns=["{figure}.png"],
            caption="report/db_range.rst",
            category="Recordings",
            subcategory="{recipe}",
            labels={"dataset": "{recipe}", "what": "dB {figure}"},
        ),
    log:
        "logs/measure_db_range/{recipe}.log",
    benchmark:
        "logs/benchmarks/measure_db_range/{recipe}.tsv"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        values=lambda wildcards: recipe_values(wildcards.recipe, "dataset", RANGES),
        code=lambda wildcards: code("measure_db_range", heard=("report",)),
        shards=lambda wildcards: WORK / f"shards/{wildcards.recipe}-db-only",
    message:
        "Measure the decibels of {wildcards.recipe}"
    conda:
        "../envs/preprocessing.yaml"
    shell:
        "exec python scripts/measure_db_range.py --recipe {wildcards.recipe} --index {input.tables:q}"
        " --shards {params.shards:q} --out {output:q} > {log:q} 2>&1"
